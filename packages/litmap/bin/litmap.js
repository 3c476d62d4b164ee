#!/usr/bin/env node
// The command in a checkout: the bundle, which starts in half the time, or the separate modules where one of them is newer.
import { statSync } from "node:fs";

const packages = new URL("../../", import.meta.url);
const time = (path) => statSync(new URL(path, packages), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const rooms = ["litmus", "model", "explore", "linux", "kernels", "litmap"];
const newest = Math.max(...rooms.map((room) => time(`${room}/tsconfig.tsbuildinfo`)));

if (time("../dist/command/main.js") >= newest) await import("../../../bin/litmap.js");
else {
  const { endWith, main } = await import("../dist/main.js");
  endWith(await main(process.argv.slice(2)));
}
