/** Whether the kernel functions that rules cite are in a kernel's source. */
import { compareReleases } from "@litmap/litmus";
import { kernelOf } from "@litmap/model";
import type { Rule } from "@litmap/model";

/** One function and its file, of a rule's citation. */
export interface Cited {
  readonly rule: string;
  readonly name: string;
  readonly file: string;
}

export interface Missing extends Cited {
  readonly why: "no such file" | "not defined in the file";
}

export interface Citations {
  readonly cited: Cited[];
  /** How many are of code that the release's mainline source does not have. */
  readonly outside: number;
  /** How many rules begin with a newer release, and are not reached on this one. */
  readonly later: number;
}

/** Code that no source package has says so. */
const elsewhere = /\((?:proposed|out of tree)\)$/;
/** The last release of code that is gone since. */
const last = / \(up to (\d+\.\d+)\)$/;

/**
 * Every function that the rules cite for a release.
 * @param reached Ids of the rules that a model of the release reaches: those cite a function of it in any case.
 */
export function citationsOf(rules: readonly Rule[], release: string, reached: ReadonlySet<string>): Citations {
  const cited: Cited[] = [];
  let outside = 0;
  let later = 0;
  for (const rule of rules) {
    if (!reached.has(rule.id) && beginsAfter(rule, release)) {
      later++;
      continue;
    }
    for (const part of kernelOf(rule, release).split("; ")) {
      const until = last.exec(part)?.[1];
      if (elsewhere.test(part) || (until !== undefined && compareReleases(until, release) < 0)) outside++;
      else cited.push(...citedIn(rule.id, part.replace(last, "")));
    }
  }
  return { cited, outside, later };
}

function beginsAfter({ kernel }: Rule, release: string): boolean {
  return typeof kernel !== "string" && compareReleases(kernel[0][0], release) > 0;
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
    return defines(text, each.name) ? [] : [{ ...each, why: "not defined in the file" }];
  });
}

/**
 * Whether a source file defines a function, macro or struct; its name in a comment or in the middle of a function's
 * body is not enough. A system call is defined by SYSCALL_DEFINEn(name, ...).
 */
function defines(text: string, name: string): boolean {
  const call = /^sys_(\w+)$/.exec(name)?.[1];
  const forms = [
    `^(?:[A-Za-z_][^;=\\n]*\\b)?${name}\\(`,
    `^#\\s*define\\s+${name}\\b`,
    `\\b(?:struct|enum|union)\\s+${name}\\s*\\{`,
    `^[A-Za-z_][^;()\\n]*\\b${name}\\b[^;()\\n]*=\\s*\\{`,
    ...(call === undefined ? [] : [`^(?:COMPAT_)?SYSCALL_DEFINE\\d\\(${call}\\b`]),
  ];
  return forms.some((form) => new RegExp(form, "m").test(text));
}
