/** The page allocator's refusal (mm/page_alloc.c). */
import { errnos } from "@litmap/litmus";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "page-alloc/no-memory": {
    sentence: "An allocation without a free block that is large enough gives ENOMEM.",
    kernel: "__alloc_pages_slowpath, mm/page_alloc.c",
  },
});

/** -ENOMEM of an allocation of `pages` pages. */
export function noMemory(k: Kernel, pages: number): number {
  return k.refuse(rule["page-alloc/no-memory"], errnos.ENOMEM, pages === 1 ? "1 page" : `${pages} pages`);
}
