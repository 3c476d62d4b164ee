/**
 * The kernel's words. What a caller passes to a system call is exact here, as wide as the register or field that the
 * kernel has for it, and sums wrap as the kernel's do. Once a call has found a word to be below a limit that a double
 * holds, it goes on with plain numbers: no path that runs once a page has a bigint.
 */
import type { Kernel } from "./kernel.js";

/** LLONG_MAX: the end of what a loff_t says. */
export const LLONG_MAX = 2n ** 63n - 1n;

/** MAX_LFS_FILESIZE, include/linux/fs.h: s_maxbytes of most file systems. */
export const maxLfsFilesize = (k: Kernel): bigint =>
  k.arch.wordBits === 64 ? LLONG_MAX : ulong(k, -1n) * BigInt(k.pageSize);

/** An unsigned long, or a size_t: what is left of a sum in one. */
export const ulong = (k: Kernel, word: bigint): bigint => BigInt.asUintN(k.arch.wordBits, word);

/** A long, or an ssize_t. */
export const long = (k: Kernel, word: bigint): bigint => BigInt.asIntN(k.arch.wordBits, word);

export const u64 = (word: bigint): bigint => BigInt.asUintN(64, word);

/** A loff_t: signed, 64 bits on every architecture. */
export const loff = (word: bigint): bigint => BigInt.asIntN(64, word);

/** PAGE_ALIGN() of an unsigned long: the last page of the address space wraps to 0. */
export const pageAlign = (k: Kernel, word: bigint): bigint => align(k, word, k.pageSize);

/** ALIGN() of an unsigned long to a power of two. */
export function align(k: Kernel, word: bigint, to: number): bigint {
  const up = ulong(k, word + BigInt(to - 1));
  return up - (up % BigInt(to));
}

/** PAGE_ALIGN() of a u64. */
export function pageAlign64(k: Kernel, word: bigint): bigint {
  const up = u64(word + BigInt(k.pageSize - 1));
  return up - (up % BigInt(k.pageSize));
}

/** offset_in_page(). */
export const offsetInPage = (k: Kernel, word: bigint): number => Number(word % BigInt(k.pageSize));

/** `word & PAGE_MASK`. */
export const pageStart = (k: Kernel, word: bigint): bigint => word - (word % BigInt(k.pageSize));

/** Beyond every TASK_SIZE and every size of memory; a multiple of a huge page. */
const BEYOND = 2 ** 53 - 2 ** 21;

/**
 * A word as a number, for code that refuses what is past TASK_SIZE or larger than memory before it does arithmetic.
 * Exact below 2^53; what is larger stays larger than every limit, and keeps its alignment up to that of a huge page.
 */
export function narrow(word: bigint): number {
  return word < BEYOND ? Number(word) : BEYOND + Number(word & 0x1fffffn);
}

/** A range as two numbers: what {@link narrow} makes of its start, and an end as far behind it, or past every limit. */
export function narrowRange(start: bigint, end: bigint): [start: number, end: number] {
  const from = narrow(start);
  return [from, end < BEYOND ? Number(end) : from + narrow(end - start)];
}

/**
 * A position or size as a number that has the right page, and says whether it is the beginning of one. Exact below
 * 2^53.
 */
export function withinPage(word: bigint): number {
  const small = Number(word);
  return Number.isSafeInteger(small) ? small : Number((word >> 12n) << 12n) + ((word & 4095n) === 0n ? 0 : 2048);
}

/** A word that is known to be below 2^53. */
export function exact(word: bigint): number {
  const value = Number(word);
  if (!Number.isSafeInteger(value)) throw new Error(`${word} was to be below 2^53`);
  return value;
}

/** For the trace. */
export const hex = (word: bigint | number): string => `0x${word.toString(16)}`;
