import { shrinkers, wordsOf } from "../catalogue.js";
import { address, buffer, descriptor, flags, handle, number, size, status, word, int32, range } from "./types.js";
import type { OperationShape } from "./types.js";

const driver = ["driver"] as const;

const direction = {
  to_device: "DMA_TO_DEVICE",
  from_device: "DMA_FROM_DEVICE",
  bidirectional: "DMA_BIDIRECTIONAL",
} as const;

const gup = {
  write: "FOLL_WRITE",
  force: "FOLL_FORCE",
  longterm: "FOLL_LONGTERM (pins only)",
  p2pdma: "FOLL_PCI_P2PDMA (not with longterm)",
  fast: "by get_user_pages_fast: the page-table walk first, the VMA walk only where that gives up",
} as const;

export const drivers = {
  attach: {
    subject: "drivers",
    doc: "Attaches the driver's device to a buffer; `dynamic` passes importer_ops.",
    kernel: "dma_buf_dynamic_attach, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: {
      buf: { type: descriptor("dma-buf"), doc: "which buffer" },
      importer: {
        type: word({ static: "no importer_ops", dynamic: "importer_ops with move_notify" }),
        default: "static",
        doc: "which kind",
      },
    },
    result: { kind: "handle", of: "attachment" },
  },
  detach: {
    subject: "drivers",
    doc:
      "Detaches; EBADF if the driver has detached it already. What is mapped stays so for the device, which " +
      "keeps its " +
      "DMA addresses, and so does an sg table that the driver must no longer unmap: unmap_attachment is then a " +
      "use-after-free, as is a transfer after the buffer's end, and kernels are not asked.",
    kernel: "dma_buf_detach, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
    consumes: ["attachment"],
  },
  map_attachment: {
    subject: "drivers",
    doc:
      "The buffer's sg table, mapped for the device, under the resv: the device gets the DMA addresses and keeps " +
      "them until it is unmapped. EBADF after detach.",
    kernel: "dma_buf_map_attachment_unlocked, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: {
      attachment: { type: handle("attachment"), doc: "which" },
      direction: { type: word(direction), default: "bidirectional", doc: "of the transfers" },
    },
    result: { kind: "handle", of: "sg-table" },
  },
  unmap_attachment: {
    subject: "drivers",
    doc: "Unmaps the sg table; EBADF if the driver has unmapped it already (of videobuf_user_get: ok).",
    kernel: "dma_buf_unmap_attachment_unlocked, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { sgt: { type: handle("sg-table"), doc: "which" } },
    result: status,
    consumes: ["sgt"],
  },
  pin: {
    subject: "drivers",
    doc: "Pins the buffer for a dynamic importer, under the resv; a static one triggers a warning. EBADF after detach.",
    kernel: "dma_buf_pin, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
  },
  unpin: {
    subject: "drivers",
    doc: "Unpins the buffer; a static importer triggers a warning. EBADF after detach.",
    kernel: "dma_buf_unpin, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
  },
  dma_read: {
    subject: "drivers",
    doc:
      "The device reads a 32-bit word of a buffer by the DMA addresses of its sg table, or of a memory region. " +
      "EFAULT past the end, after unmap_attachment or dereg_mr, and against the permissions of a region or of a " +
      "mapping behind an IOMMU.",
    kernel: "dma_map_sgtable, kernel/dma/mapping.c",
    by: driver,
    params: {
      sgt: { type: handle("sg-table", "region"), doc: "through which table or region" },
      offset: { type: size, default: "0", doc: "bytes into the buffer or region" },
    },
    result: number("value"),
  },
  dma_write: {
    subject: "drivers",
    doc:
      "The device writes a 32-bit word of a buffer by the DMA addresses of its sg table, or of a memory region. " +
      "EFAULT past the end, after unmap_attachment or dereg_mr, and against the permissions of a region or of a " +
      "mapping behind an IOMMU.",
    kernel: "dma_map_sgtable, kernel/dma/mapping.c",
    by: driver,
    params: {
      sgt: { type: handle("sg-table", "region"), doc: "through which table or region" },
      offset: { type: size, doc: "bytes into the buffer or region" },
      value: { type: int32, doc: "what" },
    },
    result: status,
  },
  begin_cpu_access: {
    subject: "drivers",
    doc: "Begins access by the kernel's CPU.",
    kernel: "dma_buf_begin_cpu_access, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: {
      buf: { type: descriptor("dma-buf"), doc: "which buffer" },
      direction: { type: word(direction), default: "bidirectional", doc: "of the access" },
    },
    result: status,
  },
  end_cpu_access: {
    subject: "drivers",
    doc: "Ends access by the kernel's CPU.",
    kernel: "dma_buf_end_cpu_access, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: {
      buf: { type: descriptor("dma-buf"), doc: "which buffer" },
      direction: { type: word(direction), default: "bidirectional", doc: "of the access" },
    },
    result: status,
  },
  vmap: {
    subject: "drivers",
    doc:
      "A vmap of a dma-buf or of a GEM object, counted per buffer; load and store accept it as an address. A " +
      "driver's " +
      "load or store that is not within one vmap gives EFAULT: behind its end, across it, and after vunmap.",
    kernel:
      "dma_buf_vmap_unlocked, drivers/dma-buf/dma-buf.c; drm_gem_shmem_vmap, drivers/gpu/drm/drm_gem_shmem_helper.c",
    by: driver,
    params: { buf: { type: buffer, doc: "which: a dma-buf or a GEM object" } },
    result: { kind: "handle", of: "kernel-map" },
  },
  vunmap: {
    subject: "drivers",
    doc:
      "Removes a vmap, counted per buffer: the newest of the driver's own, else the newest of another driver's, " +
      "which " +
      "loses it. Without any the kernel finds the driver's bug: a BUG for a dma-buf, a warning for a GEM object.",
    kernel:
      "dma_buf_vunmap_unlocked, drivers/dma-buf/dma-buf.c; drm_gem_shmem_vunmap, " +
      "drivers/gpu/drm/drm_gem_shmem_helper.c",
    by: driver,
    params: { buf: { type: buffer, doc: "which: a dma-buf or a GEM object" } },
    result: status,
  },
  get_user_pages: {
    subject: "drivers",
    doc:
      "Page references (FOLL_GET) on a process's memory; gives the number of pages. At most 65,536 pages, else " +
      "ENOMEM; ESRCH after exit of the process.",
    kernel: "get_user_pages_remote, get_user_pages_fast, mm/gup.c",
    by: driver,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      flags: { type: flags(gup), default: "none", doc: "FOLL_ flags, and GUP or gup-fast" },
    },
    result: number("pages"),
  },
  pin_user_pages: {
    subject: "drivers",
    doc:
      "Page pins (FOLL_PIN) on a process's memory; gives the number of pages. At most 65,536 pages, else ENOMEM; " +
      "ESRCH after exit of the process.",
    kernel: "pin_user_pages_remote, pin_user_pages_fast, mm/gup.c",
    by: driver,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      flags: { type: flags(gup), default: "none", doc: "FOLL_ flags, and GUP or gup-fast" },
    },
    result: number("pages"),
  },
  put_user_pages: {
    subject: "drivers",
    doc:
      "Drops every page reference and pin that this driver took at an address, also after exit of the process; gives " +
      "the number of pages, 0 if there are none.",
    kernel: "unpin_user_pages, mm/gup.c",
    by: driver,
    params: { address: { type: address, doc: "where the references were taken" } },
    result: number("pages"),
  },
  follow_pfn: {
    subject: "drivers",
    doc:
      "Whether a PFN can be read from the page table without a reference: 1, or the errno. ESRCH after exit of the " +
      "process.",
    kernel: "follow_pfnmap_start, mm/memory.c",
    by: driver,
    params: { address: { type: address, doc: "an address in the page" } },
    result: number("1"),
  },
  notifier_register: {
    subject: "drivers",
    doc:
      "Registers an MMU notifier on the address space of a process; its calls for the test's own mappings are " +
      "counted. " +
      "ESRCH after exit of the process.",
    kernel: "mmu_notifier_register, mm/mmu_notifier.c",
    by: driver,
    params: { address: { type: address, doc: "an address in the process" } },
    result: { kind: "handle", of: "notifier" },
  },
  notifier_count: {
    subject: "drivers",
    doc: "How often the notifier was called.",
    kernel: "__mmu_notifier_invalidate_range_start, mm/mmu_notifier.c",
    by: driver,
    params: { notifier: { type: handle("notifier"), doc: "which" } },
    result: number("calls"),
  },
} as const satisfies Record<string, OperationShape>;

