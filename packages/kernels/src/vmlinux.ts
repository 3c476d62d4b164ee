/**
 * The kernel proper, out of its bzImage. QEMU can start it directly (PVH), which
 * spares an emulated processor the unpacking: one to four seconds of a boot.
 */
import { gunzipSync } from "node:zlib";
import { runChild } from "./child.js";
import { Fault } from "./fault.js";

const packers: readonly { readonly magic: string; readonly unpack: (packed: Buffer) => Promise<Buffer> }[] = [
  { magic: "1f8b", unpack: async (packed) => gunzipSync(packed) },
  { magic: "fd377a585a00", unpack: (packed) => pipeThrough("xz", packed) },
  { magic: "28b52ffd", unpack: (packed) => pipeThrough("zstd", packed) },
];

/**
 * The ELF file in a bzImage; undefined when it cannot be started directly (no PVH entry), or when it
 * is packed in a way that this machine has no program for. Then the bzImage does.
 */
export async function vmlinuxOf(image: Buffer): Promise<Buffer | undefined> {
  // Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
  const setup = ((image[0x1f1] || 4) + 1) * 512;
  const start = setup + image.readUInt32LE(0x248);
  const end = start + image.readUInt32LE(0x24c);
  if (end > image.length || end - start < 8) return undefined;
  const packed = image.subarray(start, end);
  const packer = packers.find(({ magic }) => packed.toString("hex", 0, magic.length / 2) === magic);
  try {
    const kernel = await packer?.unpack(packed);
    // The last four bytes say how long it is unpacked.
    return kernel && kernel.length === packed.readUInt32LE(packed.length - 4) && hasPvhEntry(kernel)
      ? kernel
      : undefined;
  } catch (error) {
    // zlib's own errors have a code; a Fault says that the program is missing.
    if (error instanceof Fault || (error as { code?: string }).code?.startsWith("Z_")) return undefined;
    throw error;
  }
}

/** gzip ends with the size by itself; behind the others the build appends it, and they must not see it. */
async function pipeThrough(program: string, packed: Buffer): Promise<Buffer> {
  const result = await runChild(program, ["-dc"], { input: packed.subarray(0, -4), timeoutMs: 120_000 });
  return result.stdout;
}

/** Whether a 64-bit ELF file has the note by which Xen and QEMU find the 32-bit entry (XEN_ELFNOTE_PHYS32_ENTRY). */
export function hasPvhEntry(elf: Buffer): boolean {
  if (elf.length < 64 || elf.toString("latin1", 0, 5) !== "\x7fELF\x02") return false;
  const headers = Number(elf.readBigUInt64LE(32));
  const headerSize = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  for (let i = 0; i < count; i++) {
    const at = headers + i * headerSize;
    if (at + 56 > elf.length) return false;
    const isNote = elf.readUInt32LE(at) === 4;
    const from = Number(elf.readBigUInt64LE(at + 8));
    const to = Math.min(from + Number(elf.readBigUInt64LE(at + 32)), elf.length);
    if (isNote && noteIn(elf, from, to)) return true;
  }
  return false;
}

function noteIn(elf: Buffer, from: number, to: number): boolean {
  const padded = (length: number): number => (length + 3) & ~3;
  for (let at = from; at + 12 <= to; ) {
    const nameSize = elf.readUInt32LE(at);
    const type = elf.readUInt32LE(at + 8);
    if (type === 18 && elf.toString("latin1", at + 12, at + 15) === "Xen") return true;
    at += 12 + padded(nameSize) + padded(elf.readUInt32LE(at + 4));
  }
  return false;
}
