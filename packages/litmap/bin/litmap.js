#!/usr/bin/env node
// The bundle starts in half the time; the separate modules are used when one of them is newer.
import { statSync } from "node:fs";

const here = new URL(".", import.meta.url);
const time = (path) => statSync(new URL(path, here), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const bundled = time("../dist/bundle/main.js");
const rooms = ["litmus", "model", "explore", "linux", "kernels", "litmap"];
const fresh = bundled > 0 && rooms.every((room) => time(`../../${room}/tsconfig.tsbuildinfo`) <= bundled);
const entry = fresh ? "../dist/bundle/main.js" : "../dist/main.js";

const { main } = await import(entry).catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("litmap is not built; run `npm run build`\n");
  process.exit(3);
});
const status = await main(process.argv.slice(2));
// Nobody waits for what is left of a kernel that has been ended.
process.stdout.write("", () => process.exit(status));
