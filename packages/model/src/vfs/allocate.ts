/** vfs_fallocate and do_ftruncate, fs/open.c: what they check before the file's own method runs. */
import { errnos } from "@litmap/litmus";
import { rules } from "../rules/rule.js";
import { LLONG_MAX, loff } from "../word.js";
import type { File } from "./file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "descriptor/truncate-kind": {
    sentence: "ftruncate needs a regular file open for writing, else EINVAL.",
    kernel: [
      ["5.10", "do_sys_ftruncate, fs/open.c"],
      ["6.12", "do_ftruncate, fs/open.c"],
    ],
  },
  "descriptor/fallocate-range": {
    sentence: "fallocate with a negative offset or a length of 0 or less gives EINVAL.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "descriptor/fallocate-not-writable": {
    sentence: "fallocate needs a descriptor open for writing, else EBADF.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "descriptor/fallocate-kind": {
    sentence: "fallocate needs a regular file or a block device: a pipe gives ESPIPE, others ENODEV.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "descriptor/fallocate-too-big": {
    sentence: "fallocate past s_maxbytes gives EFBIG.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "descriptor/fallocate-none": {
    sentence: "A file without a fallocate method gives EOPNOTSUPP.",
    kernel: "vfs_fallocate, fs/open.c",
  },
});

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
  at: bigint,
  bytes: bigint,
): Path<number> {
  const about = `inode ${file.inode.id}`;
  const [offset, length] = [loff(at), loff(bytes)];
  if (offset < 0 || length <= 0) return k.refuse(rule["descriptor/fallocate-range"], errnos.EINVAL, about);
  if (!file.writable) return k.refuse(rule["descriptor/fallocate-not-writable"], errnos.EBADF, about);
  if (file.inode.kind === "pipe") return k.refuse(rule["descriptor/fallocate-kind"], errnos.ESPIPE, about);
  if (!isRegular(file) && file.inode.kind !== "disk")
    return k.refuse(rule["descriptor/fallocate-kind"], errnos.ENODEV, about);
  if (offset + length > LLONG_MAX || offset + length > file.inode.maxBytes)
    return k.refuse(rule["descriptor/fallocate-too-big"], errnos.EFBIG, about);
  if (file.ops.fallocate === undefined) return k.refuse(rule["descriptor/fallocate-none"], errnos.EOPNOTSUPP, about);
  return yield* file.ops.fallocate(file, mode, offset, length);
}

/** do_ftruncate. Bytes. 0, -EINVAL, or what the method gives. */
export function* ftruncate(k: Kernel, file: File, word: bigint): Path<number> {
  const about = `inode ${file.inode.id}`;
  const length = loff(word);
  if (length < 0 || !isRegular(file) || !file.writable || file.ops.truncate === undefined)
    return k.refuse(rule["descriptor/truncate-kind"], errnos.EINVAL, about);
  return yield* file.ops.truncate(file, length);
}
