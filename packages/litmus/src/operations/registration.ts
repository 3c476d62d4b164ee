import { address, descriptor, flags, handle, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const driver = ["driver"] as const;

/** Memory of a process that a driver registers with its device, and the syncs that a driver makes itself. */
export const registration = {
  reg_mr: {
    subject: "drivers",
    doc: "Registers a range of a process's memory with the driver's device, as RDMA does: the pages are had in the way that `hold` says and mapped for the device; dma_read and dma_write take the region. EINVAL for no bytes and for no access; else the errno of the first page that cannot be had, and nothing stays. With `notifier` no page is had before the device asks for it.",
    kernel: "ib_umem_get, drivers/infiniband/core/umem.c; ib_umem_odp_get, drivers/infiniband/core/umem_odp.c",
    by: driver,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      access: {
        type: flags({ read: "the device may read", write: "the device may write" }),
        default: "read|write",
        doc: "what the device may do",
      },
      hold: {
        type: word({
          pin: "pin_user_pages_fast(FOLL_LONGTERM), counted in VmPin",
          get: "get_user_pages_fast: page references only",
          notifier:
            "nothing is held: an MMU notifier takes pages from the device, which faults them in anew (on-demand paging)",
          pfn: "nothing is held and nobody told: bare frame numbers of a VM_PFNMAP or VM_IO mapping, by follow_pfn",
        }),
        default: "pin",
        doc: "what keeps the pages while the device has them",
      },
    },
    result: { kind: "handle", of: "region" },
  },
  reg_memfd: {
    subject: "drivers",
    doc: "Registers bytes of a memfd with the driver's device without any mapping of it, as iommufd does: every folio is pinned for long, and absent ones are allocated; dma_read and dma_write take the region. EINVAL for no bytes, for bytes past the end and for what is no memfd.",
    kernel: "memfd_pin_folios, mm/gup.c",
    by: driver,
    params: {
      memfd: { type: descriptor("memfd"), doc: "which file" },
      offset: { type: size, doc: "bytes into the file" },
      length: { type: size, doc: "bytes" },
      access: {
        type: flags({ read: "the device may read", write: "the device may write" }),
        default: "read|write",
        doc: "what the device may do",
      },
    },
    result: { kind: "handle", of: "region" },
  },
  dereg_mr: {
    subject: "drivers",
    doc: "Takes a region from the device and gives its pages back; EFAULT when that was done before.",
    kernel: "ib_umem_release, drivers/infiniband/core/umem.c",
    by: driver,
    params: { mr: { type: handle("region"), doc: "which region" } },
    result: status,
    consumes: ["mr"],
  },
  dma_sync: {
    subject: "drivers",
    doc: "Hands what is mapped for the device to the CPU, or back to the device: only a device that is not coherent with the CPU's caches needs it. EFAULT for what is not mapped any more.",
    kernel: "dma_sync_sgtable_for_cpu, dma_sync_sgtable_for_device, include/linux/dma-mapping.h",
    by: driver,
    params: {
      sgt: { type: handle("sg-table", "region"), doc: "which table or region" },
      side: {
        type: word({
          cpu: "dma_sync_sgtable_for_cpu: the CPU may look",
          device: "dma_sync_sgtable_for_device: the device may",
        }),
        doc: "for whom",
      },
    },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
