import { actor, address, bytes, optional, size, status, word, int32 } from "./types.js";
import { advice } from "./memory.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

/** More ways into a mapping: another process's, and the network's. */
export const remote = {
  ptrace_poke: {
    subject: "reaching into a mapping",
    registers: ["address"],
    doc:
      "Stores a machine word into another process (PTRACE_SEIZE, INTERRUPT, POKEDATA, DETACH): `value` in its " +
      "lower 32 bits, zeros above.",
    kernel: "ptrace_access_vm, kernel/ptrace.c",
    by: process,
    params: {
      address: { type: address, doc: "where" },
      value: { type: int32, doc: "what" },
      of: { type: actor, doc: "whose" },
    },
    result: status,
  },
  process_madvise: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc:
      "Gives advice about a range of a process's memory; gives the bytes advised. Of another process only cold, " +
      "pageout, willneed and collapse.",
    kernel: "sys_process_madvise, mm/madvise.c",
    by: process,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      advice: { type: word(advice), doc: "which advice" },
      of: { type: optional(actor), default: "none", doc: "whose address space; the caller's own when left out" },
    },
    result: bytes,
  },
  send_zerocopy: {
    subject: "reaching into a mapping",
    registers: ["address", "length"],
    doc:
      "Sends a range over a new TCP connection on the loopback device with MSG_ZEROCOPY, and closes it; gives the " +
      "bytes sent. At most 32K.",
    kernel: "zerocopy_fill_skb_from_iter, net/core/datagram.c; skb_zerocopy_iter_stream, " + "net/core/skbuff.c",
    by: process,
    params: { address: { type: address, doc: "where it begins" }, length: { type: size, doc: "bytes" } },
    result: bytes,
  },
} as const satisfies Record<string, OperationShape>;
