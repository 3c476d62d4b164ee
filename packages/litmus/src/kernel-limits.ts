/**
 * What a test may ask of a real kernel: the room of the executor and of what is read from the machine. A test
 * that asks for more is `unsupported` there before it is run; the model has none of these limits.
 */
export const kernelLimits = {
  /** A driver, the kernel and each core_dump() take a process of their own. */
  actors: { most: 12, what: "processes, threads and drivers, with the process that each `core_dump()` makes" },
  branches: { most: 7, what: "branches of a `parallel` block" },
  instructions: { most: 8192, what: "system calls and memory accesses that the steps and observers become" },
  bufferBytes: {
    most: 8 << 20,
    what: "bytes in one process that calls read into and write from, with the arguments that lie in memory",
  },
  textBytes: { most: 4 << 20, what: "bytes that the observers and `core_dump()`s of one process may read" },
  answerBytes: { most: (16 << 20) - 4096, what: "bytes that all results of one run through the test may take" },
  fileBytes: { most: 1 << 16, what: "bytes of debugfs `dma_buf/bufinfo`, which lists every buffer of the machine" },
  coreBytes: { most: 192 << 10, what: "bytes of a core file, from its beginning, in which the range has to lie" },
  remoteBytes: { most: 1 << 30, what: "bytes that one `process_vm_readv()` or `process_vm_writev()` moves" },
  memBytes: { most: 4 << 20, what: "bytes that one `mem_read()` or `mem_write()` moves" },
  sendBytes: { most: 32 << 10, what: "bytes that one `send_zerocopy()` sends" },
  residentPages: { most: 1 << 18, what: "pages that one `mincore()` looks at" },
  outcomes: { most: 1024, what: "different outcomes of a concurrent test; further runs stop there" },
} as const;

export type KernelLimit = keyof typeof kernelLimits;

/** Why a test with so many of something does not run on a kernel; undefined when it does. */
export function overLimit(limit: KernelLimit, count: number): string | undefined {
  const { most, what } = kernelLimits[limit];
  return count > most ? `limit: at most ${most} ${what.replaceAll("`", "")}, not ${count}` : undefined;
}
