/**
 * ioctl by bare number with a null argument: what the VFS answers itself (fs/ioctl.c), and what the
 * file's own ioctl says. Where the numbers of a driver are many, those that kernels were asked for are
 * here; others are not modelled.
 */
import { errnos } from "@litmap/litmus";
import { machineOf, VirtualMachine } from "../consumers/kvm.js";
import { Container, vfioRules } from "../consumers/vfio.js";
import { DrmFile } from "../exporters/gem.js";
import { dmaBufOf } from "../dma-buf/buffer.js";
import { NotModelled } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { File, FileKind } from "../vfs/file.js";
import type { Task } from "../task.js";

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
  "fd/driver-ioctl": {
    sentence: "A driver that knows the number but has nothing to do for a null argument gives its own answer.",
    kernel:
      "kvm_vm_ioctl, virt/kvm/kvm_main.c; drm_ioctl, drivers/gpu/drm/drm_ioctl.c; sock_ioctl, net/socket.c; " +
      "video_ioctl2, drivers/media/v4l2-core/v4l2-ioctl.c",
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
const FICLONE = 0x40049409;
const FICLONERANGE = 0x4020940d;
const FIDEDUPERANGE = 0xc0189436;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FS_IOC_GETFSUUID = 0x80111500;
/** FS_IOC_RESVSP, _UNRESVSP, the two with 64 in their names, and _ZERO_RANGE. */
const RESERVATIONS: readonly number[] = [0x40305828, 0x40305829, 0x4030582a, 0x4030582b, 0x40305839];

/** File systems by the kinds of their files. */
const REGULAR: ReadonlySet<FileKind> = new Set(["memfd", "file", "hugetlb", "sysfs"]);
const TMPFS: ReadonlySet<FileKind> = new Set(["memfd", "file"]);
/** Their superblock has a UUID; devtmpfs has, too. */
const WITH_UUID: ReadonlySet<FileKind> = new Set(["memfd", "file", "sysfs", "disk", "drm", "v4l2", "pcm"]);

/** do_vfs_ioctl, then the file's own: 0 or a negative errno. The argument is a null pointer. */
export function vfsIoctl(k: Kernel, task: Task, file: File, request: number): number {
  const { kind } = file.inode;
  const regular = REGULAR.has(kind);
  const inode = k.design["vfs.fileattr"] === "vfs";
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      return 0;
    case FIONBIO:
    case FIOASYNC:
    case FIGETBSZ:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      return fault(k, request);
    case FIFREEZE:
    case FS_IOC_FIEMAP:
      return k.refuse(ioctlRules["fd/no-freeze"], errnos.EOPNOTSUPP, kind);
    case FITHAW:
      return k.refuse(ioctlRules["fd/no-freeze"], errnos.EINVAL, kind);
    case FICLONE:
      throw new NotModelled("FICLONE with a null argument clones descriptor 0, of which litmap knows nothing");
    case FIOQSIZE:
    case FIBMAP:
      return regular ? fault(k, request) : own(k, task, file, request);
    case FIONREAD:
      return regular ? fault(k, request) : own(k, task, file, request);
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSSETXATTR:
      return inode ? fault(k, request) : own(k, task, file, request);
    case FS_IOC_GETFLAGS:
    case FS_IOC_FSGETXATTR:
      return inode && TMPFS.has(kind) ? fault(k, request) : own(k, task, file, request);
    case FS_IOC_GETFSUUID:
      return k.design["vfs.fs-uuid"] === "present" && (WITH_UUID.has(kind) || isContainer(file))
        ? fault(k, request)
        : own(k, task, file, request);
    default:
      return regular && RESERVATIONS.includes(request) ? fault(k, request) : own(k, task, file, request);
  }
}

/** What a file says to an ioctl of another kind of file: a negative errno. `rule` says that it does not know it. */
export function foreignIoctl(k: Kernel, task: Task, file: File, rule = ioctlRules["fd/unknown-ioctl"]): number {
  if (file.data instanceof VirtualMachine) {
    const machine = machineOf(k, task, file);
    if (typeof machine === "number") return machine;
  }
  if (file.data instanceof Container && !file.data.attached)
    return k.refuse(vfioRules["vfio/no-group"], errnos.EINVAL, "an ioctl of another kind of file");
  return k.refuse(rule, errnos.ENOTTY, `a file of kind '${file.inode.kind}'`);
}

const isContainer = (file: File): boolean => file.data instanceof Container;

/** The type byte of a request. */
const typeOf = (request: number): string => String.fromCharCode((request >>> 8) & 0xff);

