/**
 * Numbers that the kernel fixes for programs: flags, commands, ioctl requests, struct
 * sizes. The same on x86_64, arm64 and arm unless said.
 */
import type { Isa } from "@litmap/litmus";

type Bits<T extends string> = Readonly<Record<T, number>>;

/** The sum of the bits that words stand for. */
export function bitsOf<T extends string>(table: Bits<T>, words: readonly T[]): number {
  return words.reduce((sum, word) => sum | table[word], 0) >>> 0;
}

/** The words whose bits are set. */
export function wordsOf(table: Bits<string>, bits: number): string[] {
  return Object.keys(table).filter((word) => (bits & table[word]) !== 0);
}

export const prot = { r: 1, w: 2, x: 4, rw: 3, rx: 5, wx: 6, rwx: 7 } as const;

export const mapFlags = {
  shared: 0x1,
  private: 0x2,
  shared_validate: 0x3,
  populate: 0x8000,
  locked: 0x2000,
  noreserve: 0x4000,
  sync: 0x80000,
  noreplace: 0x100000,
} as const;
export const mapFixed = 0x10;
export const mapAnonymous = 0x20;

export const mremapFlags = { maymove: 1, fixed: 2, dontunmap: 4 } as const;
export const msyncFlags = { async: 1, invalidate: 2, sync: 4 } as const;
export const mlockFlags = { onfault: 1 } as const;
export const mlockallFlags = { current: 1, future: 2, onfault: 4 } as const;

export const madvise = {
  normal: 0,
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  free: 8,
  remove: 9,
  dontfork: 10,
  dofork: 11,
  mergeable: 12,
  unmergeable: 13,
  hugepage: 14,
  nohugepage: 15,
  dontdump: 16,
  dodump: 17,
  wipeonfork: 18,
  keeponfork: 19,
  cold: 20,
  pageout: 21,
  populate_read: 22,
  populate_write: 23,
  dontneed_locked: 24,
  collapse: 25,
  guard_install: 102,
  guard_remove: 103,
} as const;

export const seals = {
  seal_seal: 1,
  seal_shrink: 2,
  seal_grow: 4,
  seal_write: 8,
  seal_future_write: 0x10,
  seal_exec: 0x20,
} as const;
export const dupFdCloexec = 1030;
export const addSeals = 1033;
export const getSeals = 1034;

export const memfdFlags = { allowSealing: 2, hugetlb2M: 4 | (21 << 26) } as const;

export const open = { r: 0, w: 1, rw: 2, nonblock: 0o4000, cloexec: 0o2000000 } as const;
/** Bits that arm and arm64 number differently. */
export const openByIsa: Readonly<
  Record<Isa, { readonly direct: number; readonly tmpfile: number; readonly largefile: number }>
> = {
  x86_64: { direct: 0o40000, tmpfile: 0o20200000, largefile: 0 },
  arm64: { direct: 0o200000, tmpfile: 0o20040000, largefile: 0 },
  arm: { direct: 0o200000, tmpfile: 0o20040000, largefile: 0o400000 },
};
export const atFdcwd = -100;
export const atEmptyPath = 0x1000;

export const whence = { set: 0, cur: 1, end: 2 } as const;
export const fallocate = { allocate: 0, keep_size: 1, punch_hole: 3 } as const;
/** Zeros over a range of a block device: start and length, 64 bits each. */
export const blkZeroOut = 0x127f;
export const pollEvents = { in: 1, pri: 2, out: 4, err: 8, hup: 16, nval: 32 } as const;

export const dmaBufSync = { start: 0, read: 1, write: 2, end: 4, bit3: 8 } as const;

/** `_IOC`: direction (1 write, 2 read, 3 both), type, number, size of the struct in bytes. */
export const ioc = (direction: 1 | 2 | 3, type: string | number, number: number, size: number): number =>
  ((direction << 30) | (size << 16) | ((typeof type === "string" ? type.charCodeAt(0) : type) << 8) | number) >>> 0;

/** Sizes of the structs that go with the requests, bytes. */
export const structBytes = {
  dmaHeapAllocation: 24,
  gupTest: 80,
  syncMergeData: 48,
  syncFileInfo: 56,
  udmabufCreate: 24,
  udmabufList: 8,
  udmabufItem: 24,
  dmaBufSync: 8,
  dmaBufSyncFile: 8,
  uffdioApi: 24,
  uffdioRegister: 32,
  swSyncFence: 40,
  ioUringParams: 120,
  statx: 256,
  pollfd: 8,
  kvmMemoryRegion: 32,
  kvmDirtyLog: 16,
  kvmRegs: 144,
  kvmSregs: 312,
  vfioMapDma: 32,
  vfioUnmapDma: 24,
  tpacketReq: 16,
} as const;

/** Requests of gup_test, by the function that each has called. */
export const gupTest = {
  fast: ioc(3, "g", 1, structBytes.gupTest),
  pin_fast: ioc(3, "g", 2, structBytes.gupTest),
  longterm: ioc(3, "g", 3, structBytes.gupTest),
  get: ioc(3, "g", 4, structBytes.gupTest),
  pin: ioc(3, "g", 5, structBytes.gupTest),
} as const;

