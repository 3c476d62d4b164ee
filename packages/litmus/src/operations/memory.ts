import { address, bytes, descriptor, flags, integer, number, object, optional, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

export const access = {
  read: "one load per page",
  write: "one store per page (of the page's index, so that the pages differ)",
} as const;

export const prot = {
  r: "PROT_READ",
  w: "PROT_WRITE",
  x: "PROT_EXEC",
  rw: "PROT_READ|PROT_WRITE",
  rx: "PROT_READ|PROT_EXEC",
  wx: "PROT_WRITE|PROT_EXEC",
  rwx: "PROT_READ|PROT_WRITE|PROT_EXEC",
} as const;

export const advice = {
  normal: "MADV_NORMAL",
  random: "MADV_RANDOM",
  sequential: "MADV_SEQUENTIAL",
  willneed: "MADV_WILLNEED",
  dontneed: "MADV_DONTNEED",
  dontneed_locked: "MADV_DONTNEED_LOCKED",
  free: "MADV_FREE",
  cold: "MADV_COLD",
  pageout: "MADV_PAGEOUT",
  populate_read: "MADV_POPULATE_READ",
  populate_write: "MADV_POPULATE_WRITE",
  remove: "MADV_REMOVE",
  dontfork: "MADV_DONTFORK",
  dofork: "MADV_DOFORK",
  dontdump: "MADV_DONTDUMP",
  dodump: "MADV_DODUMP",
  mergeable: "MADV_MERGEABLE",
  unmergeable: "MADV_UNMERGEABLE",
  hugepage: "MADV_HUGEPAGE",
  nohugepage: "MADV_NOHUGEPAGE",
  collapse: "MADV_COLLAPSE",
  wipeonfork: "MADV_WIPEONFORK",
  keeponfork: "MADV_KEEPONFORK",
  guard_install: "MADV_GUARD_INSTALL",
  guard_remove: "MADV_GUARD_REMOVE",
} as const;

export const memory = {
  mmap: {
    subject: "memory",
    doc: "Maps a descriptor or anonymous memory. Without `at` every mapping is placed apart, with free space after it.",
    kernel: "do_mmap, mm/mmap.c",
    by: process,
    params: {
      object: { type: object({ anon: "MAP_ANONYMOUS: memory of the process" }), doc: "what to map" },
      length: { type: size, doc: "bytes; the kernel rounds up to pages" },
      prot: { type: flags(prot), doc: "protection; `none` for PROT_NONE" },
      sharing: {
        type: flags({
          shared: "MAP_SHARED",
          private: "MAP_PRIVATE",
          shared_validate: "MAP_SHARED_VALIDATE",
          populate: "MAP_POPULATE: fault everything in at once",
          locked: "MAP_LOCKED",
          noreserve: "MAP_NORESERVE",
          sync: "MAP_SYNC (with shared_validate)",
          noreplace: "MAP_FIXED_NOREPLACE: EEXIST where something is mapped",
        }),
        doc: "shared or private, and the flags that go with it",
      },
      offset: { type: size, default: "0", doc: "bytes into the object" },
      at: { type: optional(address), default: "none", doc: "MAP_FIXED at this address" },
    },
    result: { kind: "address" },
  },
  munmap: {
    subject: "memory",
    doc: "Unmaps a range.",
    kernel: "__vm_munmap, mm/vma.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
    },
    result: status,
  },
  mprotect: {
    subject: "memory",
    doc: "Changes the protection of a range.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      prot: { type: flags(prot), doc: "the new protection; `none` for PROT_NONE" },
    },
    result: status,
  },
  mremap: {
    subject: "memory",
    doc: "Grows, shrinks, moves or duplicates a mapping.",
    kernel: "sys_mremap, mm/mremap.c",
    by: process,
    params: {
      address: { type: address, doc: "the old address" },
      old_length: { type: size, doc: "bytes; 0 duplicates a shared mapping" },
      new_length: { type: size, doc: "bytes" },
      flags: {
        type: flags({
          maymove: "MREMAP_MAYMOVE",
          fixed: "MREMAP_FIXED (with maymove and `to`)",
          dontunmap: "MREMAP_DONTUNMAP (with maymove)",
        }),
        default: "maymove",
        doc: "how",
      },
      to: { type: optional(address), default: "none", doc: "the new address, for `fixed`" },
    },
    result: { kind: "address" },
  },
  remap_file_pages: {
    subject: "memory",
    doc: "The emulated remap_file_pages: maps another part of the same file in place (prot 0, flags 0).",
    kernel: "sys_remap_file_pages, mm/mmap.c",
    by: process,
    params: {
      address: { type: address, doc: "inside a shared mapping" },
      length: { type: size, doc: "bytes" },
      pgoff: { type: integer, doc: "pages into the file" },
    },
    result: status,
  },
  madvise: {
    subject: "memory",
    doc: "Gives advice about a range.",
    kernel: "do_madvise, mm/madvise.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      advice: { type: word(advice), doc: "which advice" },
    },
    result: status,
  },
  mlock: {
    subject: "memory",
    doc: "Locks a range and faults it in; with `onfault` (mlock2) only pages touched later.",
    kernel: "do_mlock, mm/mlock.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      flags: { type: flags({ onfault: "MLOCK_ONFAULT" }), default: "none", doc: "how" },
    },
    result: status,
  },
  munlock: {
    subject: "memory",
    doc: "Unlocks a range.",
    kernel: "sys_munlock, mm/mlock.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
    },
    result: status,
  },
  mlockall: {
    subject: "memory",
    doc:
      "Locks what is mapped (current) or what will be (future). `current` also locks the program itself: use it " +
      "for its return value only.",
    kernel: "sys_mlockall, mm/mlock.c",
    by: process,
    params: {
      flags: {
        type: flags({ current: "MCL_CURRENT", future: "MCL_FUTURE", onfault: "MCL_ONFAULT" }),
        doc: "what",
      },
    },
    result: status,
  },
  munlockall: {
    subject: "memory",
    doc: "Undoes all locks, also mlockall(future).",
    kernel: "sys_munlockall, mm/mlock.c",
    by: process,
    params: {},
    result: status,
  },
  msync: {
    subject: "memory",
    doc: "Writes a range back to its file.",
    kernel: "sys_msync, mm/msync.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      flags: {
        type: flags({ sync: "MS_SYNC", async: "MS_ASYNC", invalidate: "MS_INVALIDATE" }),
        default: "sync",
        doc: "how",
      },
    },
    result: status,
  },
  mseal: {
    subject: "memory",
    doc: "Seals a range against changes (from 6.10).",
    kernel: "do_mseal, mm/mseal.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
    },
    result: status,
  },
  load: {
    subject: "memory",
    doc: "Loads an unsigned little-endian integer by a CPU instruction; a signal when that faults.",
    kernel: "handle_mm_fault, mm/memory.c",
    by: ["process", "driver", "kernel"],
    params: {
      address: { type: address, doc: "where; a kernel mapping for drivers" },
      width: { type: integer, default: "4", doc: "bytes: 1, 2 or 4" },
    },
    result: number("value"),
  },
  store: {
    subject: "memory",
    doc: "Stores a little-endian integer by a CPU instruction; a signal when that faults.",
    kernel: "handle_mm_fault, mm/memory.c",
    by: ["process", "driver", "kernel"],
    params: {
      address: { type: address, doc: "where; a kernel mapping for drivers" },
      value: { type: integer, doc: "what" },
      width: { type: integer, default: "4", doc: "bytes: 1, 2 or 4" },
    },
    result: status,
  },
  touch: {
    subject: "memory",
    doc: "Touches one word in every page of a range, in ascending order; stops at the first signal.",
    kernel: "handle_mm_fault, mm/memory.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      access: { type: word(access), doc: "by loads or by stores" },
    },
    result: status,
  },
  fill: {
    subject: "memory",
    doc: "Stores one byte value over a whole range; stops at the first signal.",
    kernel: "handle_mm_fault, mm/memory.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      byte: { type: integer, doc: "0 to 255" },
    },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;

