/** The check of rules' citations, on a source tree of two files. */
import { describe, expect, test } from "vitest";
import type { Rule } from "@litmap/model";
import { citationsOf, missingIn } from "../src/docs/citations.js";

const tree: Readonly<Record<string, string>> = {
  "mm/gup.c":
    "/* faultin() */\nstatic int check_vma_flags(struct vma *vma)\n{\n\tif (slow(vma))\n}\nvoid\ngup_fast(void)\n{\n}\n",
  "mm/mremap.c": "SYSCALL_DEFINE5(mremap, unsigned long, addr)\n{\n}\n",
};

const rule = (id: string, kernel: Rule["kernel"]): Rule => ({ id, index: 0, sentence: "It is so.", kernel });

function missing(kernel: Rule["kernel"], release = "6.12"): string[] {
  const { cited } = citationsOf([rule("a/b", kernel)], release, new Set(["a/b"]));
  return missingIn(cited, (file) => tree[file]).map(({ name, file, why }) => `${name}, ${file}: ${why}`);
}

describe("citations", () => {
  test("a function is found in its file, a system call by its definition", () => {
    expect(missing("check_vma_flags, mm/gup.c; sys_mremap, mm/mremap.c")).toEqual([]);
    expect(missing("check_vma_flags and gup_fast, mm/gup.c")).toEqual([]);
  });

  test("what is not there is told with its file", () => {
    expect(missing("gup_fast and gup_slow, mm/gup.c; sys_munmap, mm/mremap.c; f, mm/none.c")).toEqual([
      "gup_slow, mm/gup.c: not defined in the file",
      "sys_munmap, mm/mremap.c: not defined in the file",
      "f, mm/none.c: no such file",
    ]);
    expect(missing("check_vma, mm/gup.c")).toEqual(["check_vma, mm/gup.c: not defined in the file"]);
  });

  test("each release is asked for its own function", () => {
    const spans = [
      ["5.10", "gup_slow, mm/gup.c"],
      ["6.12", "gup_fast, mm/gup.c"],
    ] as const;
    expect(missing(spans, "6.12")).toEqual([]);
    expect(missing(spans, "6.1")).toEqual(["gup_slow, mm/gup.c: not defined in the file"]);
  });

  test("a call or a comment does not define", () => {
    expect(missing("slow, mm/gup.c; faultin, mm/gup.c")).toEqual([
      "slow, mm/gup.c: not defined in the file",
      "faultin, mm/gup.c: not defined in the file",
    ]);
  });

  test("code that the release's source does not have is counted apart", () => {
    const count = (release: string): number =>
      citationsOf(
        ["f, u-dma-buf.c (out of tree)", "g, drivers/x.c (up to 6.2)", "h, mm/x.c (proposed)"].map((kernel) =>
          rule("a/b", kernel),
        ),
        release,
        new Set(),
      ).outside;
    expect(count("6.12")).toBe(3);
    expect(count("6.2")).toBe(2);
    expect(missing("gup_slow, mm/gup.c (up to 6.2)", "6.1")).toEqual(["gup_slow, mm/gup.c: not defined in the file"]);
  });

  test("a rule that begins later is left out unless it is reached", () => {
    const rules = [rule("a/b", [["6.13", "gup_slow, mm/gup.c"]])];
    expect(citationsOf(rules, "6.12", new Set())).toEqual({ cited: [], outside: 0, later: 1 });
    expect(citationsOf(rules, "6.12", new Set(["a/b"])).cited).toHaveLength(1);
    expect(citationsOf(rules, "6.13", new Set()).cited).toHaveLength(1);
  });
});
