/** vfs_fallocate and do_ftruncate, fs/open.c: what they check before the file's own method runs. */
import { errnos } from "@litmap/litmus";
import { descriptorRules as rule } from "../rules/shmem.js";
import type { File } from "./file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

/** What S_ISREG is true for. */
function isRegular(file: File): boolean {
  return (
    file.inode.kind === "memfd" ||
    file.inode.kind === "file" ||
    file.inode.kind === "hugetlb" ||
    file.inode.kind === "sysfs"
  );
}

/** vfs_fallocate. Bytes. 0, -EINVAL, -EBADF, -ESPIPE, -ENODEV, -EFBIG, -EOPNOTSUPP, or what the method gives. */
export function* vfsFallocate(
  k: Kernel,
  file: File,
  mode: "allocate" | "keep_size" | "punch_hole",
  offset: number,
  length: number,
): Path<number> {
  const about = `inode ${file.inode.id}`;
  if (offset < 0 || offset >= 2 ** 63 || length <= 0 || length >= 2 ** 63)
    return k.refuse(rule["fallocate-range"], errnos.EINVAL, about);
  if (!file.writable) return k.refuse(rule["fallocate-not-writable"], errnos.EBADF, about);
  if (file.inode.kind === "pipe") return k.refuse(rule["fallocate-kind"], errnos.ESPIPE, about);
  if (!isRegular(file) && file.inode.kind !== "disk") return k.refuse(rule["fallocate-kind"], errnos.ENODEV, about);
  if (offset + length >= 2 ** 63 || offset + length > file.inode.maxBytes)
    return k.refuse(rule["fallocate-too-big"], errnos.EFBIG, about);
  if (file.ops.fallocate === undefined) return k.refuse(rule["fallocate-none"], errnos.EOPNOTSUPP, about);
  return yield* file.ops.fallocate(file, mode, offset, length);
}

/** do_ftruncate. Bytes. 0, -EINVAL, or what the method gives. */
export function* ftruncate(k: Kernel, file: File, length: number): Path<number> {
  const about = `inode ${file.inode.id}`;
  if (length >= 2 ** 63 || !isRegular(file) || !file.writable || file.ops.truncate === undefined)
    return k.refuse(rule["truncate-kind"], errnos.EINVAL, about);
  return yield* file.ops.truncate(file, length);
}
