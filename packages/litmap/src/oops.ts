/**
 * Whether two machines stopped at one place. A kernel says where in its first line and in the trace below it, the
 * model says which rule: a rule knows its kernel function and that function's file.
 */
import { kernelOf, ruleBook } from "@litmap/model";

/** As far as it goes: the function, its file, or only that both stopped; `other` is another place. */
export type OopsMatch = "function" | "file" | "fact" | "other";

/** What a kernel's messages say of the place. */
export interface OopsPlace {
  /** Source file, as far as the kernel was told it when it was built. */
  readonly file?: string;
  /** Functions of the first line and of the trace, the innermost first. Inlined ones are not in it. */
  readonly functions: readonly string[];
}

const symbol = "([A-Za-z_][\\w.]*)\\+0x[0-9a-f]+/0x[0-9a-f]+";
/** `at FILE:LINE`, or from 6.19 on `FILE:LINE at`; `kernel BUG at FILE:LINE!`. */
const filed = /\b(?:WARNING: (?:CPU: \d+ PID: \d+ at )?|kernel BUG at )([^\s:]+\.[chS]):\d+/;
const inLine = new RegExp(`\\bat (?:[^\\s:]+:\\d+ )?${symbol}`);
/** The instruction pointer, as each architecture prints it, and the lines of a call trace. */
const inTrace = new RegExp(
  `^(?:RIP: [0-9a-f]+:|(?:pc|lr) : |PC is at |LR is at | *(?:\\? )?(?:\\[<[0-9a-f]+>\\] )?(?:\\(?)?)${symbol}`,
);

export function placeOf(reason: string, log = ""): OopsPlace {
  const lines = log.split("\n").map((line) => line.replace(/^(?:<\d+>)?\s*\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?/, ""));
  // Other messages may come before: what counts begins at the line that was told as the reason.
  const from = lines.findIndex((line) => line.includes(reason));
  const trace = from < 0 ? [] : lines.slice(from + 1);
  const found = [inLine.exec(reason)?.[1], ...trace.map((line) => inTrace.exec(line)?.[1])];
  const file = filed.exec(reason)?.[1];
  return {
    ...(file === undefined ? {} : { file: file.replace(/^(?:.*\/)?\.\//, "") }),
    // What the compiler made of a function (`.isra.0`, `.part.0`, `.cold`) is that function.
    functions: found.flatMap((name) => (name === undefined ? [] : [name.replace(/\..*$/, "")])),
  };
}

/**
 * @param told what the model says, which begins with the rule's id where a rule made it stop
 * @param release of the kernel
 */
export function matchOops(
  kernel: { readonly reason?: string; readonly log?: string },
  told: string | undefined,
  release: string,
): OopsMatch {
  const id = /^([\w-]+\/[\w-]+)(?::|$)/.exec(told ?? "")?.[1];
  const rule = id === undefined ? undefined : ruleBook().find((each) => each.id === id);
  const { file, functions } = placeOf(kernel.reason ?? "", kernel.log);
  if (rule === undefined || (file === undefined && functions.length === 0)) return "fact";
  const cited = kernelOf(rule, release)
    .split(";")
    .map((one) => one.split(",").map((part) => part.trim()));
  if (cited.some(([name]) => functions.includes(name))) return "function";
  // An inlined function has its file in the first line, and is in no trace.
  if (cited.some(([, path]) => file !== undefined && sameFile(file, path))) return "file";
  return "other";
}

/** Paths are those of the build: a prefix more or less says nothing. */
function sameFile(one: string, other: string): boolean {
  return one === other || one.endsWith(`/${other}`) || other.endsWith(`/${one}`);
}
