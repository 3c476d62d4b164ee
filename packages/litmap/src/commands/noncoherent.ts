/**
 * `litmap run --noncoherent`: what of the tests would be different on a machine none of whose devices snoop the CPU's
 * caches.
 */
import type { ClaimResult, Test } from "@litmap/litmus";
import { modelOptions, searchLimits } from "../choices.js";
import { readTest } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { judged } from "../judging.js";
import type { Answer } from "../machines/machine.js";
import { ModelMachine } from "../machines/model.js";
import { changeLines, changeOf } from "../report/changes.js";
import type { Change } from "../report/changes.js";
import { columns } from "../report/columns.js";
import { paintFor, print, widthOf } from "../terminal.js";
import type { RunOptions } from "./run.js";

/** A test that such a machine answers differently, with the claims that hold on the model of the release only. */
interface Broken {
  readonly change: Change;
  readonly claims: readonly ClaimResult[];
}

export function runNoncoherent(files: readonly string[], options: RunOptions): number {
  const refused = (["on", "ktap", "junit", "resume", "record"] as const).find((name) => options[name] !== undefined);
  if (refused !== undefined)
    throw badRequest(`--noncoherent and --${refused} exclude each other`, "it compares two machines of the model");
  const base = modelOptions(options);
  const before = new ModelMachine(base, searchLimits(options));
  const after = new ModelMachine({ ...base, configured: { "dma.coherence": "nothing-snoops" } }, searchLimits(options));
  const broken: Broken[] = [];
  let failed = false;
  for (const path of files) {
    const { test } = readTest(path);
    if (!test) throw badRequest(`${path} is no test`, `\`litmap check ${path}\` says why`);
    const answers = [before.answer(test), after.answer(test)] as const;
    failed ||= answers.some(({ outcome }) => outcome.status === "broken");
    const change = changeOf(test, ...answers, before.machine.arch, true);
    if (change !== undefined && change.unsupported === undefined)
      broken.push({ change, claims: lost(test, before, answers) });
  }
  const { release, arch, designs } = before.machine;
  const chosen = Object.entries(designs).map(([point, choice]) => `${point} = ${choice}`);
  if (options.json) for (const each of broken) print(jsonOf(each));
  else show(broken, files.length, [`model ${release}`, arch, ...chosen].join(", "), options);
  if (failed) return exitStatus.badMachine;
  return broken.some(({ claims }) => claims.length > 0) ? exitStatus.surprises : exitStatus.asExpected;
}

/**
 * Claims that hold of the first answer and not of the second, both judged as the machine of the first. Choices of the
 * user are taken as that machine's own, so that claims of releases are judged too.
 */
function lost(
  test: Test,
  { machine: { designs, ...own } }: ModelMachine,
  [before, after]: readonly [Answer, Answer],
): readonly ClaimResult[] {
  const machine = { ...own, designs: {}, configured: { ...own.configured, ...designs } };
  const held = new Set(judged(test, before.outcome, machine).flatMap((claim) => (claim.holds ? [claim.line] : [])));
  return judged(test, after.outcome, machine).filter((claim) => !claim.holds && held.has(claim.line));
}

function jsonOf({ change: { test, values, status, gained, lost, rule }, claims }: Broken): string {
  return JSON.stringify({
    test: test.name,
    file: test.file,
    rule,
    status,
    values: Object.fromEntries(
      values.map(({ key, before, after }) => [key, { before: before ?? null, after: after ?? null }]),
    ),
    gained,
    lost,
    claims: claims.map(({ text, line }) => ({ text, line })),
  });
}

function show(broken: readonly Broken[], asked: number, title: string, options: RunOptions): void {
  const paint = paintFor(process.stdout, options.color);
  const what = asked === 1 ? "1 test changes" : `${asked} tests change`;
  print(`${paint.bold(`${broken.length} of ${what}`)} where no device snoops the CPU's caches  ${paint.dim(title)}`);
  for (const line of changeLines(
    broken.map(({ change }) => change),
    paint,
    widthOf(process.stdout),
  ))
    print(line);
  const claims = broken.flatMap(({ change, claims }) =>
    claims.map(({ text, line }) => [`  ${change.test.name}`, `${paint.bad(text)}  ${paint.dim(`line ${line}`)}`]),
  );
  if (claims.length === 0) return;
  print(`\n${paint.bold("claims that hold no longer")}`);
  for (const line of columns(claims, [Math.max(...claims.map(([name]) => name.length))])) print(line);
}
