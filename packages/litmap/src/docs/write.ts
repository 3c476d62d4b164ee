/** `npm run docs`: writes the generated pages. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../places.js";
import { pages } from "./pages.js";

for (const [name, text] of pages()) writeFileSync(join(repository(), "docs", name), text);
