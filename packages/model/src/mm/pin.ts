/** References and pins on folios: how GUP takes them, how they are given back. */
import { GUP_PIN_COUNTING_BIAS, PG } from "./frames.js";
import { folioPut } from "./rmap.js";
import { errnos } from "@litmap/litmus";
import { FOLL } from "./foll.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "gup/zero-page": {
    sentence: "GUP returns the shared zero page like any other page, but a pin of it is not counted.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "gup/dead-tail": {
    sentence:
      "A page whose folio has refcount 0, such as the tail of a non-compound allocation, warns and gives ENOMEM.",
    kernel: "try_grab_folio, mm/gup.c",
    unproven: "no recorded exporter maps such pages with normal PTEs; from the source of mm/gup.c.",
  },
  "pin/small": {
    sentence: "A pin of a small folio adds 1024 (GUP_PIN_COUNTING_BIAS) to its refcount.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "pin/large": {
    sentence: "A pin of a large folio adds one to its refcount and one to its pincount.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "p2pdma/gup": {
    sentence:
      "GUP gives P2PDMA pages only to FOLL_PCI_P2PDMA, which block devices that can reach them use; all others get " +
      "EREMOTEIO.",
    kernel: "try_grab_folio, mm/gup.c",
  },
});

/**
 * Takes `refs` references or pins on the folio of a page: try_grab_folio, mm/gup.c. 0, or
 * -ENOMEM when the folio's refcount is 0. Without FOLL_GET and FOLL_PIN nothing is taken.
 */
export function tryGrabFolio(k: Kernel, pfn: number, refs: number, flags: number): number {
  const head = k.frames.head(pfn);
  if (k.frames.ref(head) <= 0) return k.refuse(rule["gup/dead-tail"], errnos.ENOMEM, `frame ${pfn}`);
  if ((flags & FOLL.p2pdma) === 0 && (k.frames.flags(head) & PG.p2pdma) !== 0)
    return k.refuse(rule["p2pdma/gup"], errnos.EREMOTEIO, `frame ${pfn}`);
  if ((flags & FOLL.get) !== 0) k.frames.addRef(head, refs);
  else if ((flags & FOLL.pin) !== 0) pinFolio(k, pfn, head, refs);
  return 0;
}

function pinFolio(k: Kernel, pfn: number, head: number, refs: number): void {
  if (pfn === k.zeroPfn) return k.note(rule["gup/zero-page"], `frame ${pfn}`);
  if (k.frames.order(head) > 0) {
    k.frames.addRef(head, refs);
    k.frames.addLargePin(head, refs);
    return k.note(rule["pin/large"], `frame ${head}`);
  }
  k.frames.addRef(head, refs * GUP_PIN_COUNTING_BIAS);
  k.note(rule["pin/small"], `frame ${head}`);
}

/** Gives `refs` references or pins back: gup_put_folio, mm/gup.c. */
export function gupPutFolio(k: Kernel, pfn: number, refs: number, flags: number): void {
  const head = k.frames.head(pfn);
  if ((flags & FOLL.pin) === 0) return folioPutRefs(k, head, refs);
  if (pfn === k.zeroPfn) return;
  if (k.frames.order(head) === 0) return folioPutRefs(k, head, refs * GUP_PIN_COUNTING_BIAS);
  k.frames.addLargePin(head, -refs);
  folioPutRefs(k, head, refs);
}

/** folio_put_refs, include/linux/mm.h: several references at once. */
export function folioPutRefs(k: Kernel, head: number, refs: number): void {
  k.frames.addRef(head, 1 - refs);
  folioPut(k, head);
}

/** unpin_user_pages, mm/gup.c: one pin of every page. */
export function unpinUserPages(k: Kernel, pages: readonly number[]): void {
  for (const pfn of pages) gupPutFolio(k, pfn, 1, FOLL.pin);
}

/** put_page of each: gives back what FOLL_GET took. */
export function putPages(k: Kernel, pages: readonly number[]): void {
  for (const pfn of pages) gupPutFolio(k, pfn, 1, FOLL.get);
}
