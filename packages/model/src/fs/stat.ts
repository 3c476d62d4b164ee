/** What fstat says of a file (fs/stat.c). */
import { HUGE_SIZE } from "../mm/hugetlb.js";
import type { Kernel } from "../kernel.js";
import type { Inode } from "../vfs/file.js";

/** st_size, bytes. A block device's node says nothing of the device's size. */
export function shownSize(inode: Inode): bigint {
  return inode.kind === "disk" ? 0n : inode.exactSize;
}

/** Bytes that st_blocks counts: a dma-buf says its size, memory files what they have allocated. */
export function allocatedBytes(k: Kernel, inode: Inode): number {
  switch (inode.kind) {
    case "dma-buf":
      return inode.size;
    case "disk":
      return 0;
    case "hugetlb":
      return inode.mapping.pages.size * HUGE_SIZE;
    default:
      return inode.mapping.pages.size * k.pageSize;
  }
}
