/** FOLL_* flags: what a walk wants of the pages that it finds. Values are ours. */
export const FOLL = {
  /** The caller will write: copy-on-write is broken. */
  write: 1,
  /** Past the mapping's protection, as a debugger may. */
  force: 2,
  /** Takes a reference on each page. */
  get: 4,
  /** Takes a pin on each page. */
  pin: 8,
  longterm: 16,
  /** Marks pages accessed, and dirty for writes. */
  touch: 32,
  /** The memory may be another process's: no protection-key check. */
  remote: 64,
  nofault: 128,
  dump: 256,
  anon: 512,
  /** Memory of PCI devices will do as well. */
  p2pdma: 1024,
} as const;
