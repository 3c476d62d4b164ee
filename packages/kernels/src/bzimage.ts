/** The header of an x86 kernel image: enough to say what it is. */

/**
 * The kernel's version string, `6.12.107+deb13-amd64 (…) #1 SMP …`: what `uname -rv` says, with the builder in
 * brackets. Undefined when these bytes are no bzImage.
 */
export function bzImageVersion(image: Uint8Array): string | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (bytes.length < 0x400 || bytes.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const at = bytes.readUInt16LE(0x20e) + 0x200;
  if (at === 0x200 || at >= bytes.length) return undefined;
  const end = bytes.indexOf(0, at);
  return bytes.toString("latin1", at, end < 0 ? at + 128 : Math.min(end, at + 512));
}

/** Bytes that the boot protocol's header promises: setup sectors and the packed kernel behind them. */
export function bzImageLength(image: Buffer): number {
  const setupSectors = image[0x1f1] || 4;
  return (setupSectors + 1) * 512 + image.readUInt32LE(0x1f4) * 16;
}

/** `6.12` of `6.12.107+deb13-amd64`; undefined when it does not start so. */
export function releaseOf(version: string): string | undefined {
  return /^\d+\.\d+/.exec(version)?.[0];
}
