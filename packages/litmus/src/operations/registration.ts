import { address, descriptor, flags, handle, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const driver = ["driver"] as const;

/** Memory of a process that a driver registers with its device, and the syncs that a driver makes itself. */
export const registration = {
  reg_mr: {
    subject: "drivers",
    doc:
      "Registers a range of a process's memory with the driver's device, like RDMA: the pages are held as `hold` " +
      "says and mapped for the device; dma_read and dma_write accept the region. EINVAL for length 0 or no access, " +
      "ENOMEM for more than 65,536 pages, ESRCH after exit of the process; else the errno of the first page that " +
      "fails, and all others are released. With `notifier` a page is faulted " +
      "in on the device's first access.",
    kernel: "__ib_umem_get_va, drivers/infiniband/core/umem.c; ib_umem_odp_get, drivers/infiniband/core/umem_odp.c",
    by: driver,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      access: {
        type: flags({ read: "the device may read", write: "the device may write" }),
        default: "read|write",
        doc: "permissions of the device",
      },
      hold: {
        type: word({
          pin: "pin_user_pages_fast(FOLL_LONGTERM), counted in VmPin",
          get: "get_user_pages_fast: page references only",
          notifier:
            "nothing is held: an MMU notifier takes pages from the device, which faults them in anew (on-demand " +
            "paging)",
          pfn: "nothing is held and nobody told: bare frame numbers of a VM_PFNMAP or VM_IO mapping, by follow_pfn",
        }),
        default: "pin",
        doc: "how the pages are held",
      },
    },
    result: { kind: "handle", of: "region" },
  },
  reg_memfd: {
    subject: "drivers",
    doc:
      "Registers a range of a memfd with the driver's device without a mapping, like iommufd: every folio gets a " +
      "long-term pin, and absent ones are allocated; dma_read and dma_write accept the region. EINVAL for length " +
      "0, ENOMEM for more than 65,536 pages, EINVAL past the end and for other files.",
    kernel: "memfd_pin_folios, mm/gup.c",
    by: driver,
    params: {
      memfd: { type: descriptor("memfd"), doc: "which file" },
      offset: { type: size, doc: "bytes into the file" },
      length: { type: size, doc: "bytes" },
      access: {
        type: flags({ read: "the device may read", write: "the device may write" }),
        default: "read|write",
        doc: "permissions of the device",
      },
    },
    result: { kind: "handle", of: "region" },
  },
  dereg_mr: {
    subject: "drivers",
    doc: "Deregisters a region and releases its pages; EFAULT if it is already deregistered.",
    kernel: "ib_umem_release, drivers/infiniband/core/umem.c",
    by: driver,
    params: { mr: { type: handle("region"), doc: "which region" } },
    result: status,
    consumes: ["mr"],
  },
  dma_sync: {
    subject: "drivers",
    doc:
      "Syncs memory mapped for the device for the CPU or for the device: only a non-coherent device needs it. " +
      "EFAULT if it is no longer mapped.",
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
