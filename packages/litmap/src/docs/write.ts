/** `npm run docs`: writes the generated files, and deletes what is no longer one. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repository } from "../places.js";
import { generatedFolders, handWritten, pages } from "./pages.js";

const root = repository();
const written = pages();
for (const folder of generatedFolders)
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (entry.isFile() && !written.has(name) && !handWritten.has(name)) rmSync(path);
  }
for (const [path, text] of written) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