export const requests = {
  syncMerge: ioc(3, ">", 3, structBytes.syncMergeData),
  syncFileInfo: ioc(3, ">", 4, structBytes.syncFileInfo),
  dmaHeapAlloc: ioc(3, "H", 0, structBytes.dmaHeapAllocation),
  udmabufCreate: ioc(1, "u", 0x42, structBytes.udmabufCreate),
  udmabufCreateList: ioc(1, "u", 0x43, structBytes.udmabufList),
  dmaBufSync: ioc(1, "b", 0, structBytes.dmaBufSync),
  dmaBufSetName: ioc(1, "b", 1, 8),
  dmaBufExportSyncFile: ioc(3, "b", 2, structBytes.dmaBufSyncFile),
  dmaBufImportSyncFile: ioc(1, "b", 3, structBytes.dmaBufSyncFile),
  /** Proposed; no release knows it. */
  dmaBufXferCharge: ioc(1, "b", 4, 8),
  uffdioApi: ioc(3, 0xaa, 0x3f, structBytes.uffdioApi),
  uffdioRegister: ioc(3, 0xaa, 0x00, structBytes.uffdioRegister),
  swSyncCreateFence: ioc(3, "W", 0, structBytes.swSyncFence),
  swSyncInc: ioc(1, "W", 1, 4),
  kvmSetUserMemoryRegion: ioc(1, 0xae, 0x46, structBytes.kvmMemoryRegion),
  kvmGetDirtyLog: ioc(1, 0xae, 0x42, structBytes.kvmDirtyLog),
  kvmSetRegs: ioc(1, 0xae, 0x82, structBytes.kvmRegs),
  kvmGetSregs: ioc(2, 0xae, 0x83, structBytes.kvmSregs),
  kvmSetSregs: ioc(1, 0xae, 0x84, structBytes.kvmSregs),
} as const;

export const uffdioApiVersion = 0xaa;
export const uffdModes = { missing: 1, wp: 2, minor: 4 } as const;

export const spliceFlags = { nonblock: 2, gift: 8 } as const;
export const futexOps = { wait: 0, wake: 1, private: 128 } as const;
export const mempolicy = { default: 0, preferred: 1, bind: 2 } as const;
export const mempolicyFlags = { strict: 1, move: 2 } as const;
/** MPOL_F_NODE | MPOL_F_ADDR */
export const nodeOfAddress = 3;

export const ptrace = { peekdata: 2, pokedata: 5, detach: 17, seize: 0x4206, interrupt: 0x4207 } as const;
/** RLIMIT_CORE and SIGABRT. */
export const core = { limit: 4, abort: 6 } as const;

/** TCP over the loopback device; sends are MSG_ZEROCOPY, do not wait, and raise no SIGPIPE. */
export const inet = {
  family: 2,
  stream: 1,
  level: 1,
  zerocopy: 60,
  sendFlags: 0x4000000 | 0x40 | 0x4000,
  setInterfaceFlags: 0x8914,
} as const;

/** __WALL */
export const waitAll = 0x40000000;

export const ioUring = {
  registerBuffers: 0,
  opRead: 22,
  opWrite: 23,
  enterGetevents: 1,
  offsetOfSqes: 0x10000000,
  /** Where io_uring_params says it: offsets of the submission queue's tail and array, and of the completions. */
  paramSqTail: 40 + 4,
  paramSqArray: 40 + 24,
  paramCqes: 80 + 20,
} as const;

/** Structs of DRM's ioctls, bytes. */
export const drmStructBytes = {
  createDumb: 32,
  mapDumb: 16,
  primeHandle: 12,
  gemClose: 8,
  qxlAlloc: 8,
  virtgpuCreateBlob: 48,
} as const;

export const drmRequests = {
  gemClose: ioc(1, "d", 0x09, drmStructBytes.gemClose),
  primeHandleToFd: ioc(3, "d", 0x2d, drmStructBytes.primeHandle),
  primeFdToHandle: ioc(3, "d", 0x2e, drmStructBytes.primeHandle),
  createDumb: ioc(3, "d", 0xb2, drmStructBytes.createDumb),
  mapDumb: ioc(3, "d", 0xb3, drmStructBytes.mapDumb),
  virtgpuCreateBlob: ioc(3, "d", 0x4a, drmStructBytes.virtgpuCreateBlob),
  qxlAlloc: ioc(3, "d", 0x40, drmStructBytes.qxlAlloc),
} as const;

/** drm_version: its size, the request that fills it, and where the length of the driver's name lies. */
export const drmVersion = (pointer: 4 | 8) => {
  const bytes = pointer === 8 ? 64 : 36;
  return { bytes, request: ioc(3, "d", 0x00, bytes), nameLength: pointer === 8 ? 16 : 12 } as const;
};

/** AF_PACKET, SOCK_RAW, SOL_PACKET, and the options that give a socket its ring of TPACKET_V2. */
export const packet = { family: 17, raw: 3, level: 263, version: 10, rxRing: 5, version2: 1 } as const;

