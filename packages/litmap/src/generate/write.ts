/** `npm run corpus`: writes the tests that are rows of tables. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { corpusFolder } from "../places.js";
import { tables } from "./tables.js";

for (const [path, text] of tables(corpusFolder())) writeFileSync(join(corpusFolder(), path), text);
