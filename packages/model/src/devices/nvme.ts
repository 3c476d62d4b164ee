/** An NVMe namespace on QEMU's null device: it transfers, and keeps nothing (drivers/nvme/host/pci.c). */
import { Disk, DISK_BYTES, openBlockDevice } from "../fs/disk.js";
import { Inode } from "../vfs/file.js";
import { slot } from "../slot.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";

const namespace = slot(
  (k) =>
    new Disk(
      new Inode(k.id(), "disk"),
      "/dev/nvme0n1",
      { read: (_position, length) => new Uint8Array(Math.min(length, DISK_BYTES)), write: () => {} },
      true,
    ),
);

/** Opens the namespace past the page cache. */
export function openNvme(k: Kernel): File {
  return openBlockDevice(k, namespace(k), true);
}
