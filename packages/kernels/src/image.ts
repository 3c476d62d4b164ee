/** Kernel images of every architecture that guests are started from: what one is, and what QEMU starts of it. */
import { gunzipSync } from "node:zlib";
import type { Isa } from "@litmap/litmus";
import { bzImageLength, bzImageVersion } from "./bzimage.js";
import { runChild } from "./child.js";
import { Fault } from "./fault.js";
import { linuxVersion } from "./linux-version.js";
import { vmlinuxOf } from "./vmlinux.js";

export interface KernelImage {
  readonly isa: Isa;
  /** What `uname -r` will say; undefined when the image does not tell. */
  readonly version: string | undefined;
  /** The version of Linux that the image's banner names; undefined as above. */
  readonly linux: string | undefined;
  /** What QEMU starts instead of the file: the kernel proper, where the file packs it. */
  readonly unpacked?: Buffer;
}

/**
 * Undefined when these bytes are no kernel that we know how to start: bzImage, arm64's Image (packed or not), arm's
 * zImage.
 */
export async function readImage(image: Buffer): Promise<KernelImage | undefined> {
  const version = bzImageVersion(image);
  if (version !== undefined) {
    wantWhole(image, bzImageLength(image));
    return { isa: "x86_64", ...named(version), unpacked: await vmlinuxOf(image) };
  }
  if (isArm64Image(image)) return { isa: "arm64", ...named(bannerOf(image)) };
  // Its header has the addresses of its begin and end.
  if (isZimage(image)) wantWhole(image, image.readUInt32LE(44) - image.readUInt32LE(40));
  if (isZimage(image)) return { isa: "arm", ...named(await zimageBanner(image)) };
  const unpacked = await unpackedArm64(image);
  return unpacked && { isa: "arm64", ...named(bannerOf(unpacked)), unpacked };
}

function named(banner: string | undefined): Pick<KernelImage, "version" | "linux"> {
  return { version: banner?.split(" ")[0], linux: banner === undefined ? undefined : linuxVersion(banner) };
}

/** A Fault for an image that is shorter than its header says. */
function wantWhole(image: Buffer, length: number): void {
  if (image.length >= length) return;
  throw new Fault(
    "request",
    `the image is cut off: it has ${image.length} of the ${length} bytes that its header promises`,
    "copy it again",
  );
}

/** Documentation/arch/arm64/booting.rst: the magic number at offset 56. */
function isArm64Image(image: Buffer): boolean {
  return image.length > 64 && image.toString("latin1", 56, 60) === "ARM\x64";
}

/** Documentation/arch/arm/booting.rst: the magic number at offset 36. */
function isZimage(image: Buffer): boolean {
  return image.length > 48 && image.readUInt32LE(36) === 0x016f2818;
}

/** An Image in gzip, or behind the EFI stub that unpacks it (drivers/firmware/efi/libstub/zboot-header.S). */
async function unpackedArm64(image: Buffer): Promise<Buffer | undefined> {
  const zboot = image.length > 64 && image.toString("latin1", 4, 8) === "zimg";
  if (zboot) wantWhole(image, image.readUInt32LE(8) + image.readUInt32LE(12));
  const packed = zboot ? image.subarray(image.readUInt32LE(8), image.readUInt32LE(8) + image.readUInt32LE(12)) : image;
  const unpacked = await unpack(packed);
  return unpacked && isArm64Image(unpacked) ? unpacked : undefined;
}

/** A zImage says nothing of its version; the kernel packed in it does. */
async function zimageBanner(image: Buffer): Promise<string | undefined> {
  for (const { magic } of packers) {
    const at = image.indexOf(magic);
    const banner = at < 0 ? undefined : bannerOf((await unpack(image.subarray(at))) ?? Buffer.alloc(0));
    if (banner !== undefined) return banner;
  }
  return undefined;
}

/** From linux_banner. Format strings of the same beginning have a `%` where the version belongs. */
function bannerOf(kernel: Buffer): string | undefined {
  const banner = "Linux version ";
  for (let at = kernel.indexOf(banner); at >= 0; at = kernel.indexOf(banner, at + 1)) {
    const text = kernel.toString("latin1", at + banner.length, at + banner.length + 512);
    if (/^\d\S{0,78} /.test(text)) return text.split(/[\0\n]/)[0];
  }
  return undefined;
}

const packers = [
  { magic: Buffer.from("1f8b08", "hex"), unpack: async (packed: Buffer) => gunzipSync(packed) },
  { magic: Buffer.from("fd377a585a00", "hex"), unpack: (packed: Buffer) => pipeThrough("xz", packed) },
  { magic: Buffer.from("28b52ffd", "hex"), unpack: (packed: Buffer) => pipeThrough("zstd", packed) },
];

/** What follows the packed kernel makes the programs complain; what they gave until then is whole. */
async function pipeThrough(program: string, packed: Buffer): Promise<Buffer> {
  return (
    await runChild(program, ["-dc"], {
      input: packed,
      timeoutMs: 120_000,
      hint: `the kernel's image is packed with ${program}`,
    })
  ).stdout;
}

/** Undefined when it is packed in none of these ways, or damaged. A Fault when the program to unpack it is missing. */
async function unpack(packed: Buffer): Promise<Buffer | undefined> {
  const packer = packers.find(({ magic }) => packed.subarray(0, magic.length).equals(magic));
  try {
    return await packer?.unpack(packed);
  } catch (error) {
    // zlib's own errors have a code.
    if ((error as { code?: string }).code?.startsWith("Z_")) return undefined;
    throw error;
  }
}
