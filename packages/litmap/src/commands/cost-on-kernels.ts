/** `litmap cost --on`: the instructions that each step takes on real kernels, beside what the model counts for them. */
import type { Test } from "@litmap/litmus";
import { badRequest, exitStatus } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import { chooseKernels } from "../machines/kernel.js";
import { CountingMachine } from "../machines/counting.js";
import type { CountedSteps } from "../machines/counting.js";
import { Progress } from "../progress.js";
import { aligned } from "../report/cost-table.js";
import { counterNames } from "../report/counters.js";
import { paintFor, print } from "../terminal.js";
import type { Paint } from "../terminal.js";
import type { CostOptions } from "./cost.js";
import { kernelNames } from "./run-on-kernels.js";
import { differences } from "../judging.js";
import { valueText } from "../report/value-text.js";

/** One test on one kernel. */
interface Measured {
  readonly kernel: string;
  readonly counted: CountedSteps;
}

export async function costOnKernels(
  tests: readonly Test[],
  on: string,
  runs: number,
  options: CostOptions,
): Promise<number> {
  const choices = chooseKernels(kernelNames(on));
  for (const choice of choices)
    if (choice.kind !== "vm")
      throw badRequest(`'${choice.name}' cannot count instructions`, "QEMU counts them, for kernels of the store");
  const interrupt = new Interrupt();
  const progress = new Progress(options.json ? false : undefined);
  const results = new Map<Test, Measured[]>(tests.map((test) => [test, []]));
  try {
    for (const choice of choices) {
      progress.say(`${choice.name}: starting`);
      const machine = await interrupt.unlessInterrupted(CountingMachine.open(choice, tests));
      if (machine === undefined) return interrupt.status;
      try {
        for (const [i, test] of tests.entries()) {
          progress.say(`${choice.name}: ${i + 1} of ${tests.length}  ${test.name}`);
          const counted = await interrupt.unlessInterrupted(machine.count(test, runs));
          if (counted === undefined) return interrupt.status;
          results.get(test)!.push({ kernel: machine.release, counted });
        }
      } finally {
        await machine.close();
      }
    }
  } finally {
    progress.clear();
    interrupt.done();
  }
  const paint = paintFor(process.stdout, options.color);
  for (const [test, measured] of results) {
    if (options.json) for (const each of measured) print(JSON.stringify(objectOf(test, each, runs)));
    else print(linesOf(test, measured, runs, paint).join("\n"));
  }
  return exitStatus.asExpected;
}

function objectOf(test: Test, { kernel, counted }: Measured, runs: number): Readonly<Record<string, unknown>> {
  const steps = counted.steps.map(({ line, actor, op, bind, counts }, i) => ({
    line,
    actor,
    op,
    bind,
    instructions: Math.min(...counts),
    runs: counts,
    counters: counted.model.steps[i]?.counters ?? {},
  }));
  return {
    test: test.name,
    file: test.file,
    by: "kernel",
    kernel,
    runs,
    status: counted.outcome.status,
    reason: counted.outcome.reason,
    steps,
    disagrees: disagreements(test, counted),
  };
}

/** What the kernel answered otherwise than the model that stands beside it. */
function disagreements(test: Test, { outcome, model }: CountedSteps): string[] {
  if (outcome.status !== "ok") return [];
  return differences(test, outcome, model).map(
    ({ key, here, there }) => `${key} ${valueText(here)}, model ${valueText(there)}`,
  );
}

function linesOf(test: Test, measured: readonly Measured[], runs: number, paint: Paint): string[] {
  const lines = [
    `${paint.bold(test.name)}   ${paint.dim(`instructions by QEMU's count, least of ${runs}`)}`,
    test.question,
    "",
  ];
  const rows: [string, ...string[]][] = [["step", ...measured.map(({ kernel }) => kernel)]];
  const whole = measured.find(({ counted }) => counted.steps.length > 0)?.counted.steps ?? [];
  for (const [i, step] of whole.entries()) {
    rows.push([
      `line ${step.line}  ${step.op}`,
      ...measured
        .map(({ counted }) => String(Math.min(...(counted.steps[i]?.counts ?? []))))
        .map((text) => (text === "Infinity" ? "-" : text)),
    ]);
    for (const [name, [, many]] of Object.entries(counterNames)) {
      const counts = measured.map(
        ({ counted }) =>
          (counted.model.steps[i]?.counters as Readonly<Record<string, number>> | undefined)?.[name] ?? 0,
      );
      if (counts.some((n) => n !== 0)) rows.push([`  ${paint.dim(many)}`, ...counts.map((n) => paint.dim(String(n)))]);
    }
  }
  lines.push(...aligned(rows, paint));
  for (const { kernel, counted } of measured) {
    if (counted.outcome.status !== "ok")
      lines.push(
        paint.odd(
          `${kernel}: ` +
            `${counted.outcome.status}${counted.outcome.reason === undefined ? "" : `: ${counted.outcome.reason}`}`,
        ),
      );
    for (const text of disagreements(test, counted)) lines.push(paint.bad(`${kernel}: ${text}`));
  }
  return [...lines, ""];
}
