/** struct file, struct inode and descriptors, as far as memory needs them. */
import { LLONG_MAX, withinPage } from "../word.js";
import { Lock } from "../sched/path.js";
import type { Path } from "../sched/path.js";
import type { Vma } from "../mm/vma.js";
import type { Task } from "../task.js";

export type FileKind =
  | "dma-buf"
  | "memfd"
  | "file"
  | "disk"
  | "pipe"
  | "sync-file"
  | "sw-sync"
  | "hugetlb"
  | "drm"
  | "v4l2"
  | "io-uring"
  | "socket"
  | "sysfs"
  | "chardev"
  | "kvm"
  | "vfio"
  | "pcm";

/** An address_space: the pages of an inode, and the VMAs that map it. */
export class AddressSpace {
  /** i_mmap: shared and private file VMAs that map it. */
  readonly vmas = new Set<Vma>();
  /** Page cache: frame numbers (heads' subpages resolved) by page index. */
  readonly pages = new Map<number, number>();
  unevictable = false;
  constructor(
    /** Never 0: a frame's `owner` of 0 means none. */
    readonly id: number,
    readonly host: Inode | undefined,
  ) {}
}

export class Inode {
  readonly mapping: AddressSpace;
  /** inode lock (i_rwsem). */
  readonly lock: Lock;
  /** i_size. Bytes; beyond 2^53 rounded within its last page. */
  private rounded = 0;
  private bytes: bigint | undefined;
  seals = 0;
  /** i_mmap_writable: shared mappings through which it can be written; -1 once F_SEAL_WRITE denies them. */
  writableMappings = 0;
  mode = 0o777;
  /** The mount it lies on allows no execution (path_noexec). */
  noexec = false;
  /** s_maxbytes of its file system. Bytes. */
  maxBytes = LLONG_MAX;
  /** Open files of it. */
  files = 0;
  constructor(
    readonly id: number,
    readonly kind: FileKind,
  ) {
    this.mapping = new AddressSpace(id, this);
    this.lock = new Lock("i_rwsem", `inode ${id}`);
  }

  get size(): number {
    return this.rounded;
  }

  set size(bytes: number) {
    this.rounded = bytes;
    this.bytes = undefined;
  }

  /** To the byte. */
  get exactSize(): bigint {
    return this.bytes ?? BigInt(this.rounded);
  }

  set exactSize(bytes: bigint) {
    this.bytes = bytes;
    this.rounded = withinPage(bytes);
  }
}

/** file_operations, as the model's files have them. Absent means a null pointer in the kernel's table. */
export interface FileOps {
  mmap?(file: File, vma: Vma): Path<number>;
  /** get_unmapped_area: 0 when the usual search may follow, or a negative errno. Bytes and pages. */
  unmappedArea?(address: number, pgoff: number): number;
  /** `address` is below TASK_SIZE, `length` at most MAX_RW_COUNT; without an offset the file's position is meant. */
  read?(task: Task, file: File, address: number, length: number, offset: bigint | undefined): Path<number>;
  write?(task: Task, file: File, address: number, length: number, offset: bigint | undefined): Path<number>;
  llseek?(file: File, offset: bigint, whence: "set" | "cur" | "end"): Path<number | bigint>;
  /** The range ends at most at s_maxbytes. */
  fallocate?(file: File, mode: "allocate" | "keep_size" | "punch_hole", offset: bigint, length: bigint): Path<number>;
  truncate?(file: File, length: bigint): Path<number>;
  fsync?(file: File): Path<number>;
  /** Ready events among `in`, `out`, `pri`, `err`. */
  poll?(file: File, events: readonly string[]): Path<readonly string[]>;
  /**
   * Another open of the inode through /proc/PID/fd: the new open file, or a negative errno. Absent: a file like this
   * one.
   */
  reopen?(file: File, readable: boolean, writable: boolean): Path<File | number>;
  release?(file: File): Path<void>;
  /** It has a get_unmapped_area of its own, other than that of shmem and hugetlb. */
  readonly choosesAddresses?: boolean;
  /** Text of /proc/PID/fd/N and of the maps column. */
  path(file: File): string;
}

/** An open file description. */
export class File {
  /** f_count. */
  refs = 1;
  /** f_pos. */
  position = 0n;
  /** f_mapping, where mappings of it are kept: the inode's, or another's that wants to find them. */
  mapping: AddressSpace;
  constructor(
    readonly inode: Inode,
    readonly ops: FileOps,
    readonly readable: boolean,
    readonly writable: boolean,
    /** O_DIRECT. */
    readonly direct = false,
    /** private_data: the DmaBuf of a dma-buf's file, ... */
    public data: unknown = undefined,
  ) {
    this.mapping = inode.mapping;
    inode.files++;
  }
}

/** Drops a reference; the last one releases the file (fput, fs/file_table.c). */
export function* fput(file: File): Path<void> {
  if (--file.refs === 0 && file.ops.release !== undefined) yield* file.ops.release(file);
}
