/**
 * A device behind VFIO: QEMU's edu, which copies bytes from one of its addresses to a buffer of
 * its own and on to another. The IOMMU translates each page, or refuses it.
 */
import { accesses, eduOf, inBar } from "../devices/edu.js";
import { revokeBars } from "../devices/pci-bar.js";
import { rules } from "../rules/rule.js";
import type { Edu } from "../devices/edu.js";
import type { Container, DmaAccess } from "./vfio.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "vfio/dma": {
    sentence: "A device accesses the PFNs mapped for it, regardless of the process's current PTEs.",
    kernel: "vfio_iommu_map, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/enabled": {
    sentence:
      "Opening the device enables its memory decoding for good; closing it clears bus mastering alone. From then on " +
      "the registers answer at the BAR's addresses.",
    kernel: [
      ["5.10", "vfio_pci_enable, drivers/vfio/pci/vfio_pci.c; do_pci_disable_device, drivers/pci/pci.c"],
      ["6.1", "vfio_pci_core_enable, drivers/vfio/pci/vfio_pci_core.c; do_pci_disable_device, drivers/pci/pci.c"],
    ],
  },
  "vfio/dma-unmapped": {
    sentence:
      "The IOMMU faults DMA to an unmapped IOVA: a read returns zeros, a write is lost, and the kernel logs a DMA " +
      "fault.",
    kernel: "dmar_fault, drivers/iommu/intel/dmar.c",
  },
  "vfio/dma-direction": {
    sentence: "The IOMMU refuses a device's write to a read-only mapping and its read of a write-only one.",
    kernel: [
      ["5.10", "__domain_mapping, drivers/iommu/intel/iommu.c"],
      ["7.2", "__map_range_leaf, drivers/iommu/generic_pt/iommu_pt.h"],
    ],
  },
  "vfio/dma-write-only": {
    sentence: "Up to 6.12 the PTEs of an Intel IOMMU let a device read a write-only mapping.",
    kernel: "__domain_mapping, drivers/iommu/intel/iommu.c (up to 6.12)",
  },
});

/** What the device copies at once, bytes, and where its buffer lies for its own DMA engine. */
const STRETCH = 2048;
const BUFFER = 0x40000;
/** Commands: to the buffer, from it. */
const COMMAND = { fetch: 1, deliver: 3 } as const;

/** A process opens the device, has it copy, and closes it. `from` and `to` are the device's addresses; bytes. */
export function deviceCopies(k: Kernel, container: Container, from: number, to: number, length: number): void {
  revokeBars(k);
  const edu = eduOf(k);
  if (!edu.enabled) k.note(rule["vfio/enabled"]);
  edu.enable(k);
  for (let at = 0; at < length; at += STRETCH) {
    const bytes = Math.min(STRETCH, length - at);
    edu.begins(from + at, BUFFER, bytes, COMMAND.fetch);
    const buffer = deviceReads(k, edu, container, from + at, bytes);
    edu.begins(BUFFER, to + at, bytes, COMMAND.deliver);
    deviceWrites(k, edu, container, to + at, buffer);
    edu.ends();
  }
}

function deviceReads(k: Kernel, edu: Edu, container: Container, iova: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (const { at, bytes, pfn, offset } of translated(k, container, iova, length, "read")) {
    const bar = inBar(k, pfn);
    const page = k.frames.bytes(pfn);
    if (bar !== undefined)
      for (const [to, size] of accesses(bar + offset, bytes)) out.set(edu.read(bar + offset + to, size), at + to);
    else if (page !== undefined) out.set(page.subarray(offset, offset + bytes), at);
  }
  return out;
}

function deviceWrites(k: Kernel, edu: Edu, container: Container, iova: number, what: Uint8Array): void {
  for (const { at, bytes, pfn, offset } of translated(k, container, iova, what.length, "write")) {
    const bar = inBar(k, pfn);
    if (bar === undefined) k.frames.writable(pfn).set(what.subarray(at, at + bytes), offset);
    else
      for (const [to, size] of accesses(bar + offset, bytes))
        edu.write(bar + offset + to, what.subarray(at + to, at + to + size));
  }
}

/** A stretch of a transfer within one page. Bytes. */
interface Stretch {
  /** Place in the transfer. */
  readonly at: number;
  readonly bytes: number;
  readonly pfn: number;
  /** In the frame. */
  readonly offset: number;
}

/** The stretches that the IOMMU lets through. */
function* translated(
  k: Kernel,
  container: Container,
  iova: number,
  length: number,
  access: DmaAccess,
): Generator<Stretch> {
  const { pageSize } = k;
  for (let at = 0, bytes: number; at < length; at += bytes) {
    const address = iova + at;
    const offset = address % pageSize;
    bytes = Math.min(length - at, pageSize - offset);
    const dma = container.dmas.find((one) => one.iova <= address && address < one.iova + one.size);
    const about = `IOVA 0x${address.toString(16)}`;
    if (dma === undefined) k.note(rule["vfio/dma-unmapped"], about);
    else if (!permits(k, dma.access, access)) k.note(rule["vfio/dma-direction"], `${about}, to ${access}`);
    else {
      k.note(rule["vfio/dma"], `${about}, to ${access}`);
      yield { at, bytes, pfn: dma.frames[Math.floor((address - dma.iova) / pageSize)], offset };
    }
  }
}

/** What the entry of the IOMMU's page table permits: __domain_mapping, drivers/iommu/intel/iommu.c. */
function permits(k: Kernel, granted: readonly DmaAccess[], access: DmaAccess): boolean {
  if (granted.includes(access)) return true;
  if (access === "write" || k.design["iommu.write-only"] === "enforced") return false;
  k.note(rule["vfio/dma-write-only"]);
  return true;
}
