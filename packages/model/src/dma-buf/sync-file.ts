/** Fences as files: sync files, and timelines that a program advances itself. */
import { File, Inode } from "../fs/file.js";
import type { FileOps } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import { Fence } from "./resv.js";

/** A set of fences behind a descriptor (struct sync_file, drivers/dma-buf/sync_file.c). */
export class SyncFile {
  constructor(readonly fences: readonly Fence[]) {}
  get signaled(): boolean {
    return this.fences.every((fence) => fence.signaled);
  }
}

const syncFileOps: FileOps = {
  *poll(file) {
    return (file.data as SyncFile).signaled ? ["in"] : [];
  },
  path: () => "anon_inode:sync_file",
};

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

/** A timeline of sw_sync: a counter that a program advances (struct sync_timeline, drivers/dma-buf/sw_sync.c). */
export class Timeline {
  private value = 0;
  private readonly waiting: { readonly fence: Fence; readonly at: number }[] = [];
  constructor(private readonly id: number) {}

  /** A fence that signals once the counter has reached `at` (sync_pt_create). */
  fence(k: Kernel, at: number): Fence {
    const fence = new Fence(k.id(), this.id, at);
    if (at <= this.value) fence.signal();
    else this.waiting.push({ fence, at });
    return fence;
  }

  /** Advances the counter (sync_timeline_signal). */
  advance(by: number): void {
    this.value += by;
    for (const { fence, at } of this.waiting) if (at <= this.value) fence.signal();
  }
}
