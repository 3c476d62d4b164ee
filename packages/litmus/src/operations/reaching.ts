import { actor, address, bytes, descriptor, flags, number, optional, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const of = {
  type: optional(actor),
  default: "none",
  doc: "whose address space; the caller's own when left out",
} as const;

const range = {
  address: { type: address, doc: "where it begins" },
  length: { type: size, doc: "bytes" },
} as const;

export const reaching = {
  process_vm_readv: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc: "Reads a range of a process's memory into a private buffer by GUP.",
    kernel: "process_vm_rw_single_vec, mm/process_vm_access.c",
    by: process,
    params: { ...range, of },
    result: bytes,
  },
  process_vm_writev: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc: "Writes zeros over a range of a process's memory by GUP.",
    kernel: "process_vm_rw_single_vec, mm/process_vm_access.c",
    by: process,
    params: { ...range, of },
    result: bytes,
  },
  mem_read: {
    subject: "reaching into a mapping",
    doc: "Reads a range through /proc/PID/mem.",
    kernel: "mem_rw, fs/proc/base.c; __access_remote_vm, mm/memory.c",
    by: process,
    params: { ...range, of },
    result: bytes,
  },
  mem_write: {
    subject: "reaching into a mapping",
    doc: "Writes zeros over a range through /proc/PID/mem.",
    kernel: "mem_rw, fs/proc/base.c; __access_remote_vm, mm/memory.c",
    by: process,
    params: { ...range, of },
    result: bytes,
  },
  ptrace_peek: {
    subject: "reaching into a mapping",
    registers: ["address"],
    doc: "Reads a 32-bit word of another process (PTRACE_SEIZE, INTERRUPT, PEEKDATA, DETACH).",
    kernel: "ptrace_access_vm, kernel/ptrace.c",
    by: process,
    params: { address: { type: address, doc: "where" }, of: { type: actor, doc: "whose" } },
    result: number("value"),
  },
  vmsplice: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc: "Splices a range into a new pipe (the pipe holds the pages until the process ends).",
    kernel: "iter_to_pipe, fs/splice.c",
    by: process,
    params: { ...range, flags: { type: flags({ gift: "SPLICE_F_GIFT" }), default: "none", doc: "how" } },
    result: bytes,
  },
  io_uring_register_buffers: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc: "Registers a range as a fixed buffer of a new ring: a long-term pin, kept until the process ends.",
    kernel: "io_pin_pages, io_uring/memmap.c",
    by: process,
    params: range,
    result: status,
  },
  io_uring_read: {
    subject: "reaching into a mapping",
    doc: "IORING_OP_READ into a range, on a new ring; gives the completion's result.",
    kernel: "io_read, io_uring/rw.c",
    by: process,
    params: {
      fd: { type: descriptor("disk", "file"), doc: "from where" },
      ...range,
      offset: { type: size, default: "0", doc: "bytes into the file" },
    },
    result: bytes,
  },
  io_uring_write: {
    subject: "reaching into a mapping",
    doc: "IORING_OP_WRITE from a range, on a new ring; gives the completion's result.",
    kernel: "io_write, io_uring/rw.c",
    by: process,
    params: {
      fd: { type: descriptor("disk", "file"), doc: "to where" },
      ...range,
      offset: { type: size, default: "0", doc: "bytes into the file" },
    },
    result: bytes,
  },
  futex_wait: {
    subject: "reaching into a mapping",
    registers: ["address"],
    doc:
      "Waits a millisecond on the 32-bit word at an address, expecting the value it has (loaded first): ETIMEDOUT " +
      "when the kernel can key it.",
    kernel: "get_futex_key, kernel/futex/core.c",
    by: process,
    params: {
      address: { type: address, doc: "the word" },
      key: {
        type: word({ shared: "by page", private: "by address space (FUTEX_PRIVATE_FLAG)" }),
        default: "shared",
        doc: "how the kernel finds the waiters",
      },
    },
    result: status,
  },
  futex_wake: {
    subject: "reaching into a mapping",
    registers: ["address"],
    doc: "Wakes the waiters on the word at an address; gives their number.",
    kernel: "futex_wake, kernel/futex/waitwake.c",
    by: process,
    params: {
      address: { type: address, doc: "the word" },
      key: {
        type: word({ shared: "by page", private: "by address space (FUTEX_PRIVATE_FLAG)" }),
        default: "shared",
        doc: "how the kernel finds the waiters",
      },
    },
    result: number("waiters"),
  },
  userfaultfd_register: {
    subject: "reaching into a mapping",
    doc: "Registers a range with a new userfaultfd; it is closed again when the operation ends.",
    kernel: "userfaultfd_register and vma_can_userfault, mm/userfaultfd.c",
    by: process,
    params: {
      ...range,
      mode: {
        type: flags({
          missing: "UFFDIO_REGISTER_MODE_MISSING",
          wp: "UFFDIO_REGISTER_MODE_WP",
          minor: "UFFDIO_REGISTER_MODE_MINOR",
        }),
        doc: "which events",
      },
    },
    result: status,
  },
  move_pages: {
    subject: "reaching into a mapping",
    doc:
      "Asks for the node of the page at an address (`query`), or moves it to node 0; the page's status, a node or " +
      "an errno.",
    kernel: "do_pages_stat, do_pages_move, mm/migrate.c",
    by: process,
    params: {
      address: { type: address, doc: "an address in the page" },
      to: { type: word({ query: "only ask", node0: "MPOL_MF_MOVE to node 0" }), default: "query", doc: "what" },
    },
    result: number("node"),
  },
  mbind: {
    subject: "reaching into a mapping",
    doc: "Sets the memory policy of a range.",
    kernel: "do_mbind, mm/mempolicy.c",
    by: process,
    params: {
      ...range,
      policy: {
        type: word({ default: "MPOL_DEFAULT", bind: "MPOL_BIND to node 0", preferred: "MPOL_PREFERRED node 0" }),
        doc: "which",
      },
      flags: {
        type: flags({ strict: "MPOL_MF_STRICT", move: "MPOL_MF_MOVE" }),
        default: "none",
        doc: "what to do with pages that are there",
      },
    },
    result: status,
  },
  get_mempolicy: {
    subject: "reaching into a mapping",
    doc: "The node of the page at an address (MPOL_F_NODE|MPOL_F_ADDR).",
    kernel: "lookup_node, mm/mempolicy.c",
    by: process,
    params: { address: { type: address, doc: "an address in the page" } },
    result: number("node"),
  },
} as const satisfies Record<string, OperationShape>;

