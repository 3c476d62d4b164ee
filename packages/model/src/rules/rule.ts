/**
 * The form of a rule. A file of the model declares the rules that it decides by, under their full ids,
 * and refuses through them; the rule book is joined from all of those tables.
 */
import { compareReleases } from "@litmap/litmus";

/** Deciding function and source file: `check_vma_flags, mm/gup.c`; several are separated by `;`. */
export type Citation = string;

/** The citation from each release on, ascending; the first one holds for older releases too. */
export type Citations = Citation | readonly (readonly [since: string, citation: Citation])[];

export interface RuleEntry {
  /** One sentence, in the present tense, that says what the kernel does. */
  readonly sentence: string;
  readonly kernel: Citations;
  /** Why no kernel can show it here, and what it rests on. */
  readonly unproven?: string;
}

export interface Rule extends RuleEntry {
  /** `gup/vma-pfnmap`. */
  readonly id: string;
  /** A number of its own, for cheap sets. */
  readonly index: number;
}

const book: Rule[] = [];

/** Declares rules: `rules({ "gup/vma-pfnmap": {...} })["gup/vma-pfnmap"].id === "gup/vma-pfnmap"`. */
export function rules<const T extends Record<`${string}/${string}`, RuleEntry>>(
  entries: T,
): { readonly [K in keyof T]: Rule } {
  const out: Record<string, Rule> = {};
  for (const [id, entry] of Object.entries(entries)) {
    const rule: Rule = { id, index: book.length, ...entry };
    book.push(rule);
    out[id] = rule;
  }
  return out as { readonly [K in keyof T]: Rule };
}

/** Every rule that is declared, in the order of the ids. */
export function ruleBook(): readonly Rule[] {
  return [...book].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** Deciding function and source file in a release, `major.minor`. */
export function kernelOf({ kernel }: Pick<RuleEntry, "kernel">, release: string): Citation {
  if (typeof kernel === "string") return kernel;
  let found = kernel[0][1];
  for (const [since, citation] of kernel) if (compareReleases(since, release) <= 0) found = citation;
  return found;
}
