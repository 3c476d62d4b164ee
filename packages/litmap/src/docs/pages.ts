/** What `npm run docs` writes: the pages of docs/, the index of rules, the manual page. */
import { reference } from "@litmap/litmus";
import { designPages } from "@litmap/model";
import { hearings } from "../hearing.js";
import { indexText } from "../rule-index.js";
import { ruleUses } from "../rule-use.js";
import { manualPage } from "./manual.js";
import { rulePages } from "./rule-pages.js";
import { systemPages } from "./system-pages.js";

/** Pages that are written by hand. */
export const handWritten: ReadonlySet<string> = new Set(["docs/races.md"]);

/** Folders that hold nothing else. */
export const generatedFolders = ["docs", "man"] as const;

/** Path in the repository and text. */
export function pages(): ReadonlyMap<string, string> {
  const heard = hearings();
  const uses = ruleUses(heard);
  const docs = new Map([
    ...reference(),
    ...rulePages(uses),
    ...designPages(),
    ...systemPages(heard, uses),
    ["rule-index.ndjson", indexText(uses)],
  ] as const);
  return new Map([...[...docs].map(([path, text]) => [`docs/${path}`, text] as const), ["man/litmap.1", manualPage()]]);
}
