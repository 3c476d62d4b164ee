/** The check of rules' citations, on a source tree of two files. */
import { describe, expect, test } from "vitest";
import type { Rule } from "@litmap/model";
import { citationsOf, missingIn } from "../src/docs/citations.js";

const tree: Readonly<Record<string, string>> = {
  "mm/gup.c": "static int check_vma_flags(struct vm_area_struct *vma)\n{\n}\nvoid gup_fast(void)\n{\n}\n",
  "mm/mremap.c": "SYSCALL_DEFINE5(mremap, unsigned long, addr)\n{\n}\n",
};

const rule = (id: string, kernel: Rule["kernel"]): Rule => ({ id, index: 0, sentence: "It is so.", kernel });

function missing(kernel: Rule["kernel"], release = "6.12"): string[] {
  const { cited } = citationsOf([rule("a/b", kernel)], release);
  return missingIn(cited, (file) => tree[file]).map(({ name, file, why }) => `${name}, ${file}: ${why}`);
}

describe("citations", () => {
  test("a function is found in its file, a system call by its definition", () => {
    expect(missing("check_vma_flags, mm/gup.c; sys_mremap, mm/mremap.c")).toEqual([]);
    expect(missing("check_vma_flags and gup_fast, mm/gup.c")).toEqual([]);
  });

  test("what is not there is told with its file", () => {
    expect(missing("gup_fast and gup_slow, mm/gup.c; sys_munmap, mm/mremap.c; f, mm/none.c")).toEqual([
      "gup_slow, mm/gup.c: not in the file",
      "sys_munmap, mm/mremap.c: not in the file",
      "f, mm/none.c: no such file",
    ]);
    expect(missing("check_vma, mm/gup.c")).toEqual(["check_vma, mm/gup.c: not in the file"]);
  });

  test("each release is asked for its own function", () => {
    const spans = [
      ["5.10", "gup_slow, mm/gup.c"],
      ["6.12", "gup_fast, mm/gup.c"],
    ] as const;
    expect(missing(spans, "6.12")).toEqual([]);
    expect(missing(spans, "6.1")).toEqual(["gup_slow, mm/gup.c: not in the file"]);
  });

  test("code that no mainline source has is counted apart", () => {
    const rules = ["f, u-dma-buf.c (out of tree)", "g, drivers/x.c (up to 6.2)", "h, mm/x.c (proposed)"];
    expect(
      citationsOf(
        rules.map((kernel) => rule("a/b", kernel)),
        "6.12",
      ),
    ).toEqual({ cited: [], outside: 3 });
  });
});
