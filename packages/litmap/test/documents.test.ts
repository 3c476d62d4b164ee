/** README and docs/ say what is so. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { anchor } from "../src/docs/markdown.js";
import { points } from "@litmap/model";
import { generatedFolders, handWritten, pages } from "../src/docs/pages.js";
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
});

describe("docs/", () => {
  const written = pages();
  const here = generatedFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  );

  test("holds what `npm run docs` writes and nothing else", () => {
    const stale = [...written].filter(([path, text]) => read(path) !== text).map(([path]) => path);
    expect(stale, "out of date: npm run docs").toEqual([]);
    expect(here.filter((path) => !written.has(path) && !handWritten.has(path))).toEqual([]);
  });

  test("races.md names tests and decision points that there are", () => {
    const text = read("docs/races.md")!;
    const cells = [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    const tests = cells.filter((name) => /^[a-z0-9]+(-[a-z0-9]+)+$/.test(name));
    expect(tests.filter((name) => !existsSync(join(root, "corpus", "race", `${name}.lit`)))).toEqual([]);
    expect(tests.length).toBeGreaterThan(40);
    for (const [, point, choice] of text.matchAll(/`([a-z0-9-]+\.[a-z0-9-]+) = ([a-z-]+)`/g)) {
      const known: readonly string[] = Object.keys(points[point as keyof typeof points]?.choices ?? {});
      expect([point, known]).toEqual([point, expect.arrayContaining([choice])]);
    }
  });

  test("no page is too long to be shown", () => {
    for (const [path, text] of written)
      if (path.endsWith(".md")) expect([path, text.length < 65_000]).toEqual([path, true]);
  });

  test.each(["README.md", "CONTRIBUTING.md", ...here.filter((path) => path.endsWith(".md"))])(
    "links of %s lead somewhere",
    (page) => {
      const missing = [...read(page)!.matchAll(/\]\(([^)#:]*)(?:#([^)]+))?\)/g)].filter(([, path, heading]) => {
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return true;
        return heading !== undefined && !headings(target).has(heading);
      });
      expect(missing.map(([link]) => link)).toEqual([]);
    },
  );
});

const anchors = new Map<string, ReadonlySet<string>>();

/** The anchors of a page's headings. */
function headings(page: string): ReadonlySet<string> {
  let found = anchors.get(page);
  if (!found) {
    found = new Set([...read(page)!.matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchor(text)));
    anchors.set(page, found);
  }
  return found;
}

function read(path: string): string | undefined {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
