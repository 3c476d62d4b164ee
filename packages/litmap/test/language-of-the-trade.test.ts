/** Rules, decision points, operations, questions, help and prose use the kernel's words, in plain sentences. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { operations, parse } from "@litmap/litmus";
import { points, ruleBook } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { root } from "./command.js";

/** Phrases that no kernel engineer writes, each with what to write instead. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bwhatever\b/i, "regardless of ..., every"],
  [/\b(some|no|any|every)body\b/i, "the subject itself: a process, a task, untouched, all"],
  [/\bwhat is walked\b|\bthe (slow|fast) (walk|one)\b/i, "GUP, gup-fast"],
  [/\b(bare )?frame numbers?\b/i, "PFN"],
  [/\basked of\b|\bis asked of\b/i, "runs on"],
  [/\b(borne|bear[s]?|bore) (it )?out\b|\bbear it out\b/i, "confirmed"],
  [/\b(test|that it|rule) comes to\b|\bcomes? to it\b/i, "reaches"],
  [/\bhas it that\b/i, "depends on"],
  [/\b(cannot|could not|can) be had\b|\bto be had\b/i, "is available, can be allocated, works"],
  [/\bstands? (for|behind) no\b/i, "is not"],
  [/\b(is|are) told (of|that|so)\b/i, "is notified, sees"],
  [/\blets? it stand\b/i, "allows it"],
  [/\bpinned? for long\b/i, "long-term pin"],
  [/\bmap counts?\b/i, "mapcount"],
  [/\breference counts?\b/i, "refcount"],
  [/\bwithout a struct page\b.*\bentry\b|\bbare entr/i, "special PTE"],
  [/\bpast the end of user space\b|\bpast user space\b/i, "above TASK_SIZE"],
  [/\bno bytes\b/i, "length 0, size 0"],
  [/\btake[sn]? (it|the pin|the lock) back\b/i, "undoes, drops"],
];

/** Names of interfaces, where the same letters mean something else. */
function words(text: string): string {
  return text.replace(/`[^`]*`/g, "``").replace(/\bwhatif\b/g, "");
}

function faults(text: string): string[] {
  return banned.filter(([phrase]) => phrase.test(words(text))).map(([, better]) => `${text}  -> ${better}`);
}

const none: string[] = [];

describe("rules", () => {
  const rules = ruleBook();

  test("say nothing odd", () => {
    expect(rules.flatMap(({ sentence }) => faults(sentence))).toEqual(none);
    expect(rules.flatMap(({ unproven }) => faults(unproven ?? ""))).toEqual(none);
  });

  test("are sentences, and short", () => {
    expect(rules.filter(({ sentence }) => !sentence.endsWith(".")).map(({ id }) => id)).toEqual(none);
    expect(rules.filter(({ sentence }) => sentence.length > 160).map(({ id }) => id)).toEqual(none);
  });

  test("name an errno once, where it is given", () => {
    const passive = rules.filter(({ sentence }) => /\bis refused with E[A-Z0-9]+/.test(sentence));
    expect(passive.map(({ id }) => id)).toEqual(none);
  });
});

test("decision points", () => {
  const texts = Object.values(points).flatMap(({ question, choices }) => [
    question,
    ...Object.values(choices).map(({ doc }) => doc),
  ]);
  expect(texts.flatMap(faults)).toEqual(none);
});

test("operations", () => {
  const texts = Object.values(operations).flatMap(({ doc, params }) => [
    doc,
    ...Object.values(params as Readonly<Record<string, { readonly doc: string }>>).map((param) => param.doc),
  ]);
  expect(texts.flatMap(faults)).toEqual(none);
});

test("questions of the corpus", () => {
  const corpus = join(root, "corpus");
  const files = readdirSync(corpus, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".lit"));
  const asked = files.map((path) => [path, parse(readFileSync(join(corpus, path), "utf8")).test?.question] as const);
  expect(asked.length).toBeGreaterThan(1000);
  expect(asked.flatMap(([, question]) => faults(question ?? ""))).toEqual(none);
  expect(asked.filter(([, question]) => !question?.endsWith("?")).map(([path]) => path)).toEqual(none);
});

// The pages of docs/ are made of what is checked above and of these.
const pages = readdirSync(join(root, "packages/litmap/src/docs")).map((name) => `packages/litmap/src/docs/${name}`);
const prose = ["README.md", "CONTRIBUTING.md", "packages/litmap/src/main.ts", "packages/litmus/src/reference.ts"];

test.each([...prose, ...pages])("%s", (path) => {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  expect(lines.flatMap(faults)).toEqual(none);
});

test("the list finds what it is for", () => {
  expect(faults("Memory that nobody asked of the slow walk")).toHaveLength(3);
  expect(faults("A bare frame number is pinned for long, whatever the map count.")).toHaveLength(4);
  expect(faults("GUP in a VM_IO VMA gives EFAULT.")).toEqual(none);
});