export const v4l2Memory = { mmap: 1, userptr: 2, dmabuf: 4 } as const;
/** V4L2_BUF_TYPE_VIDEO_CAPTURE */
export const v4l2Capture = 1;
/** v4l2_format: where the union lies, offsets in v4l2_pix_format, and a small grey image that every vivid can make. */
export const v4l2Format = {
  pix: (pointer: 4 | 8): number => (pointer === 8 ? 8 : 4),
  sizeimage: 20,
  smallWidth: 320,
  smallHeight: 180,
  grey: 0x59455247,
} as const;
export const v4l2FormatBytes = (pointer: 4 | 8): number => v4l2Format.pix(pointer) + 200;
/** v4l2_format and v4l2_buffer hold pointers, so these differ with their size. */
/** vivid's control of what it writes over its frames (VIVID_CID_OSD_TEXT_MODE), and nothing. */
export const vividText = { control: 0x00f0f001, none: 2 } as const;

export const v4l2Requests = (pointer: 4 | 8) => {
  const buffer = pointer === 8 ? 88 : 80;
  return {
    getFormat: ioc(3, "V", 4, v4l2FormatBytes(pointer)),
    setFormat: ioc(3, "V", 5, v4l2FormatBytes(pointer)),
    setControl: ioc(3, "V", 28, 8),
    reqbufs: ioc(3, "V", 8, 20),
    querybuf: ioc(3, "V", 9, buffer),
    qbuf: ioc(3, "V", 15, buffer),
    expbuf: ioc(3, "V", 16, 64),
    dqbuf: ioc(3, "V", 17, buffer),
    streamon: ioc(1, "V", 18, 4),
    streamoff: ioc(1, "V", 19, 4),
  } as const;
};

/** KVM on x86_64: requests without a struct, and where things lie in its structs. */
export const kvm = {
  createVm: 0xae01,
  createVcpu: 0xae41,
  run: 0xae80,
  runImmediateExit: 1,
  runExitReason: 8,
  regsRip: 128,
  sregsCsBase: 0,
  sregsDsBase: 24,
  memoryFlags: { log_dirty: 1, read_only: 2 },
  /** Slots that tests may use, and that of the code that they run. */
  slots: 100,
  codeSlot: 500,
  /** Bits of 2^20 pages. */
  dirtyBitmapBytes: 2 ** 17,
  /** Guest physical address of the code that tests run: behind every memory slot that they make. */
  codeAt: 0xf000_0000,
} as const;

/** VFIO's requests, which carry no size. */
export const vfio = {
  setIommu: 0x3b66,
  setContainer: 0x3b68,
  mapDma: 0x3b71,
  unmapDma: 0x3b72,
  type1v2: 3,
  getApiVersion: 0x3b64,
  getDeviceFd: 0x3b6a,
  access: { read: 1, write: 2 },
  /** The group of edu on a machine that does not say which it has. */
  group: "/dev/vfio/2",
} as const;

/**
 * QEMU's edu (docs/specs/edu in its sources): its registers in BAR 0, its buffer as its own DMA engine addresses it.
 */
export const edu = {
  name: "0000:00:1e.0",
  /** In the device's file: the command register of its configuration space (region 7), and what it wants there. */
  commandRegister: 7n * 2n ** 40n + 4n,
  /** The same in sysfs, where it is at 4. */
  config: "/sys/bus/pci/devices/0000:00:1e.0/config",
  configCommand: 4,
  memoryAndMaster: 6,
  identification: 0x0100_00ed,
  source: 0x80,
  destination: 0x88,
  count: 0x90,
  command: 0x98,
  read: 1,
  write: 3,
  buffer: 0x40000,
  /** Half of it: it takes a transfer that fills it for one that goes beyond. */
  stretchBytes: 2048,
  mostBytes: 16 * 2048,
  patienceMs: 4000,
} as const;

/** Sound: SNDRV_PCM_IOCTL_HW_PARAMS and snd_pcm_hw_params, bytes. */
export const pcm = {
  hwParamsBytes: (pointer: 4 | 8) => (pointer === 8 ? 608 : 604),
  hwParams: (pointer: 4 | 8) => (pointer === 8 ? 0xc2604111 : 0xc25c4111),
  masks: { at: 4, bytes: 32, count: 3 },
  /** From SNDRV_PCM_HW_PARAM_SAMPLE_BITS on. */
  intervals: { at: 260, bytes: 12, count: 12 },
  everything: 0xffffffff,
  /** snd_interval.integer. */
  integer: 4,
  /** Which parameters are asked for. */
  rmask: 512,
  fixed: {
    /** MMAP_INTERLEAVED, S16_LE, standard. */
    masks: [
      { mask: 0, bit: 0 },
      { mask: 1, bit: 2 },
      { mask: 2, bit: 0 },
    ],
    /** Two channels, 44100 Hz, periods of 16 KiB in a buffer of 64 KiB. */
    intervals: [
      { interval: 2, value: 2 },
      { interval: 3, value: 44100 },
      { interval: 6, value: 16384 },
      { interval: 10, value: 65536 },
    ],
  },
} as const;
