/** Fences as files: sync files, and timelines that a program advances itself. */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { rules } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Files } from "../task.js";
import { Fence } from "./resv.js";

const rule = rules({
  "dma-buf/timeline-ended": {
    sentence: "Release of a sw_sync timeline signals its pending fences with an error.",
    kernel: "sw_sync_debugfs_release, drivers/dma-buf/sw_sync.c",
  },
});

/** A set of fences behind a descriptor (struct sync_file, drivers/dma-buf/sync_file.c). */
export class SyncFile {
  /** Somebody waits for it: several fences then tell it when they signal, and of what they died. */
  private awaited = false;
  constructor(readonly fences: readonly Fence[]) {}
  get signaled(): boolean {
    return this.fences.every((fence) => fence.signaled);
  }

  /** sync_file_poll: whether it has signalled; an early poll is completed later. */
  poll(): boolean {
    this.awaited ||= !this.signaled;
    return this.signaled;
  }

  /** dma_fence_get_status: 0, 1 or a negative errno. Of several fences an error is known only after a wait. */
  get status(): number {
    if (!this.signaled) return 0;
    const heard = this.fences.length === 1 || this.awaited;
    return (heard ? this.fences.find(({ error }) => error < 0)?.error : undefined) ?? 1;
  }
}

const syncFileOps: FileOps = {
  *poll(file) {
    return (file.data as SyncFile).poll() ? ["in"] : [];
  },
  path: () => "anon_inode:sync_file",
};

/** sync_file_merge: what has not signalled, of each timeline the latest. */
export function syncFileMerge(a: SyncFile, b: SyncFile): Fence[] {
  const latest = new Map<number, Fence>();
  for (const fence of [...a.fences, ...b.fences]) {
    if (fence.signaled) continue;
    const other = latest.get(fence.context);
    if (other === undefined || ((fence.seqno - other.seqno) | 0) > 0) latest.set(fence.context, fence);
  }
  return [...latest.values()];
}

/** A new open sync file (sync_file_create, drivers/dma-buf/sync_file.c). */
export function syncFileCreate(k: Kernel, fences: readonly Fence[]): File {
  const inode = new Inode(k.id(), "sync-file");
  inode.mode = 0o600;
  inode.noexec = k.design["dma-buf.mount"] === "noexec";
  return new File(inode, syncFileOps, true, false, false, new SyncFile(fences));
}

/** The fences of a file, or undefined when it is no sync file (sync_file_get_fence). */
export function syncFileGetFence(file: File | undefined): SyncFile | undefined {
  return file !== undefined && file.data instanceof SyncFile ? file.data : undefined;
}

/** SW_SYNC_IOC_INC goes in steps of at most so much. */
const INT_MAX = 0x7fffffff;

/**
 * A timeline of sw_sync: a counter that a program advances, and that ends with its file (struct sync_timeline,
 * drivers/dma-buf/sw_sync.c).
 */
export class Timeline {
  /** 32 bits. */
  private value = 0;
  private waiting: { readonly fence: Fence; readonly at: number }[] = [];

  private constructor(
    private readonly k: Kernel,
    private readonly id: number,
  ) {}

  /** Opens sw_sync: a new timeline behind a descriptor of its own, the one that this table's processes advance. */
  static open(k: Kernel, files: Files): Timeline {
    const inode = new Inode(k.id(), "sw-sync");
    const timeline = new Timeline(k, inode.id);
    files.install(
      new File(
        inode,
        { path: () => "/sys/kernel/debug/sync/sw_sync", release: () => timeline.end() },
        true,
        true,
        false,
        timeline,
      ),
    );
    files.timeline = timeline;
    return timeline;
  }

  /** A fence that signals once the counter has reached `at` (sync_pt_create). */
  fence(at: number): Fence {
    const later = this.isLater(at);
    const fence = new Fence(this.k.id(), this.id, at, !later);
    if (later) this.waiting.push({ fence, at });
    return fence;
  }

  /** Whether a point still lies ahead: numbers wrap round, so that one far ahead lies behind (__dma_fence_is_later). */
  private isLater(at: number): boolean {
    return ((at - this.value) | 0) > 0;
  }

  /** Advances the counter (sw_sync_ioctl_inc). */
  *advance(by: number): Path<void> {
    for (let left = by; left > 0; left -= INT_MAX) yield* this.signal(Math.min(left, INT_MAX));
  }

  /** sync_timeline_signal. */
  private *signal(by: number): Path<void> {
    this.value = (this.value + by) % 2 ** 32;
    const reached = this.waiting.filter(({ at }) => !this.isLater(at));
    this.waiting = this.waiting.filter(({ at }) => this.isLater(at));
    for (const { fence } of reached) yield* fence.signal();
  }

  /** sw_sync_debugfs_release: with the last descriptor every fence signals, as failed. */
  private *end(): Path<void> {
    for (const { fence } of this.waiting.splice(0)) {
      this.k.note(rule["dma-buf/timeline-ended"]);
      yield* fence.signal(-errnos.ENOENT);
    }
  }
}
