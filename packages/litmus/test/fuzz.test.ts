import { describe, expect, test } from "vitest";
import {
  format,
  judge,
  parse,
  Random,
  randomTest,
  renderDiagnostic,
  testFromJson,
  testToJson,
  tokenize,
} from "../src/index.js";
import { corpusFiles, placeless, samples } from "./text.js";

const sources = [...Object.values(samples), ...corpusFiles()];
const mutations = 2500;

/** Bytes flipped, pieces cut, doubled and moved, tokens swapped: once to four times. */
function mutate(text: string, random: Random): string {
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(text.length + 1);
    const length = 1 + random.below(random.chance(0.2) ? 60 : 6);
    switch (random.below(8)) {
      case 0:
        text =
          text.slice(0, at) +
          String.fromCharCode(random.chance(0.8) ? 1 + random.below(126) : random.below(0xffff)) +
          text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(at, at + length).repeat(1 + random.below(5)) + text.slice(at);
        break;
      case 3: {
        const { tokens } = tokenize(text);
        const a = random.pick(tokens);
        const b = random.pick(tokens);
        const [first, second] = a.offset <= b.offset ? [a, b] : [b, a];
        if (first !== second)
          text =
            text.slice(0, first.offset) +
            second.text +
            text.slice(first.end, second.offset) +
            first.text +
            text.slice(second.end);
        break;
      }
      case 4: {
        const lines = text.split("\n");
        const [line] = lines.splice(random.below(lines.length), 1);
        lines.splice(random.below(lines.length + 1), 0, line);
        text = lines.join("\n");
        break;
      }
      case 5: {
        const other = random.pick(sources);
        const from = random.below(other.length);
        text = text.slice(0, at) + other.slice(from, from + length) + text.slice(at);
        break;
      }
      case 6:
        text =
          text.slice(0, at) +
          random.pick([
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            '"',
            "#",
            ";",
            ",",
            ":",
            "=",
            "==",
            " - ",
            ".",
            "|",
            "\n",
            "0x",
            "__proto__",
            "constructor",
            "expect ",
            "A: ",
            "\u2028",
            "\ud800",
          ]) +
          text.slice(at);
        break;
      case 7:
        text = text.slice(0, at);
        break;
    }
  }
  return text;
}

describe("mutated sources", () => {
  test(`${mutations} of them: no exception, no hang, a place for every fault, formatting that keeps the test`, () => {
    let whole = 0;
    for (let seed = 0; seed < mutations; seed++) {
      const random = new Random(seed);
      const text = mutate(random.pick(sources), random);
      const began = performance.now();
      const { test: t, diagnostics } = parse(text, { file: "x.lit" });
      for (const d of diagnostics) {
        expect(renderDiagnostic(d, text, "x.lit").split("\n").length).toBeGreaterThanOrEqual(3);
        expect(d.span.offset).toBeLessThanOrEqual(text.length);
        expect(d.span.line).toBe(text.slice(0, d.span.offset).split("\n").length);
      }
      expect([seed, t === undefined]).toEqual([seed, diagnostics.some((d) => d.severity === "error")]);
      const once = format(text);
      expect(format(once)).toBe(once);
      if (t) {
        whole++;
        expect(placeless(parse(once).test)).toEqual(placeless(t));
        expect(placeless(testFromJson(JSON.stringify(testToJson(t))).test)).toEqual(placeless(t));
        judge(t, { status: "ok", values: {}, ms: 0 }, { kind: "model", release: "6.12", arch: "x86_64", designs: {} });
      }
      expect(performance.now() - began).toBeLessThan(1000);
    }
    // Mutations that leave a test whole exercise the rest; there must be some of both.
    expect(whole).toBeGreaterThan(mutations / 50);
    expect(whole).toBeLessThan(mutations / 2);
  });

  test("bytes at random", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new Random(seed);
      const text = Array.from({ length: random.below(300) }, () =>
        String.fromCharCode(random.below(random.chance(0.9) ? 127 : 65536)),
      ).join("");
      expect(parse(text).test).toBeUndefined();
      expect(format(text)).toBe(text);
    }
  });

  test("a token that is missing is one fault, or none, whatever stood around it", () => {
    const texts = Object.values(samples);
    for (let seed = 0; seed < 12; seed++)
      texts.push(randomTest(seed, { steps: 8, parallel: seed % 2 === 0, by: ["process", "driver", "kernel"] }));
    let faulty = 0;
    for (const source of texts) {
      for (const token of tokenize(source).tokens) {
        if (token.kind === "end" || token.kind === "newline") continue;
        const text = source.slice(0, token.offset) + source.slice(token.end);
        const errors = parse(text).diagnostics.filter((d) => d.severity === "error");
        if (errors.length > 1)
          throw new Error(`without '${token.text}':\n${errors.map((d) => renderDiagnostic(d, text)).join("\n")}`);
        faulty += errors.length;
      }
    }
    expect(faulty).toBeGreaterThan(1000);
  });
});
