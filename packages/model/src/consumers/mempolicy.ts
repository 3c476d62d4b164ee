/** mbind and get_mempolicy on a machine with one node (mm/mempolicy.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FOLL } from "../mm/foll.js";
import { getUserPagesFast } from "../mm/gup-fast.js";
import { vmaModify } from "../mm/merge.js";
import { gupPutFolio } from "../mm/pin.js";
import { rules } from "../rules/rule.js";
import { hex, narrow, narrowRange, offsetInPage, pageAlign, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "mempolicy/unaligned": {
    sentence: "mbind of an unaligned address gives EINVAL.",
    kernel: "do_mbind, mm/mempolicy.c",
  },
  "mempolicy/wraps": {
    sentence: "mbind of a range that overflows gives EINVAL.",
    kernel: "do_mbind, mm/mempolicy.c",
  },
  "mempolicy/hole": {
    sentence: "mbind of a range with a hole gives EFAULT; MPOL_DEFAULT does so only if no VMA is in the range.",
    kernel: "queue_pages_test_walk, mm/mempolicy.c",
  },
  "mempolicy/set": {
    sentence:
      "mbind sets the policy on all VMAs of the range and splits those at its ends; pages on the only node need no " +
      "move.",
    kernel: "mbind_range, mm/mempolicy.c",
  },
  "mempolicy/no-vma": {
    sentence: "get_mempolicy with MPOL_F_ADDR at an address without a VMA gives EFAULT.",
    kernel: "do_get_mempolicy, mm/mempolicy.c",
  },
  "mempolicy/gup-refused": {
    sentence: "get_mempolicy with MPOL_F_NODE and MPOL_F_ADDR takes a page reference and returns the errno of GUP.",
    kernel: "lookup_node, mm/mempolicy.c",
  },
});

export type Policy = "default" | "bind" | "preferred";

/**
 * do_mbind, mm/mempolicy.c: 0, -EINVAL, -EFAULT. Every page is on the one node that a policy
 * can name, so that MPOL_MF_STRICT finds nothing and MPOL_MF_MOVE has nowhere to go. Bytes.
 */
export function* mbind(k: Kernel, task: Task, address: bigint, length: bigint, policy: Policy): Path<number> {
  if (offsetInPage(k, address) !== 0) return k.refuse(rule["mempolicy/unaligned"], errnos.EINVAL, hex(address));
  const past = ulong(k, address + pageAlign(k, length));
  if (past < address) return k.refuse(rule["mempolicy/wraps"], errnos.EINVAL, hex(address));
  if (past === address) return 0;
  const [start, end] = narrowRange(address, past);
  yield* acquire(k, task.mm.mmapLock, "write");
  const refused = queuePagesRange(k, task.mm, start, end, policy === "default");
  const result =
    refused !== 0 ? refused : yield* setPolicy(k, task.mm, start, end, policy === "default" ? undefined : policy);
  yield* release(k, task.mm.mmapLock);
  return result;
}

/** queue_pages_range, mm/mempolicy.c: looks for holes; with the default policy only for one that is everything. */
function queuePagesRange(k: Kernel, mm: Mm, start: number, end: number, holesOk: boolean): number {
  let at = start;
  let found = false;
  for (let i = mm.findIndex(start); i < mm.vmas.length && mm.vmas[i].start < end; i++) {
    const vma = mm.vmas[i];
    found = true;
    if (vma.start > at && !holesOk) return k.refuse(rule["mempolicy/hole"], errnos.EFAULT, `0x${at.toString(16)}`);
    at = vma.end;
  }
  if (!found || (at < end && !holesOk)) return k.refuse(rule["mempolicy/hole"], errnos.EFAULT, `0x${at.toString(16)}`);
  return 0;
}

/** mbind_range for each mapping, mm/mempolicy.c. */
function* setPolicy(k: Kernel, mm: Mm, start: number, end: number, policy: string | undefined): Path<number> {
  for (let at = start; at < end; ) {
    const vma = mm.findVma(at);
    if (vma === undefined || vma.start >= end) break;
    const from = Math.max(vma.start, at);
    const to = Math.min(vma.end, end);
    at = to;
    if (vma.policy === policy) continue;
    const changed = yield* vmaModify(k, vma, from, to, vma.flags, policy ?? null);
    if (typeof changed === "number") return changed;
    changed.policy = policy;
    k.note(rule["mempolicy/set"], `0x${from.toString(16)}`);
  }
  return 0;
}

/** get_mempolicy with MPOL_F_NODE|MPOL_F_ADDR, mm/mempolicy.c: the node (0), or a negative errno. */
export function* nodeOf(k: Kernel, task: Task, word: bigint): Path<number> {
  const address = narrow(word);
  if (task.mm.lookup(address) === undefined)
    return k.refuse(rule["mempolicy/no-vma"], errnos.EFAULT, `0x${address.toString(16)}`);
  const pages: number[] = [];
  const got = yield* getUserPagesFast(k, task, address, 1, 0, pages);
  if (got < 0) return k.refuse(rule["mempolicy/gup-refused"], -got, `0x${address.toString(16)}`);
  gupPutFolio(k, pages[0], 1, FOLL.get);
  return 0;
}