/** vfs_ioctl: the file's unlocked_ioctl. */
function own(k: Kernel, task: Task, file: File, request: number): number {
  if (file.data instanceof VirtualMachine) return kvmVmIoctl(k, task, file, request);
  if (file.data instanceof Container) return containerIoctl(k, task, file, file.data, request);
  switch (file.inode.kind) {
    case "dma-buf":
      return dmaBufKnows(k, file, request) ? fault(k, request) : foreignIoctl(k, task, file);
    case "sync-file":
      return syncFileKnows(k, request) ? fault(k, request) : foreignIoctl(k, task, file);
    case "pipe":
      return request === FIONREAD ? fault(k, request) : foreignIoctl(k, task, file);
    case "v4l2":
      return videoIoctl(k, task, file, request);
    case "drm":
      return drmIoctl(k, task, file, request);
    case "socket":
      return among(k, task, file, request, SOCKET);
    case "pcm":
      return among(k, task, file, request, PCM);
    case "disk":
      return among(k, task, file, request, file.ops.path(file).startsWith("/dev/nvme") ? NVME : DISK);
    case "sw-sync":
      throw notModelled(file, request);
    default:
      return foreignIoctl(k, task, file);
  }
}

/** What a driver is known to say to a null argument. */
interface Known {
  /** Type bytes that it may know numbers of; any other number gives ENOTTY. */
  readonly types: string;
  readonly ok?: readonly number[];
  readonly fault?: readonly number[];
  readonly errors?: ReadonlyMap<number, number>;
  /** Numbers of these types that it does not know. */
  readonly unknown?: readonly number[];
}

const NOT_A_TERMINAL: readonly number[] = [0x5401, 0x5413, 0x540e, FIOQSIZE];

/** sock_ioctl and packet_ioctl: numbers of sockets, of network devices, of terminals. */
const SOCKET: Known = {
  types: "\x89\x8bT",
  fault: [FIONREAD, 0x8901, 0x8903, 0x8904, 0x8910, 0x8912, 0x8913, 0x89ff],
  errors: new Map([[0x8906, errnos.ENOENT]]),
  unknown: NOT_A_TERMINAL,
};

/** snd_pcm_playback_ioctl: PVERSION, INFO, HW_REFINE, HW_PARAMS, STATUS, USER_PVERSION. */
const PCM: Known = {
  types: "A",
  fault: [0x80044100, 0x81204101, 0xc2604110, 0xc2604111, 0x80984120, 0x40044104],
  unknown: [0x41ff],
};

/** blkdev_ioctl: GETSIZE, GETSIZE64, SSZGET, ROGET, PBSZGET, IOMIN. */
const BLOCK_FAULTS: readonly number[] = [0x1260, 0x80081272, 0x1268, 0x125e, 0x127b, 0x1278];
const DISK: Known = { types: "\x12SL\x22", fault: BLOCK_FAULTS, unknown: [0x12ff, 0x40081270] };

/** nvme_ioctl besides: ID, ADMIN_CMD, IO_CMD. */
const NVME: Known = {
  types: "\x12SL\x22N",
  ok: [0x4e40],
  fault: [...BLOCK_FAULTS, 0xc0484e41, 0xc0484e43],
  unknown: [0x12ff, 0x40081270, 0x4eff],
};

/** kvm_vm_ioctl: CHECK_EXTENSION, GET_DIRTY_LOG, SET_USER_MEMORY_REGION, CREATE_VCPU, SET_IDENTITY_MAP_ADDR. */
const KVM: Known = {
  types: "\xae",
  ok: [0xae03],
  fault: [0x4010ae42, 0x4020ae46],
  errors: new Map<number, number>([
    [0xae41, errnos.EEXIST],
    [0x4008ae48, errnos.EINVAL],
  ]),
  unknown: [0xae00, 0xae04, 0xae80, 0x8138ae83, 0x4090ae82, 0xaeff, 0xae9a],
};

/** drm_ioctl: numbers of every driver, in the order of the core's table. */
const DRM_CORE: readonly number[] = [
  0xc0406400, 0xc0106401, 0x80046402, 0xc0106407, 0x40086409, 0xc008640a, 0xc010640b, 0xc010640c, 0x4010640d,
  0xc00c642d, 0xc00c642e, 0xc04064a0, 0xc02064b2, 0xc01064b3, 0xc00464b4,
];
const DRM_BEYOND = 0x64ff;
/** Numbers of a driver's own, from 0x40 on, that read their argument; by the number of its card. */
const DRM_DRIVER: readonly (readonly number[])[] = [
  [0xc0186441, 0xc0406442],
  [0xc0186441, 0xc0406442],
  [],
  [0xc0106440, 0xc0186441, 0xc0406442],
];
const DRM_ASKED: readonly number[] = [0xc0106440, 0xc0186441, 0xc0406442];

