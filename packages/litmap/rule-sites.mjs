// Makes dist/rule-sites.json: for each rule the lines of the model that refuse or note through it. A rule's full id
// is written there (`rule["gup/vma-pfnmap"]`), so a search of the sources finds them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = join(root, "packages", "model", "src");

const sites = {};
for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
  const path = join(entry.parentPath, entry.name);
  const shown = relative(root, path).split(sep).join("/");
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((line, i) => {
      for (const [, id] of line.matchAll(/\w\["([\w-]+\/[\w-]+)"\]/g)) (sites[id] ??= []).push(`${shown}:${i + 1}`);
    });
}

const ordered = Object.fromEntries(Object.entries(sites).sort(([a], [b]) => (a < b ? -1 : 1)));
mkdirSync(join(root, "dist"), { recursive: true });
writeFileSync(join(root, "dist", "rule-sites.json"), JSON.stringify(ordered));
