// Makes dist/: the command in few files, so that it starts fast; the three core rooms as a library, which the command
// shares; the library's types without the names of the workspaces; the licences of what is bundled.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("..", import.meta.url));
const dist = join(packages, "..", "dist");
/** Rooms without a Node import, and the entry of the whole library. */
const library = {
  litmus: "litmus/dist/index.js",
  model: "model/dist/index.js",
  explore: "explore/dist/index.js",
  library: "litmap/dist/library.js",
};
const common = {
  absWorkingDir: packages,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "node20",
  minifySyntax: true,
  metafile: true,
  logLevel: "warning",
};

rmSync(dist, { recursive: true, force: true });
await build({ ...common, entryPoints: library, outdir: join(dist, "lib"), platform: "neutral" });
const command = await build({
  ...common,
  // The model's thread is a program of its own beside the command.
  entryPoints: { main: "litmap/dist/main.js", "model-worker": "litmap/dist/machines/model-worker.js" },
  outdir: join(dist, "command"),
  platform: "node",
  plugins: [{ name: "shared library", setup: ({ onResolve }) => onResolve({ filter: /^@litmap\// }, toLibrary) }],
  // commander and ansis are CommonJS, and call require for Node's own modules.
  banner: {
    js: 'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);',
  },
});
writeFileSync(join(dist, "LICENSES"), licences(Object.keys(command.metafile.inputs)));
for (const entry of Object.values(library)) copyTypes(join(packages, entry.replace(/\.js$/, ".d.ts")));

function toLibrary({ path }) {
  const room = path.replace("@litmap/", "");
  return room in library ? { path: `../lib/${room}.js`, external: true, sideEffects: false } : undefined;
}

/** The licences of the packages from the registry that the command contains. */
function licences(inputs) {
  const names = new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
  const texts = [...names].sort().map((name) => {
    const folder = join(packages, "..", "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/** Copies a declaration file and all that it imports to dist/types/ROOM/. */
function copyTypes(file) {
  const target = typesOf(file);
  if (existsSync(target)) return;
  const imports = [];
  const text = readFileSync(file, "utf8")
    .replace(/\n\/\/# sourceMappingURL=.*/, "")
    .replace(/((?:from |import\(|import )")([.@][^"]+)(?=")/g, (_all, before, name) => {
      const room = /^@litmap\/(.+)$/.exec(name)?.[1];
      const there = room
        ? join(packages, room, "dist", "index.d.ts")
        : resolve(dirname(file), name.replace(/\.js$/, ".d.ts"));
      imports.push(there);
      const path = relative(dirname(target), typesOf(there)).replace(/\.d\.ts$/, ".js");
      return before + (path.startsWith(".") ? path : `./${path}`);
    });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  for (const each of imports) copyTypes(each);
}

function typesOf(file) {
  return join(dist, "types", relative(packages, file).replace("/dist/", "/"));
}