function drmIoctl(k: Kernel, task: Task, file: File, request: number): number {
  if (!(file.data instanceof DrmFile)) throw notModelled(file, request);
  const own = DRM_DRIVER[file.data.dev.driver.card] ?? [];
  const known: Known = {
    types: "d",
    fault: [...DRM_CORE, ...own],
    errors: new Map(
      [DRM_BEYOND, ...(DRM_DRIVER[file.data.dev.driver.card] ? DRM_ASKED : [])]
        .filter((number) => !own.includes(number))
        .map((number) => [number, errnos.EINVAL]),
    ),
  };
  return among(k, task, file, request, known);
}

function among(k: Kernel, task: Task, file: File, request: number, known: Known): number {
  if (!known.types.includes(typeOf(request))) return foreignIoctl(k, task, file);
  if (known.fault?.includes(request) === true) return fault(k, request);
  const about = `request 0x${request.toString(16)} on ${file.inode.kind}`;
  if (known.ok?.includes(request) === true) {
    k.note(ioctlRules["fd/driver-ioctl"], about);
    return 0;
  }
  const error = known.errors?.get(request);
  if (error !== undefined) return k.refuse(ioctlRules["fd/driver-ioctl"], error, about);
  if (known.unknown?.includes(request) === true) return unknown(k, file);
  throw notModelled(file, request);
}

function kvmVmIoctl(k: Kernel, task: Task, file: File, request: number): number {
  const machine = machineOf(k, task, file);
  return typeof machine === "number" ? machine : among(k, task, file, request, KVM);
}

/** vfio_fops_unl_ioctl: GET_API_VERSION, CHECK_EXTENSION, SET_IOMMU; the rest is the IOMMU driver's. */
function containerIoctl(k: Kernel, task: Task, file: File, container: Container, request: number): number {
  const about = `request 0x${request.toString(16)}`;
  switch (request) {
    case 0x3b64:
    case 0x3b65:
      k.note(ioctlRules["fd/driver-ioctl"], about);
      return 0;
    case 0x3b66:
      return k.refuse(ioctlRules["fd/driver-ioctl"], errnos.EINVAL, about);
    case 0x3b70:
    case 0x3b71:
    case 0x3b72:
    case 0x3b75:
      return container.attached ? fault(k, request) : foreignIoctl(k, task, file);
    default:
      return foreignIoctl(k, task, file);
  }
}

/** VIDIOC_QUERYCAP, VIDIOC_G_INPUT and VIDIOC_G_PRIORITY: what every camera answers, into its argument. */
const VIDEO_ANSWERS: readonly number[] = [0x80685600, 0x80045626, 0x80045643];
/** VIDIOC_G_STD: the input has none. */
const VIDEO_STANDARD = 0x80085617;
const VIDEO_UNKNOWN: readonly number[] = [0x56ff];

/**
 * video_usercopy, drivers/media/v4l2-core/v4l2-ioctl.c: an argument that goes in is read before the request is looked
 * at.
 */
function videoIoctl(k: Kernel, task: Task, file: File, request: number): number {
  const goesIn = (request & 0x40000000) !== 0 && ((request >>> 16) & 0x3fff) > 0;
  if (goesIn) return fault(k, request);
  return among(k, task, file, request, {
    types: "V",
    fault: VIDEO_ANSWERS,
    errors: new Map([[VIDEO_STANDARD, errnos.ENODATA]]),
    unknown: VIDEO_UNKNOWN,
  });
}

/** DMA_BUF_IOCTL_SYNC, DMA_BUF_SET_NAME_A and _B, and the two of sync files. */
const SYNC = 0x40086200;
const SET_NAME_A = 0x40046201;
const SET_NAME_B = 0x40086201;
const EXPORT_SYNC_FILE = 0xc0086202;
const IMPORT_SYNC_FILE = 0x40086203;

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

/** SYNC_IOC_MERGE, SYNC_IOC_FILE_INFO and SYNC_IOC_SET_DEADLINE. */
function syncFileKnows(k: Kernel, request: number): boolean {
  if (request === 0x40103e05) return k.design["sync-file.deadline"] === "present";
  return request === 0xc0303e03 || request === 0xc0383e04;
}

function notModelled({ inode }: File, request: number): NotModelled {
  return new NotModelled(`litmap does not model ioctl 0x${request.toString(16)} of a file of kind '${inode.kind}'`);
}

function fault(k: Kernel, request: number): number {
  return k.refuse(ioctlRules["fd/null-argument"], errnos.EFAULT, `request 0x${request.toString(16)}`);
}

function unknown(k: Kernel, file: File): number {
  return k.refuse(ioctlRules["fd/unknown-ioctl"], errnos.ENOTTY, `a file of kind '${file.inode.kind}'`);
}
