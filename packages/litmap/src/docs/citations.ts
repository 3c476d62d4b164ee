/** Whether the kernel functions that rules cite are in a kernel's source. */
import { kernelOf } from "@litmap/model";
import type { Rule } from "@litmap/model";

/** One function and its file, of a rule's citation. */
export interface Cited {
  readonly rule: string;
  readonly name: string;
  readonly file: string;
}

export interface Missing extends Cited {
  readonly why: "no such file" | "not in the file";
}

/** A citation of what no source package has says so: `(proposed)`, `(out of tree)`, `(up to 5.10)`. */
const elsewhere = /\((?:proposed|out of tree|up to \d+\.\d+)\)$/;

/**
 * Every function that the rules cite for a release; `outside` are the citations of code that no mainline source has.
 */
export function citationsOf(rules: readonly Rule[], release: string): { cited: Cited[]; outside: number } {
  const cited: Cited[] = [];
  let outside = 0;
  for (const rule of rules)
    for (const part of kernelOf(rule, release).split("; ")) {
      if (elsewhere.test(part)) outside++;
      else cited.push(...citedIn(rule.id, part));
    }
  return { cited, outside };
}

/** `f and g, mm/gup.c` is two functions of a file, and so is `f, g, mm/gup.c`. */
function citedIn(rule: string, part: string): Cited[] {
  const names = part.split(/,\s+|\s+and\s+/);
  const file = names.pop() ?? "";
  return names.map((name) => ({ rule, name: name.replace(/^struct /, ""), file }));
}

/** @param read The text of a file of the source tree, or undefined. */
export function missingIn(cited: readonly Cited[], read: (file: string) => string | undefined): Missing[] {
  return cited.flatMap((each): Missing[] => {
    const text = read(each.file);
    if (text === undefined) return [{ ...each, why: "no such file" }];
    return names(text, each.name) ? [] : [{ ...each, why: "not in the file" }];
  });
}

/** A system call is defined by SYSCALL_DEFINEn(name, ...). */
function names(text: string, name: string): boolean {
  const call = /^sys_(\w+)$/.exec(name)?.[1];
  if (call !== undefined && new RegExp(`\\bSYSCALL_DEFINE\\d\\(${call}\\b`).test(text)) return true;
  return new RegExp(`\\b${name}\\b`).test(text);
}
