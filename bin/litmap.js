#!/usr/bin/env node
const { endWith, main } = await import("../dist/command/main.js").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("litmap is not built; run `npm run build`\n");
  process.exit(3);
});
endWith(await main(process.argv.slice(2)));
