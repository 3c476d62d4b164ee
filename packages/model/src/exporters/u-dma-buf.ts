/**
 * u-dma-buf, a driver outside the kernel's tree: coherent memory that its own fault handler maps
 * (github.com/ikwzm/udmabuf).
 */
import { definePoints } from "../design/points.js";
import { dmaAllocAttrs } from "../dma/alloc.js";
import { exported } from "./driver-buffer.js";
import type { BufferDriver } from "./driver-buffer.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import { errnos } from "@litmap/litmus";
import { vmfInsertPfn } from "../mm/insert.js";
import { folioGet } from "../mm/rmap.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { OverDmaMemory } from "./dma-memory.js";
import { rules } from "../rules/rule.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "u-dma-buf.fault": {
    question: "What does the fault handler of u-dma-buf, an out-of-tree driver, map?",
    choices: {
      page: {
        doc:
          "the page, with a reference: munmap frees tail pages that dma_alloc_coherent left with refcount 0 " +
          "(ikwzm/udmabuf issue 22, 2019)",
      },
      pfn: { doc: "the PFN, in a VM_PFNMAP VMA: no refcount" },
    },
    mainline: [["2.6", "pfn"]],
  },
});

const rule = rules({
  "u-dma-buf/page": {
    sentence: "The fault handler returns the page with a reference; the kernel maps it as a normal page.",
    kernel: "udmabuf_driver_vma_fault, u-dma-buf.c (out of tree)",
    unproven: "out-of-tree driver; from its bug reports.",
  },
  "u-dma-buf/first-reference": {
    sentence:
      "Tail pages of the block have refcount 0: a fault takes the only reference, and munmap frees memory that the " +
      "driver still uses.",
    kernel: "udmabuf_driver_vma_fault, u-dma-buf.c (out of tree)",
    unproven: "out-of-tree driver; from its bug reports.",
  },
  "u-dma-buf/fault-beyond": {
    sentence: "A fault past the end of the buffer gives SIGBUS.",
    kernel: "udmabuf_driver_vma_fault, u-dma-buf.c (out of tree)",
    unproven: "out-of-tree driver; from its bug reports.",
  },
  "u-dma-buf/private": {
    sentence: "A private mapping by vmf_insert_pfn gives EINVAL.",
    kernel: "udmabuf_driver_vma_fault, u-dma-buf.c (out of tree)",
    unproven: "the driver is in no kernel; read in its reports.",
  },
});

class UDmaBuf extends OverDmaMemory implements DmaBufOps {
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (k.design["u-dma-buf.fault"] === "pfn") {
      if (isCowMapping(vma.flags)) return k.refuse(rule["u-dma-buf/private"], errnos.EINVAL);
      vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    }
    vma.ops = this.vmOps;
    return 0;
  }

  private readonly vmOps: VmOps = { name: "udmabuf_driver_vm_ops", fault: (vmf) => this.fault(vmf) };

  /** The fault handler: FAULT bits. */
  private *fault(vmf: VmFault): Path<number> {
    const { k } = this;
    if (vmf.pgoff >= this.memory.pfns.length) {
      k.refuse(rule["u-dma-buf/fault-beyond"], 0, `page ${vmf.pgoff} of ${this.memory.pfns.length}`);
      return FAULT.sigbus;
    }
    const pfn = this.memory.pfns[vmf.pgoff];
    if (k.design["u-dma-buf.fault"] === "pfn") return vmfInsertPfn(k, vmf.vma, vmf.address, pfn);
    k.note(k.frames.ref(pfn) === 0 ? rule["u-dma-buf/first-reference"] : rule["u-dma-buf/page"], `page ${vmf.pgoff}`);
    folioGet(k, pfn);
    vmf.pfn = pfn;
    return FAULT.none;
  }

  *vmap(): Path<KernelMap> {
    return this.memory.vaddr(this.k, "u-dma-buf's memory");
  }

  *release(): Path<void> {
    this.memory.free(this.k);
  }
}

export function* uDmaBuffer({ k, device }: BufferDriver, size: number): Path<DmaBuf | number> {
  const memory = dmaAllocAttrs(k, device, size);
  return typeof memory === "number" ? memory : exported(k, new UDmaBuf(k, memory), size, "u-dma-buf");
}