const kB = (doc: string) => ({ kind: "number", doc: `${doc}, bytes` }) as const;
const delta = (doc: string) => ({ kind: "number", doc: `${doc}: bytes gained since the actor's first step` }) as const;

export const observers = {
  smaps: {
    subject: "observers",
    doc: "The /proc/PID/smaps entry of the mapping that holds an address; EFAULT when there is none.",
    kernel: "show_smap, fs/proc/task_mmu.c",
    by: process,
    params: { address: { type: address, doc: "an address in the mapping" } },
    result: {
      kind: "record",
      fields: {
        Size: kB("the mapping's length"),
        KernelPageSize: kB("page size the kernel uses here"),
        MMUPageSize: kB("page size the MMU uses here"),
        Rss: kB("pages present that have a struct page the walker may see"),
        Pss: kB("Rss, each page divided by its map count"),
        Pss_Dirty: { kind: "number", doc: "the dirty part of Pss, bytes", onlyIfNamed: "absent before 6.0" },
        Shared_Clean: kB("present, mapped more than once, clean"),
        Shared_Dirty: kB("present, mapped more than once, dirty"),
        Private_Clean: kB("present, mapped once, clean"),
        Private_Dirty: kB("present, mapped once, dirty"),
        Referenced: kB("present and young or referenced"),
        Anonymous: kB("present and anonymous"),
        LazyFree: kB("marked by MADV_FREE"),
        AnonHugePages: kB("anonymous memory in PMDs"),
        Shared_Hugetlb: kB("hugetlb, shared"),
        Private_Hugetlb: kB("hugetlb, private"),
        Swap: kB("swapped out"),
        Locked: kB("the part of Pss that is locked"),
        VmFlags: { kind: "flags", doc: "two-letter flag words; `sd` (soft dirty) left out" },
      },
    },
  },
  maps: {
    subject: "observers",
    doc: "The /proc/PID/maps line of the mapping that holds an address; EFAULT when there is none.",
    kernel: "show_map_vma, fs/proc/task_mmu.c",
    by: process,
    params: { address: { type: address, doc: "an address in the mapping" } },
    result: {
      kind: "record",
      fields: {
        length: kB("end - start"),
        perms: { kind: "text", doc: "e.g. rw-s" },
        offset: {
          kind: "number",
          doc: "bytes into the file; for private remap_pfn_range mappings the physical address",
          onlyIfNamed: "a physical address differs from boot to boot: claim `!= 0`",
        },
        path: {
          kind: "text",
          doc:
            "the last column; `/dmabuf:NAME`, `/memfd:NAME (deleted)`, empty for anonymous memory; inode numbers " +
            "are written N",
        },
      },
    },
  },
  pagemap: {
    subject: "observers",
    doc: "The /proc/PID/pagemap entry of one page, with /proc/kpagecount of its frame.",
    kernel: "pagemap_read, fs/proc/task_mmu.c; kpagecount_read, fs/proc/page.c",
    by: process,
    params: { address: { type: address, doc: "an address in the page" } },
    result: {
      kind: "record",
      fields: {
        present: { kind: "number", doc: "bit 63" },
        swap: { kind: "number", doc: "bit 62" },
        file: { kind: "number", doc: "bit 61: file page or shared anonymous" },
        exclusive: { kind: "number", doc: "bit 56: mapped once" },
        mapcount: { kind: "number", doc: "kpagecount of the frame; 0 when the entry shows none" },
      },
    },
  },
  cache_mode: {
    subject: "observers",
    doc:
      "How the CPU reaches a page by its page-table entry: `cached`, `write_through`, `write_combining`, `uncached`; " +
      "`device` is an uncached entry of IO memory, `unmapped` no present entry. On kernels the test module reads " +
      "the entry, " +
      "on x86_64 only.",
    kernel: "pgprot2cachemode, arch/x86/include/asm/memtype.h; pgprot_writecombine, include/linux/pgtable.h",
    by: process,
    params: { address: { type: address, doc: "an address in the page" } },
    result: { kind: "flags" },
    seldomUseful: true,
  },
  mincore: {
    subject: "observers",
    registers: ["address", "length"],
    namesTouches: true,
    doc: "How many pages of a range are resident for mincore().",
    kernel: "do_mincore, mm/mincore.c",
    by: process,
    params: { address: { type: address, doc: "where it begins" }, length: { type: size, doc: "bytes" } },
    result: number("pages"),
  },
  status: {
    subject: "observers",
    doc: "Memory lines of /proc/self/status, as the increase since the actor's first step (of a fork, since the fork).",
    kernel: "task_mem, fs/proc/task_mmu.c",
    by: process,
    params: {},
    result: {
      kind: "record",
      fields: {
        VmSize: delta("mapped address space"),
        VmRSS: delta("resident pages"),
        RssAnon: delta("anonymous resident pages"),
        RssFile: delta("file resident pages"),
        RssShmem: delta("shmem resident pages"),
        VmLck: delta("mlocked address space"),
        VmPin: delta("pinned memory"),
        VmPTE: delta("page tables"),
      },
    },
  },
  fdinfo: {
    subject: "observers",
    doc: "/proc/self/fdinfo of a dma-buf.",
    kernel: "dma_buf_show_fdinfo, drivers/dma-buf/dma-buf.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf"), doc: "which" } },
    result: {
      kind: "record",
      fields: {
        size: kB("the buffer's size"),
        count: { kind: "number", doc: "references of the file, less one" },
        exp_name: { kind: "text", doc: "the exporter: `system`, `udmabuf`, ..." },
        name: { kind: "text", doc: "the name that was set; empty when none" },
      },
    },
  },
  bufinfo: {
    subject: "observers",
    seldomUseful: true,
    doc: "The buffer's line in debugfs dma_buf/bufinfo.",
    kernel: "dma_buf_debug_show, drivers/dma-buf/dma-buf.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf"), doc: "which" } },
    result: {
      kind: "record",
      fields: {
        size: kB("the buffer's size"),
        count: { kind: "number", doc: "references of the file" },
        exp_name: { kind: "text", doc: "the exporter" },
        name: { kind: "text", doc: "the name that was set; empty when none, or `<none>`" },
        attachments: { kind: "number", doc: "devices attached" },
      },
    },
  },
  meminfo: {
    subject: "observers",
    seldomUseful: true,
    doc: "Lines of /proc/meminfo, as the increase since the test's first step (per-CPU counters flushed first).",
    kernel: "meminfo_proc_show, fs/proc/meminfo.c",
    by: process,
    params: {},
    result: {
      kind: "record",
      fields: {
        Shmem: { kind: "number", doc: "shmem pages, bytes gained" },
        Mapped: {
          kind: "number",
          doc: "page-cache and shmem pages that are mapped, bytes gained",
          onlyIfNamed: "other processes' text counts too",
        },
        Unevictable: { kind: "number", doc: "bytes gained", onlyIfNamed: "moved lazily by the kernel" },
        Mlocked: { kind: "number", doc: "bytes gained", onlyIfNamed: "moved lazily by the kernel" },
        HugePages_Free: { kind: "number", doc: "huge pages gained (a count)" },
      },
    },
  },
  readlink: {
    subject: "observers",
    doc: "The target of /proc/self/fd/N, e.g. `/dmabuf:NAME`.",
    kernel: "dmabuffs_dname, drivers/dma-buf/dma-buf.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf"), doc: "which" } },
    result: {
      kind: "record",
      fields: {
        path: { kind: "text", doc: "the link's text; inode numbers are written N, the test's disk /dev/DISK" },
      },
    },
  },
} as const satisfies Record<string, OperationShape>;
