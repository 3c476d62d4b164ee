/** The generated pages of docs/: the language reference, the rule book, the decision points, the systems. */
import { reference } from "@litmap/litmus";
import { designsMarkdown } from "@litmap/model";
import { hearings } from "../hearing.js";
import { rulePage } from "./rule-page.js";
import { systemsPage } from "./systems-page.js";

/** File name in docs/ and its text. */
export function pages(): ReadonlyMap<string, string> {
  const heard = hearings();
  return new Map([
    ["language.md", reference()],
    ["rules.md", rulePage(heard)],
    ["designs.md", designsMarkdown()],
    ["systems.md", systemsPage(heard)],
  ]);
}