export const seals = {
  seal_seal: "F_SEAL_SEAL",
  seal_shrink: "F_SEAL_SHRINK",
  seal_grow: "F_SEAL_GROW",
  seal_write: "F_SEAL_WRITE",
  seal_future_write: "F_SEAL_FUTURE_WRITE",
  seal_exec: "F_SEAL_EXEC (from 6.3)",
} as const;

export const files = {
  memfd_create: {
    subject: "memfd and files",
    doc: "A memfd with its size and seals: memfd_create, ftruncate, and F_ADD_SEALS when seals are named.",
    kernel: "sys_memfd_create, mm/memfd.c",
    by: process,
    params: {
      size: { type: size, doc: "bytes" },
      seals: { type: flags(seals), default: "none", doc: "added after the size is set" },
      flags: {
        type: flags({
          no_sealing: "without MFD_ALLOW_SEALING",
          hugetlb: "MFD_HUGETLB with 2 MiB pages (the machine keeps 64 MiB of them)",
        }),
        default: "none",
        doc: "how it is made; sealing is allowed unless said otherwise",
      },
    },
    result: { kind: "descriptor", of: "memfd" },
  },
  open_file: {
    subject: "memfd and files",
    doc: "A new empty file on tmpfs, read and write, of the size given (open, ftruncate, unlink).",
    kernel: "shmem_create, mm/shmem.c",
    by: process,
    params: { size: { type: size, default: "0", doc: "bytes" } },
    result: { kind: "descriptor", of: "file" },
  },
  open_disk: {
    subject: "memfd and files",
    doc: "A block device of 16 MiB with 512-byte sectors; `direct` opens it with O_DIRECT.",
    kernel: "blkdev_open, block/fops.c",
    by: process,
    params: {
      mode: {
        type: word({ direct: "O_RDWR|O_DIRECT", buffered: "O_RDWR" }),
        default: "direct",
        doc: "past the page cache, or through it",
      },
    },
    result: { kind: "descriptor", of: "disk" },
  },
  pipe: {
    subject: "memfd and files",
    doc:
      "A pipe, seen as one descriptor: writes go in at one end, reads come out at the other. Nothing blocks " +
      "(O_NONBLOCK).",
    kernel: "do_pipe2, fs/pipe.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "pipe" },
  },
  read: {
    subject: "memfd and files",
    doc: "Reads from the descriptor's position into memory.",
    kernel: "vfs_read, fs/read_write.c",
    by: process,
    params: {
      fd: { type: descriptor("file", "pipe", "disk"), doc: "from where" },
      address: { type: address, doc: "to where" },
      length: { type: size, doc: "bytes" },
    },
    result: bytes,
  },
  write: {
    subject: "memfd and files",
    doc: "Writes memory at the descriptor's position.",
    kernel: "vfs_write, fs/read_write.c",
    by: process,
    params: {
      fd: { type: descriptor("file", "pipe", "disk"), doc: "to where" },
      address: { type: address, doc: "from where" },
      length: { type: size, doc: "bytes" },
    },
    result: bytes,
  },
  pread: {
    subject: "memfd and files",
    doc: "Reads at an offset into memory; with an O_DIRECT disk the device writes into the pages themselves.",
    kernel: "ksys_pread64, fs/read_write.c; iov_iter_extract_pages, lib/iov_iter.c",
    by: process,
    params: {
      fd: { type: descriptor("disk", "file"), doc: "from where" },
      address: { type: address, doc: "to where" },
      length: { type: size, doc: "bytes" },
      offset: { type: size, default: "0", doc: "bytes into the file" },
    },
    result: bytes,
  },
  pwrite: {
    subject: "memfd and files",
    doc: "Writes memory at an offset; with an O_DIRECT disk the device reads the pages themselves.",
    kernel: "ksys_pwrite64, fs/read_write.c; iov_iter_extract_pages, lib/iov_iter.c",
    by: process,
    params: {
      fd: { type: descriptor("disk", "file"), doc: "to where" },
      address: { type: address, doc: "from where" },
      length: { type: size, doc: "bytes" },
      offset: { type: size, default: "0", doc: "bytes into the file" },
    },
    result: bytes,
  },
  lseek: {
    subject: "memfd and files",
    doc: "Moves or returns the position.",
    kernel: "dma_buf_llseek, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf", "file"), doc: "whose" },
      offset: { type: integer, doc: "bytes, may be negative" },
      whence: { type: word({ set: "SEEK_SET", cur: "SEEK_CUR", end: "SEEK_END" }), doc: "from where" },
    },
    result: bytes,
  },
  ftruncate: {
    subject: "memfd and files",
    doc: "Sets a file's size.",
    kernel: "do_ftruncate, fs/open.c; shmem_setattr, mm/shmem.c",
    by: process,
    params: {
      fd: { type: descriptor("memfd", "dma-buf"), doc: "which" },
      length: { type: size, doc: "bytes" },
    },
    result: status,
  },
  fallocate: {
    subject: "memfd and files",
    doc: "Allocates or punches out a range of a file.",
    kernel: "vfs_fallocate, fs/open.c; shmem_fallocate, mm/shmem.c",
    by: process,
    params: {
      fd: { type: descriptor("memfd", "dma-buf"), doc: "which" },
      mode: {
        type: word({
          allocate: "0",
          keep_size: "FALLOC_FL_KEEP_SIZE",
          punch_hole: "FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE",
        }),
        doc: "what",
      },
      offset: { type: size, doc: "bytes" },
      length: { type: size, doc: "bytes" },
    },
    result: status,
  },
  add_seals: {
    subject: "memfd and files",
    doc: "Adds seals to a memfd (F_ADD_SEALS).",
    kernel: "memfd_add_seals, mm/memfd.c",
    by: process,
    params: {
      fd: { type: descriptor("memfd"), doc: "which" },
      seals: { type: flags(seals), doc: "which seals" },
    },
    result: status,
  },
  get_seals: {
    subject: "memfd and files",
    doc: "The seals of a memfd (F_GET_SEALS).",
    kernel: "memfd_get_seals, mm/memfd.c",
    by: process,
    params: { fd: { type: descriptor("memfd"), doc: "which" } },
    result: { kind: "flags" },
  },
  fsync: {
    subject: "memfd and files",
    doc: "Writes a file's data to its device.",
    kernel: "do_fsync, fs/sync.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf", "disk"), doc: "which" } },
    result: status,
  },
  fstat: {
    subject: "memfd and files",
    doc: "Size (bytes), 512-byte blocks and permission bits of a file.",
    kernel: "vfs_fstat, fs/stat.c; dma_buf_getfile, drivers/dma-buf/dma-buf.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf", "memfd"), doc: "which" } },
    result: {
      kind: "record",
      fields: {
        size: { kind: "number", doc: "st_size, bytes" },
        blocks: { kind: "number", doc: "st_blocks, units of 512 bytes" },
        mode: { kind: "number", doc: "st_mode & 0777" },
      },
    },
  },
  reopen: {
    subject: "memfd and files",
    doc: "Opens /proc/self/fd/N again, for another access mode.",
    kernel: "proc_pid_get_link, fs/proc/base.c; do_dentry_open, fs/open.c",
    by: process,
    params: {
      fd: { type: descriptor("memfd", "dma-buf"), doc: "which" },
      mode: { type: word({ r: "O_RDONLY", w: "O_WRONLY", rw: "O_RDWR" }), doc: "access mode" },
    },
    result: { kind: "descriptor", of: "same" },
  },
  dup: {
    subject: "memfd and files",
    doc: "Another descriptor of the same open file.",
    kernel: "sys_dup, fs/file.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf"), doc: "which" } },
    result: { kind: "descriptor", of: "same" },
  },
  close: {
    subject: "memfd and files",
    doc: "Closes a descriptor.",
    kernel: "sys_close, fs/open.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf"), doc: "which" } },
    result: status,
    consumes: ["fd"],
  },
  ioctl: {
    subject: "memfd and files",
    doc: "An ioctl by number with a NULL argument: for unknown numbers and for NULL pointers.",
    kernel: "vfs_ioctl, fs/ioctl.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which" },
      request: { type: integer, doc: "the request number" },
    },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
