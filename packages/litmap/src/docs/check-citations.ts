/**
 * `npm run citations -- 6.1 6.12 7.2`: checks every rule's kernel functions on those releases against their
 * sources. Rules that begin with a newer release are left out, unless the corpus reaches them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kernelSources } from "@litmap/kernels";
import { cacheFolder } from "@litmap/linux";
import { predict, ruleBook } from "@litmap/model";
import { readTest, selectFiles } from "../corpus.js";
import { citationsOf, missingIn } from "./citations.js";

const tests = selectFiles([]).flatMap((path) => readTest(path).test ?? []);

/** `6.12`, or `6.12=DIR` with the top of a source tree. */
async function check(argument: string): Promise<number> {
  const [release, given] = argument.split("=");
  const reached = new Set(tests.flatMap((test) => predict(test, { release }).rules ?? []));
  const rules = ruleBook();
  const { cited, outside, later } = citationsOf(rules, release, reached);
  const onProgress = (text: string): void => void process.stderr.write(`${release}: ${text}\n`);
  const files = [...new Set(cited.map(({ file }) => file))].sort();
  const tree = given ?? (await kernelSources(release, files, cacheFolder(), { onProgress }));
  const missing = missingIn(cited, (file) => {
    const path = join(tree, file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  });
  for (const { rule, name, file, why } of missing) console.log(`${release}: ${rule}: ${name}, ${file}: ${why}`);
  console.log(
    `${release}: ${cited.length} citations, ${missing.length} not found; ${outside} of code that its source does not ` +
      `have, ${later} of ${rules.length} rules begin later, ${reached.size} reached`,
  );
  return missing.length;
}

const wanted = process.argv.slice(2);
if (wanted.length === 0) {
  console.error("name releases, as in `npm run citations -- 6.1 6.12 7.2`, or RELEASE=DIR");
  process.exitCode = 2;
}
for (const argument of wanted) if ((await check(argument)) > 0) process.exitCode = 1;
