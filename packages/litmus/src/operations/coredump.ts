import { address, size, int32 } from "./types.js";
import type { OperationShape } from "./types.js";

/** What of a process lands in a core file. */
export const coredump = {
  core_dump: {
    subject: "reaching into a mapping",
    doc:
      "Forks a child that aborts at once, and looks for a range in the core file that the kernel writes of it. " +
      "Kernels return the first 192 KiB of the file.",
    kernel: "vma_dump_size, dump_user_range, fs/coredump.c",
    by: ["process"],
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      filter: {
        type: int32,
        default: "0x33",
        doc:
          "the child's /proc/self/coredump_filter: 1 anonymous private, 2 anonymous shared, 4 file private, 8 file " +
          "shared, 16 ELF headers, 32 hugetlb private, 64 hugetlb shared",
      },
    },
    result: {
      kind: "record",
      fields: {
        mapped: {
          kind: "number",
          doc: "bytes of the range that lie in a segment of the core: that the child has mapped",
        },
        dumped: { kind: "number", doc: "bytes of the range for which the core has room (p_filesz)" },
        filled: {
          kind: "number",
          doc:
            "bytes of those of its pages that are not all zeros there: pages that the kernel could not get are " +
            "holes",
        },
      },
    },
  },
} as const satisfies Record<string, OperationShape>;
