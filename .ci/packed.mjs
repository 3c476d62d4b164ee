// Packs litmap, installs the tarball in an empty folder, and uses it there as a stranger would: the commands, a real
// kernel where there is one, the library, and its types. Takes nothing from the checkout but the tarball and tsc.
// Usage: node .ci/packed.mjs [KERNEL]   (default: 6.12 where the store has it)
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "litmap-packed-"));
const folder = join(scratch, "elsewhere");
let failures = 0;

/** Runs a program in the folder, says how it went, and gives its output. */
function run(what, command, args, { cwd = folder, env = {}, says = /(?:)/ } = {}) {
  const began = performance.now();
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|LITMAP_|INIT_CWD)/.test(name)),
  );
  const ended = spawnSync(command, args, { cwd, env: { ...clean, ...env }, encoding: "utf8", maxBuffer: 1 << 28 });
  const good = ended.status === 0 && says.test(ended.stdout) && !/ERR_|^\s+at /m.test(ended.stderr);
  console.log(`${good ? "ok    " : "FAILED"}  ${what}  (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  if (!good) {
    failures++;
    console.log(`${ended.stdout.slice(-2000)}${ended.stderr.slice(-2000)}status ${ended.status}, wanted ${says}`);
  }
  return ended.stdout;
}

function check(what, holds) {
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}`);
  if (!holds) failures++;
}

const litmap = (args, more) => run(`npx litmap ${args.join(" ")}`, "npx", ["--no-install", "litmap", ...args], more);

function filesBelow(path) {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(path, name)).isFile());
}

const sample = `test mine
  "How large is a memfd?"

m = memfd_create(64K)
n = lseek(m, 0, end)

expect n == 64K
`;

/**
 * A test of the user's own on a real kernel: the executor is compiled into an empty cache, evidence goes to ./evidence.
 */
function onAKernel(cache) {
  const [name = "6.12"] = process.argv.slice(2);
  const store = process.env.LITMAP_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "litmap");
  const has = existsSync(join(store, "kernels", name));
  mkdirSync(cache, { recursive: true });
  if (has) symlinkSync(join(store, "kernels"), join(cache, "kernels"));
  else console.log(`skipped: there is no kernel ${name} in the store; this host's own is asked`);
  writeFileSync(join(folder, "mine.lit"), sample);
  const where = has ? [name, "--accel", "tcg"] : ["host"];
  litmap(["run", "mine.lit", "--on", ...where, "--record"], { env: { LITMAP_CACHE: cache }, says: /1 test/ });
  check("the executor is in the cache", existsSync(join(cache, "executor")));
  check("evidence is in the user's folder", existsSync(join(folder, "evidence")));
}

const program = `import { Kernel, failed, must } from "litmap/model";
import { parseSyntax } from "litmap/litmus";
import { explore } from "litmap/explore";
import { isConcurrent } from "litmap/litmus";
import { parse, predict, type Prediction, type Test } from "litmap";

const kernel: Kernel = new Kernel({ release: "6.12" });
const app = kernel.process("app");
const view = must(app.mmap(must(kernel.heap("system").alloc(app, 65536)), 65536));
must(view.store(0, 7));
const stored: number = must(view.load());
const test: Test | undefined = parse(SAMPLE, { file: "mine.lit" }).test;
if (!test || isConcurrent(test)) throw new Error("no test");
const prediction: Prediction = predict(test, { release: "7.3" });
console.log(stored, prediction.values.n, failed(view.load()), typeof explore, typeof parseSyntax);
// @ts-expect-error The types are real ones.
if (stored === 0) kernel.noSuchMethod();
`;

/** The library as TypeScript and as JavaScript, and the examples. */
function library() {
  const text = program.replace("SAMPLE", JSON.stringify(sample));
  writeFileSync(join(folder, "mine.mts"), text);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = ["--strict", "--target", "es2023", "--module", "nodenext", "--types", "", "--outDir", "."];
  run("tsc, nodenext, all types checked", process.execPath, [tsc, ...options, "mine.mts"]);
  run("node, litmap/model and the rest", process.execPath, ["mine.mjs"], {
    says: /^7 65536 false function function$/m,
  });
  for (const name of readdirSync(join(root, "examples"))) {
    writeFileSync(join(folder, name), readFileSync(join(root, "examples", name)));
    run(`node ${name}`, process.execPath, [name], { says: /\w/ });
  }
}

try {
  run("npm pack", "npm", ["pack", "--pack-destination", scratch], { cwd: root, says: /litmap-\d+\.\d+\.\d+\.tgz/ });
  const tarballs = readdirSync(scratch).filter((name) => name.endsWith(".tgz"));
  check("one tarball", tarballs.length === 1);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "elsewhere", "private": true, "type": "module" }\n');
  run("npm install of the tarball, without a registry", "npm", ["install", "--offline", join(scratch, tarballs[0])]);

  const installed = join(folder, "node_modules", "litmap");
  const files = filesBelow(installed);
  check("no source maps, no tests, no build info", !files.some((name) => /\.map$|\.test\.|tsbuildinfo$/.test(name)));
  check("the manual page", /^\.TH LITMAP 1/.test(readFileSync(join(installed, "man", "litmap.1"), "utf8")));
  const before = files.length;

  const cache = join(scratch, "cache");
  const env = { LITMAP_CACHE: cache };
  litmap(["run", "--quiet"], { env, says: /\d{4} tests/ });
  litmap(["explain", "direct-io-system-heap"], { env, says: /gup\/vma-pfnmap/ });
  litmap(["rules", "gup/vma-pfnmap"], { env, says: /kernels +\d/ });
  litmap(["whatif", "system-heap.mmap=insert-page", "--tests", "gup"], { env, says: /direct-io-system-heap/ });
  litmap(["--version"], { env, says: /^\d+\.\d+\.\d+$/m });
  onAKernel(cache);
  library();
  check("nothing was written into the package", filesBelow(installed).length === before);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failures === 0 ? "the packed litmap works" : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
