/** `npm run corpus`: writes the tests that are rows of tables. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { corpusFolder } from "../places.js";
import { fileOf, rows } from "./tables.js";

const corpus = corpusFolder();
for (const [path, cell] of rows()) writeFileSync(join(corpus, path), fileOf(path, cell, corpus));
