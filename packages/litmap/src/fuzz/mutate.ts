/** Texts that are nearly tests: what somebody may write who has read a test and changes it. */
import { devices, operations, tokenize } from "@litmap/litmus";
import type { Random, Token } from "@litmap/litmus";

/** Numbers at which something ends: words, pages, tables, the language's units. */
const extremes = [
  ...["0", "1", "2", "3", "4095", "4096", "4097", "2M", "1G", "4G", "1T", "64T", "128T", "255", "256", "1p", "0p"],
  ...["0x7fffffff", "0x80000000", "0xffffffff", "0x100000000", "0x7ffffffff000", "0x800000000000"],
  ...["0x20000000000001", "0x7fffffffffffffff", "0x8000000000000000", "0xfffffffffffff000", "0xfffffffffffff001"],
  ...["0xffffffffffffffff", "0x1ffffffffffffffff", "99999999999999999999", "1023", "1024", "65536", "512p", "513p"],
];

type Mutation = (text: string, random: Random, corpus: readonly string[]) => string;

/** Changes a text in one to four places. */
export function mutate(text: string, random: Random, corpus: readonly string[]): string {
  for (let n = 1 + random.below(4); n > 0; n--) text = random.weighted(mutations)(text, random, corpus);
  return text;
}

function replaced(text: string, { offset, end }: Token, by: string): string {
  return text.slice(0, offset) + by + text.slice(end);
}

function tokensOf(text: string, kind: Token["kind"]): Token[] {
  return tokenize(text).tokens.filter((token) => token.kind === kind);
}

/** A token of one kind becomes what `by` gives. */
const changes =
  (
    kind: Token["kind"],
    by: (token: Token, random: Random, all: readonly Token[], corpus: readonly string[]) => string,
  ) =>
  (text: string, random: Random, corpus: readonly string[]): string => {
    const all = tokensOf(text, kind);
    if (all.length === 0) return text;
    const token = random.pick(all);
    return replaced(text, token, by(token, random, all, corpus));
  };

/** Works on lines behind the header and its question. */
const onLines =
  (change: (lines: string[], at: number, random: Random) => void): Mutation =>
  (text, random) => {
    const lines = text.split("\n");
    if (lines.length > 3) change(lines, 3 + random.below(lines.length - 3), random);
    return lines.join("\n");
  };

const operationNames = Object.keys(operations);

const mutations: readonly (readonly [Mutation, number])[] = [
  [changes("number", (_token, random) => random.pick(extremes)), 8],
  [changes("name", (_token, random, all) => random.pick(all).text), 4],
  [changes("name", (_token, random) => random.pick(operationNames)), 1],
  [changes("name", (_token, random) => random.pick(Object.keys(devices))), 1],
  [changes("name", (_token, random, _all, corpus) => random.pick(tokensOf(random.pick(corpus), "name")).text), 2],
  [changes("mark", (token, random, all) => (random.chance(0.5) ? random.pick(all).text : token.text.repeat(2))), 1],
  [onLines((lines, at) => lines.splice(at, 1)), 3],
  [onLines((lines, at) => lines.splice(at, 0, lines[at])), 4],
  [
    onLines((lines, at, random) => {
      const other = 3 + random.below(lines.length - 3);
      [lines[at], lines[other]] = [lines[other], lines[at]];
    }),
    4,
  ],
  // A line of another test.
  [
    (text, random, corpus) =>
      onLines((lines, at) => lines.splice(at, 0, random.pick(random.pick(corpus).split("\n").slice(3)) ?? ""))(
        text,
        random,
        corpus,
      ),
    3,
  ],
  // Another actor does it.
  [
    (text, random) => {
      const actors = [...text.matchAll(/^(?:process|thread|fork|driver|kernel) (\w+)/gm)].map(([, name]) => name);
      const names = ["A", ...actors];
      return onLines((lines, at) => {
        const line = lines[at].replace(/^\s*[A-Z]\w*: /, "");
        if (line.trim() !== "") lines[at] = `${random.pick(names)}: ${line.trim()}`;
      })(text, random, []);
    },
    3,
  ],
  [onLines((lines, at, random) => lines.splice(at, 0, `${random.pick(["fork", "process"])} Z${random.below(3)}`)), 1],
  // Anything at all.
  [
    (text, random) => {
      const at = random.below(text.length + 1);
      const to = at + random.below(4);
      return text.slice(0, at) + String.fromCharCode(random.below(random.chance(0.9) ? 127 : 65536)) + text.slice(to);
    },
    1,
  ],
];
