/** The bytes of pages as a device or the kernel moves them: runs that cross page borders. */
import type { Kernel } from "../kernel.js";

/** Bytes `offset` to `offset + length` of one frame. */
export function readFrame(k: Kernel, pfn: number, offset: number, length: number): Uint8Array {
  const bytes = k.frames.bytes(pfn);
  return bytes === undefined ? new Uint8Array(length) : bytes.subarray(offset, offset + length);
}

/** Writes into one frame. Zeros on a page that has no contents yet leave it so. */
export function writeFrame(k: Kernel, pfn: number, offset: number, bytes: Uint8Array): void {
  if (k.frames.bytes(pfn) === undefined && bytes.every((byte) => byte === 0)) return;
  k.frames.writable(pfn).set(bytes, offset);
}

/** Reads a run that begins `offset` bytes into the first page. */
export function gather(k: Kernel, pages: readonly number[], offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let done = 0, at = offset; done < length; ) {
    const inPage = at % k.pageSize;
    const part = Math.min(k.pageSize - inPage, length - done);
    out.set(readFrame(k, pages[Math.floor(at / k.pageSize)], inPage, part), done);
    done += part;
    at += part;
  }
  return out;
}

/** Writes a run that begins `offset` bytes into the first page. */
export function scatter(k: Kernel, pages: readonly number[], offset: number, bytes: Uint8Array): void {
  for (let done = 0, at = offset; done < bytes.length; ) {
    const inPage = at % k.pageSize;
    const part = Math.min(k.pageSize - inPage, bytes.length - done);
    writeFrame(k, pages[Math.floor(at / k.pageSize)], inPage, bytes.subarray(done, done + part));
    done += part;
    at += part;
  }
}

/** Pages that a run of bytes touches. */
export function spannedPages(k: Kernel, address: number, length: number): number {
  return Math.floor(((address % k.pageSize) + length + k.pageSize - 1) / k.pageSize);
}
