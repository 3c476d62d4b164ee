/** The generated pages of docs/: the language reference, the rule book, the decision points. */
import { reference } from "@litmap/litmus";
import { designsMarkdown } from "@litmap/model";
import { rulePage } from "./rule-page.js";

/** File name in docs/ and its text. */
export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ["language.md", reference()],
    ["rules.md", rulePage()],
    ["designs.md", designsMarkdown()],
  ]);
}
