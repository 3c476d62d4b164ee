/** ioctl by bare number with a null argument: what the VFS answers itself, and what a dma-buf knows (fs/ioctl.c). */
import { errnos } from "@litmap/litmus";
import { dmaBufOf } from "../dma-buf/buffer.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { File } from "../vfs/file.js";

export const ioctlRules = rules({
  "fd/unknown-ioctl": {
    sentence: "An ioctl that neither the VFS nor the file knows gives ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
  "fd/null-argument": {
    sentence: "An ioctl that reads or writes its argument at NULL gives EFAULT.",
    kernel: "do_vfs_ioctl, fs/ioctl.c",
  },
  "fd/no-freeze": {
    sentence: "A file system that supports neither freeze, fiemap nor clone gives EOPNOTSUPP.",
    kernel: "ioctl_fsfreeze, fs/ioctl.c",
  },
});

/** Requests that do_vfs_ioctl answers for every file. */
const FIOCLEX = 0x5451;
const FIONCLEX = 0x5450;
const FIONBIO = 0x5421;
const FIOASYNC = 0x5452;
const FIONREAD = 0x541b;
const FIOQSIZE = 0x5460;
const FIGETBSZ = 2;
const FIBMAP = 1;
const FIFREEZE = 0xc0045877;
const FITHAW = 0xc0045878;
const FS_IOC_FIEMAP = 0xc020660b;

/** DMA_BUF_IOCTL_SYNC, DMA_BUF_SET_NAME_A and _B, and the two of sync files. */
const SYNC = 0x40086200;
const SET_NAME_A = 0x40046201;
const SET_NAME_B = 0x40086201;
const EXPORT_SYNC_FILE = 0xc0086202;
const IMPORT_SYNC_FILE = 0x40086203;

/** do_vfs_ioctl, then the file's own: 0 or a negative errno. The argument is a null pointer. */
export function vfsIoctl(k: Kernel, file: File, request: number): number {
  const regular =
    file.inode.kind === "memfd" ||
    file.inode.kind === "file" ||
    file.inode.kind === "hugetlb" ||
    file.inode.kind === "sysfs";
  const fault = (): number =>
    k.refuse(ioctlRules["fd/null-argument"], errnos.EFAULT, `request 0x${request.toString(16)}`);
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      return 0;
    case FIONBIO:
    case FIOASYNC:
    case FIGETBSZ:
      return fault();
    case FIFREEZE:
    case FS_IOC_FIEMAP:
      return k.refuse(ioctlRules["fd/no-freeze"], errnos.EOPNOTSUPP, file.inode.kind);
    case FITHAW:
      return k.refuse(ioctlRules["fd/no-freeze"], errnos.EINVAL, file.inode.kind);
    case FIONREAD:
      return regular || file.inode.kind === "socket" ? fault() : unknown(k, file, request);
    case FIOQSIZE:
    case FIBMAP:
      return regular ? fault() : unknown(k, file, request);
    default:
      return dmaBufKnows(k, file, request) || videoCopies(file, request) ? fault() : unknown(k, file, request);
  }
}

/** VIDIOC_QUERYCAP, VIDIOC_G_INPUT and VIDIOC_G_PRIORITY: what every camera answers, into its argument. */
const VIDEO_ANSWERS: readonly number[] = [0x80685600, 0x80045626, 0x80045643];

/**
 * video_usercopy, drivers/media/v4l2-core/v4l2-ioctl.c: an argument that goes in is read before the request is looked
 * at.
 */
function videoCopies(file: File, request: number): boolean {
  const goesIn = (request & 0x40000000) !== 0 && ((request >>> 16) & 0x3fff) > 0;
  return file.inode.kind === "v4l2" && (goesIn || VIDEO_ANSWERS.includes(request));
}

/** Every request of a dma-buf begins with reading what its argument points at. */
function dmaBufKnows(k: Kernel, file: File, request: number): boolean {
  if (dmaBufOf(file) === undefined) return false;
  switch (request) {
    case SYNC:
    case SET_NAME_A:
    case SET_NAME_B:
      return true;
    case EXPORT_SYNC_FILE:
    case IMPORT_SYNC_FILE:
      return k.design["dma-buf.sync-file-ioctls"] === "present";
    default:
      return false;
  }
}

function unknown(k: Kernel, file: File, request: number): number {
  return k.refuse(
    ioctlRules["fd/unknown-ioctl"],
    errnos.ENOTTY,
    `request 0x${request.toString(16)} on ${file.inode.kind}`,
  );
}