export const kernel = {
  shrink: {
    subject: "kernel",
    doc: "Runs a shrinker over all its objects, as reclaim does; gives the pages freed.",
    kernel: "shrink_slab, mm/shrinker.c; the driver's scan_objects",
    by: ["kernel"],
    params: {
      what: {
        type: word(wordsOf(shrinkers)),
        doc: "which shrinker",
      },
    },
    result: number("pages"),
  },
  migrate: {
    subject: "kernel",
    doc: "Migrates the page at an address of a process to another PFN; gives 0 or the errno.",
    kernel: "migrate_pages, mm/migrate.c",
    by: ["kernel"],
    params: { address: { type: address, doc: "an address in the page" } },
    result: status,
  },
  compact: {
    subject: "kernel",
    doc: "Tries to migrate every movable page; gives how many moved.",
    kernel: "compact_node, mm/compaction.c",
    by: ["kernel"],
    params: {},
    result: number("pages"),
  },
  oom_reap: {
    subject: "kernel",
    doc: "Reaps the mm that has an address, as after an OOM kill; gives the pages freed.",
    kernel: "__oom_reap_task_mm, mm/oom_kill.c",
    by: ["kernel"],
    params: { address: { type: address, doc: "an address in the process" } },
    result: number("pages"),
  },
  fail_page_table: {
    subject: "kernel",
    doc:
      "Fault injection: the allocation of a page table for vmf_insert_pfn or vmf_insert_mixed fails once, after " +
      "`after` that succeed.",
    kernel: "insert_pfn, mm/memory.c",
    by: ["kernel"],
    params: { after: { type: range(0, 2 ** 31 - 1), default: "0", doc: "how many allocations succeed before" } },
    result: status,
  },
  revoke: {
    subject: "kernel",
    doc:
      "Zaps every mapping of a buffer's file, like an exporter that moves it. A file of PRIME has the mapping of its " +
      "DRM device: all objects of the device are zapped. Of a GEM handle only the object's own mappings are.",
    kernel: "unmap_mapping_range, mm/memory.c",
    by: ["kernel", "driver"],
    params: { buf: { type: buffer, doc: "which buffer" } },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
