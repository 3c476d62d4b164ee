/** F_SEAL_* bits (include/uapi/linux/fcntl.h), and the words for them. */
export const F_SEAL = { seal: 1, shrink: 2, grow: 4, write: 8, futureWrite: 16, exec: 32 } as const;

const words = {
  seal_seal: F_SEAL.seal,
  seal_shrink: F_SEAL.shrink,
  seal_grow: F_SEAL.grow,
  seal_write: F_SEAL.write,
  seal_future_write: F_SEAL.futureWrite,
  seal_exec: F_SEAL.exec,
} as const;

export type SealWord = keyof typeof words;

/** Bits of a set of words. */
export function sealBits(seals: readonly SealWord[]): number {
  return seals.reduce((bits, word) => bits | words[word], 0);
}

/** Words of a set of bits. */
export function sealWords(bits: number): SealWord[] {
  return (Object.keys(words) as SealWord[]).filter((word) => (bits & words[word]) !== 0);
}
