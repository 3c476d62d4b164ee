import { shrinkers, wordsOf } from "../catalogue.js";
import { address, buffer, descriptor, flags, handle, integer, number, size, status, word } from "./types.js";
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
    doc: "Detaches.",
    kernel: "dma_buf_detach, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
    consumes: ["attachment"],
  },
  map_attachment: {
    subject: "drivers",
    doc: "The buffer's sg table, mapped for the device, under the resv.",
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
    doc: "Unmaps the sg table.",
    kernel: "dma_buf_unmap_attachment_unlocked, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { sgt: { type: handle("sg-table"), doc: "which" } },
    result: status,
    consumes: ["sgt"],
  },
  pin: {
    subject: "drivers",
    doc: "Pins the buffer for a dynamic importer, under the resv.",
    kernel: "dma_buf_pin, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
  },
  unpin: {
    subject: "drivers",
    doc: "Unpins the buffer.",
    kernel: "dma_buf_unpin, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: status,
  },
  dma_read: {
    subject: "drivers",
    doc:
      "The device reads a 32-bit word of a buffer through its sg table, or of a memory region. EFAULT past the " +
      "end, and against the permissions of the mapping or region.",
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
      "The device writes a 32-bit word of a buffer through its sg table, or of a memory region. EFAULT past the " +
      "end, and against the permissions of the mapping or region.",
    kernel: "dma_map_sgtable, kernel/dma/mapping.c",
    by: driver,
    params: {
      sgt: { type: handle("sg-table", "region"), doc: "through which table or region" },
      offset: { type: size, doc: "bytes into the buffer or region" },
      value: { type: integer, doc: "what" },
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
    doc: "A vmap of a dma-buf or of a GEM object, counted per buffer; load and store accept it as an address.",
    kernel:
      "dma_buf_vmap_unlocked, drivers/dma-buf/dma-buf.c; drm_gem_shmem_vmap, drivers/gpu/drm/drm_gem_shmem_helper.c",
    by: driver,
    params: { buf: { type: buffer, doc: "which: a dma-buf or a GEM object" } },
    result: { kind: "handle", of: "kernel-map" },
  },
  vunmap: {
    subject: "drivers",
    doc: "Removes the vmap.",
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
      "Page references (FOLL_GET) on a process's memory; gives the number of pages. `of` is the process of the " +
      "address.",
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
    doc: "Page pins (FOLL_PIN) on a process's memory; gives the number of pages.",
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
    doc: "Drops every page reference and pin that this driver holds on a range of addresses.",
    kernel: "unpin_user_pages, mm/gup.c",
    by: driver,
    params: { address: { type: address, doc: "where the references were taken" } },
    result: number("pages"),
  },
  follow_pfn: {
    subject: "drivers",
    doc: "Whether a PFN can be read from the page table without a reference: 1, or the errno.",
    kernel: "follow_pfnmap_start, mm/memory.c",
    by: driver,
    params: { address: { type: address, doc: "an address in the page" } },
    result: number("1"),
  },
  notifier_register: {
    subject: "drivers",
    doc: "Registers an MMU notifier on the address space of a range; its calls are counted.",
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
    params: { after: { type: integer, default: "0", doc: "how many allocations succeed before" } },
    result: status,
  },
  revoke: {
    subject: "kernel",
    doc: "Zaps every mapping of a buffer, like an exporter that moves it.",
    kernel: "unmap_mapping_range, mm/memory.c",
    by: ["kernel", "driver"],
    params: { buf: { type: buffer, doc: "which buffer" } },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
