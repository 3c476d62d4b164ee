#!/usr/bin/env node
const { main } = await import("../dist/command/main.js").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("litmap is not built; run `npm run build`\n");
  process.exit(3);
});
const status = await main(process.argv.slice(2));
// Nobody waits for what is left of a kernel that has been ended.
process.stdout.write("", () => process.exit(status));
