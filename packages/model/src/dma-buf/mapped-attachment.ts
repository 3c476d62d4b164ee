/** What a driver's device is given of a buffer: DMA addresses, which outlive the exporter's sg table. */
import { errnos } from "@litmap/litmus";
import { deviceRead, deviceWrite, sgRules, SgTable } from "../dma/sg.js";
import { rules } from "../rules/rule.js";
import type { Holder } from "../mm/custody.js";
import type { Attachment, Direction, Mapping } from "./attachment.js";

const rule = rules({
  "dma-buf/map-mangled-again": {
    sentence:
      "A second mapping of an sg table whose page links are mangled gets DMA addresses that are no memory: EFAULT.",
    kernel: "mangle_sg_table, drivers/dma-buf/dma-buf.c (up to 6.19)",
  },
});

/**
 * What an importer holds of a mapped attachment: the table, and the DMA addresses that its device was given. The
 * device keeps these whatever becomes of the table, and an IOMMU alone forgets them.
 */
export class MappedAttachment implements Mapping {
  /** The importer has unmapped it. */
  unmapped = false;
  /** By DMA address; undefined where they are no memory. */
  private readonly addresses: SgTable | undefined;
  private readonly holder: Holder | undefined;

  constructor(
    readonly at: Attachment,
    readonly sgt: SgTable,
    readonly direction: Direction,
  ) {
    const { k } = at.buf;
    if (sgt.garbled) return;
    const addresses = new SgTable(sgt.entries, sgt.uncached);
    addresses.mapped = sgt.mapped;
    // The device is one more that reaches the frames, and on the same ground as the table.
    if (sgt.holder !== undefined)
      this.holder = k.custody.hold(sgt.holder.what, sgt.holder.keeper, (pfn) => addresses.pageOf(pfn));
    addresses.holder = this.holder;
    this.addresses = addresses;
  }

  /** The device reads bytes: these, or -EFAULT. */
  read(offset: number, length: number): Uint8Array | number {
    const refused = this.refused();
    return refused !== 0 ? refused : deviceRead(this.at.buf.k, this.addresses!, offset, length);
  }

  /** The device writes bytes: 0, or -EFAULT. */
  write(offset: number, bytes: ArrayLike<number>): number {
    const refused = this.refused();
    return refused !== 0 ? refused : deviceWrite(this.at.buf.k, this.addresses!, offset, bytes);
  }

  /** The importer gives it back. */
  letGo(): void {
    this.unmapped = true;
    if (this.holder !== undefined) this.at.buf.k.custody.letGo(this.holder);
  }

  private refused(): number {
    const { buf, device } = this.at;
    if (this.addresses === undefined) return buf.k.refuse(rule["dma-buf/map-mangled-again"], errnos.EFAULT);
    if (this.unmapped || (device.iommu && this.addresses.mapped?.ended !== false))
      return buf.k.refuse(sgRules["dma/unmapped"], errnos.EFAULT);
    return 0;
  }
}
