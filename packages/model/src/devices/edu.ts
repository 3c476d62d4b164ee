/**
 * QEMU's edu device (docs/specs/edu in its sources): a PCI device whose registers tests of VFIO
 * use, and which can reach them by DMA itself, as any device can reach a BAR that is mapped for it.
 */
import { NotModelled } from "../sched/path.js";
import { slot } from "../slot.js";
import type { Registers } from "../mm/frames.js";
import type { Kernel } from "../kernel.js";

/** Its BAR: where the kernel puts it on the machine that the runner builds, bytes. */
export const eduBar = { address: 0xfc000000, size: 0x100000 } as const;

const register = {
  identification: 0x00,
  liveness: 0x04,
  factorial: 0x08,
  status: 0x20,
  interrupts: 0x24,
  source: 0x80,
  destination: 0x88,
  count: 0x90,
  command: 0x98,
} as const;
const IDENTIFICATION = 0x0100_00ed;
/** There is no register from here on. */
const FIRST_FREE = 0xa0;
/** From here on registers take 8 bytes too, and ignore writes while a transfer is under way. */
const DMA_REGISTERS = 0x80;

/** The device of the machine. */
export const eduOf = slot(() => new Edu());

/** The bit of the command register that says that a transfer is under way. */
const RUN = 1;

export class Edu implements Registers {
  /** Memory decoding is on. */
  enabled = false;
  private readonly values = new Map<number, number>([
    [register.identification, IDENTIFICATION],
    [register.liveness, 0],
    [register.factorial, 0],
    [register.status, 0],
    [register.interrupts, 0],
    [register.source, 0],
    [register.destination, 0],
    [register.count, 0],
    [register.command, 0],
  ]);

  /** From here on its registers answer at the addresses of the BAR. */
  enable(k: Kernel): void {
    if (this.enabled) return;
    this.enabled = true;
    k.frames.addRegisters(eduBar.address / k.pageSize, eduBar.size / k.pageSize, this);
  }

  /** A transfer is under way. */
  begins(source: number, destination: number, count: number, command: number): void {
    this.values
      .set(register.source, source)
      .set(register.destination, destination)
      .set(register.count, count)
      .set(register.command, command);
  }

  /** The transfer is over. */
  ends(): void {
    this.values.set(register.command, this.values.get(register.command)! & ~RUN);
  }

  load(offset: number, width: number): number {
    let value = 0;
    for (const [at, size] of accesses(offset, width))
      this.read(offset + at, size).forEach((byte, i) => (value += byte * 2 ** (8 * (at + i))));
    return value;
  }

  /** A store by the processor. What makes the device do something at a time of its own is not modelled. */
  store(offset: number, bytes: Uint8Array): void {
    for (const [at, size] of accesses(offset, bytes.length)) {
      const to = offset + at;
      if (size < 4) continue;
      if (to !== register.liveness && to !== register.identification && to < FIRST_FREE)
        throw new NotModelled(`a store into the register at 0x${to.toString(16)} of the device`);
      this.write(to, bytes.subarray(at, at + size));
    }
  }

  /**
   * One access to a register, 1 to 8 bytes: what is no register, or too wide for one, reads as ones; what is too narrow
   * as zeros.
   */
  read(offset: number, size: number): Uint8Array {
    const out = new Uint8Array(size);
    if (size < 4) return out;
    const value = offset < DMA_REGISTERS && size !== 4 ? undefined : this.values.get(offset);
    if (value === undefined) return out.fill(0xff);
    for (let i = 0, rest = value; i < size; i++, rest = Math.floor(rest / 256)) out[i] = rest % 256;
    return out;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length !== 4) return;
    const value = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (offset === register.liveness) this.values.set(offset, ~value >>> 0);
    if (offset === register.factorial) this.values.set(offset, factorial(value));
  }
}

/** Modulo 2^32: from 34 on there are 32 factors of two. */
function factorial(n: number): number {
  let product = 1;
  for (let i = 2; i <= Math.min(n, 34); i++) product = Math.imul(product, i) >>> 0;
  return product;
}

/**
 * Bytes of the BAR as a device reads them: in accesses as wide as their alignment and what is left allow, 8 bytes at
 * most.
 */
export function* accesses(offset: number, length: number): Generator<readonly [at: number, size: number]> {
  for (let at = 0, size: number; at < length; at += size) {
    const aligned = (offset + at) & 7;
    size = aligned === 0 ? 8 : aligned & -aligned;
    while (size > length - at) size /= 2;
    yield [at, size];
  }
}

/** Where in the BAR a frame lies, bytes; undefined for any other. */
export function inBar(k: Kernel, pfn: number): number | undefined {
  const offset = pfn * k.pageSize - eduBar.address;
  return offset >= 0 && offset < eduBar.size ? offset : undefined;
}
