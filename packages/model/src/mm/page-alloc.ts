/** What the page allocator, kvmalloc and vmalloc do when memory is out. */
import { errnos } from "@litmap/litmus";
import { rules } from "../rules/rule.js";
import { KernelBug } from "../sched/path.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "page-alloc/no-memory": {
    sentence: "An allocation without a free block that is large enough gives ENOMEM.",
    kernel: "__alloc_pages_slowpath, mm/page_alloc.c",
  },
  "page-alloc/oom-kill": {
    sentence: "An allocation of up to 8 pages never fails: when memory is out the OOM killer ends a process.",
    kernel: "__alloc_pages_may_oom, mm/page_alloc.c; out_of_memory, mm/oom_kill.c",
    unproven: "a test of which a process was killed has no verdict.",
  },
  "page-alloc/array-too-large": {
    sentence: "kvmalloc of more than INT_MAX bytes warns and gives NULL.",
    kernel: [
      ["5.14", "kvmalloc_node, mm/util.c"],
      ["6.10", "__kvmalloc_node_noprof, mm/util.c"],
      ["6.15", "__kvmalloc_node_noprof, mm/slub.c"],
    ],
    unproven: "a test at which the kernel warns has no verdict.",
  },
  "page-alloc/vmalloc-exceeds-memory": {
    sentence: "vmalloc of more pages than the machine has gives NULL.",
    kernel: [
      ["5.10", "__vmalloc_node_range, mm/vmalloc.c"],
      ["6.10", "__vmalloc_node_range_noprof, mm/vmalloc.c"],
    ],
  },
});

/** Bytes of an entry in an array of pointers. */
export const POINTER = 8;
/** INT_MAX of C. */
const INT_MAX = 0x7fffffff;

/** -ENOMEM of an allocation of `pages` pages. */
export function noMemory(k: Kernel, pages: number): number {
  return k.refuse(rule["page-alloc/no-memory"], errnos.ENOMEM, pages === 1 ? "1 page" : `${pages} pages`);
}

/** out_of_memory, mm/oom_kill.c: a process of the test is killed, and the test has no outcome. */
export function outOfMemory(k: Kernel): never {
  k.trace.refuse(rule["page-alloc/oom-kill"], 0, `${k.frames.used} pages are in use`);
  throw new KernelBug("out of memory: the OOM killer ends a process");
}

/**
 * kvmalloc_array, mm/util.c: 0, or -ENOMEM of the caller when an array of so many bytes cannot be had. `quiet` is
 * __GFP_NOWARN.
 */
export function kvmalloc(k: Kernel, bytes: number, quiet = false): number {
  const about = `${bytes} bytes`;
  if (bytes > INT_MAX && k.design["kvmalloc.oversized"] === "warns") {
    if (quiet) return k.refuse(rule["page-alloc/array-too-large"], errnos.ENOMEM, about);
    return k.warnAndRefuse(rule["page-alloc/array-too-large"], errnos.ENOMEM, about);
  }
  return vmalloc(k, bytes);
}

/** vmalloc, mm/vmalloc.c: 0, or -ENOMEM of the caller. */
export function vmalloc(k: Kernel, bytes: number): number {
  const pages = Math.ceil(bytes / k.pageSize);
  if (pages > k.totalRam) return k.refuse(rule["page-alloc/vmalloc-exceeds-memory"], errnos.ENOMEM, `${bytes} bytes`);
  if (pages > k.frames.available) outOfMemory(k);
  return 0;
}
