/**
 * The form of a rule. Code refuses through a rule and notes the rules by which it let
 * something pass; the rule book in docs/ is printed from the same entries.
 */

export interface Rule {
  /** `gup/vma-pfnmap`. */
  readonly id: string;
  /** Place in the rule book, for cheap sets. */
  readonly index: number;
  /** One sentence, in the present tense, that says what the kernel does. */
  readonly sentence: string;
  /** Deciding function and source file: `check_vma_flags, mm/gup.c`. */
  readonly kernel: string;
  /** No machine can show it here; says what it rests on. */
  readonly unproven?: string;
}

export interface RuleEntry {
  readonly sentence: string;
  readonly kernel: string;
  readonly unproven?: string;
}

const book: Rule[] = [];

/** Declares the rules of one subject: `rules("gup", { "vma-pfnmap": {...} })["vma-pfnmap"].id === "gup/vma-pfnmap"`. */
export function rules<const T extends Record<string, RuleEntry>>(
  subject: string,
  entries: T,
): { readonly [K in keyof T]: Rule } {
  const out: Record<string, Rule> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const rule: Rule = { id: `${subject}/${name}`, index: book.length, ...entry };
    book.push(rule);
    out[name] = rule;
  }
  return out as { readonly [K in keyof T]: Rule };
}

/** Every rule that was declared, in order of declaration. */
export function ruleBook(): readonly Rule[] {
  return book;
}
