// Makes dist/bundle: the command with everything that it imports, in few files, so that it starts fast.
// Subcommands stay chunks of their own.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
rmSync(`${here}dist/bundle`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: ["dist/main.js"],
  outdir: "dist/bundle",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  // These are only read when a kernel is used, and find the executor by where they lie.
  external: ["@litmap/linux", "@litmap/kernels"],
  logLevel: "warning",
  // commander and ansis are CommonJS, and call require for Node's own modules.
  banner: {
    js: 'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);',
  },
});
