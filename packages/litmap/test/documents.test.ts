/** README and docs/ say what is so. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages } from "../src/docs/pages.js";
import { litmap, root, scratch } from "./command.js";

const readme = readFileSync(join(root, "README.md"), "utf8");

describe("README", () => {
  const commands = [...readme.matchAll(/^ {4}npx litmap (.+)$/gm)].map((found) => found[1]);
  const withoutKernel = commands.filter((command) => !/--on\b|^kernel (add|build|module)\b/.test(command));

  test("has commands of both kinds", () => {
    expect(withoutKernel.length).toBeGreaterThan(5);
    expect(commands.length).toBeGreaterThan(withoutKernel.length);
  });

  test.each(withoutKernel)("npx litmap %s", async (command) => {
    const folder = scratch();
    const sample = /```lit\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    expect(sample.split("\n").length).toBeLessThanOrEqual(11);
    writeFileSync(join(folder, "mine.lit"), sample);
    const { status, stdout, stderr } = await litmap(command.split(" "), {
      cwd: folder,
      env: { LITMAP_CORPUS: join(root, "corpus"), LITMAP_EVIDENCE: join(root, "evidence") },
    });
    expect(stderr).toBe("");
    expect(stdout).not.toBe("");
    expect(status).toBe(0);
  });

  test("the first test in it is the corpus's own", () => {
    const shown = /^ {4}test direct-io-system-heap\n[\s\S]*?(?=\n\n##)/m.exec(readme)?.[0] ?? "";
    const steps = (text: string): string[] =>
      text
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.includes("="));
    const real = steps(readFileSync(join(root, "corpus", "gup", "direct-io-system-heap.lit"), "utf8"));
    for (const line of steps(shown)) expect(real).toContain(line);
  });

  test("links lead somewhere", () => {
    const missing = [...readme.matchAll(/\]\(([^)#:]+)\)/g)]
      .map((found) => found[1])
      .filter((path) => !readable(join(root, path)));
    expect(missing).toEqual([]);
  });
});

describe("docs/", () => {
  test.each([...pages()])("%s is what `npm run docs` writes", (name, text) => {
    expect(readFileSync(join(root, "docs", name), "utf8") === text, `docs/${name} is out of date: npm run docs`).toBe(
      true,
    );
  });
});

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    try {
      return readdirSync(path).length > 0;
    } catch {
      return false;
    }
  }
}
