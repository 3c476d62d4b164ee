/** u-dma-buf, a driver outside the kernel's tree: coherent memory that its own fault handler maps (github.com/ikwzm/udmabuf). */
import { errnos } from "@litmap/litmus";
import { vmfInsertPfn } from "../mm/insert.js";
import { folioGet } from "../mm/rmap.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { uDmaBufRules as rule } from "../rules/u-dma-buf.js";
import { OverDmaMemory } from "./dma-memory.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

export class UDmaBuf extends OverDmaMemory implements DmaBufOps {
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (k.design["u-dma-buf.fault"] === "pfn") {
      if (isCowMapping(vma.flags)) return k.refuse(rule.private, errnos.EINVAL);
      vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    }
    vma.ops = this.vmOps;
    return 0;
  }

  private readonly vmOps: VmOps = { name: "udmabuf_driver_vm_ops", fault: (vmf) => this.fault(vmf) };

  /** The fault handler: FAULT bits. */
  private *fault(vmf: VmFault): Path<number> {
    const { k } = this;
    if (vmf.pgoff >= this.memory.pfns.length) return FAULT.sigbus;
    const pfn = this.memory.pfns[vmf.pgoff];
    if (k.design["u-dma-buf.fault"] === "pfn") return vmfInsertPfn(k, vmf.vma, vmf.address, pfn);
    k.note(k.frames.ref(pfn) === 0 ? rule["first-reference"] : rule.page, `page ${vmf.pgoff}`);
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
