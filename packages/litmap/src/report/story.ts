/**
 * What `explain` prints: the test line by line with what each gave, below each the rules that
 * decided it, then the claims, the costs and what real kernels answered.
 */
import type { Exploration } from "@litmap/explore";
import { isNotReached, operation, renderDiagnostic, seriesOf } from "@litmap/litmus";
import type { CallStep, ClaimResult, Diagnostic, Outcome, Test, Value, Values } from "@litmap/litmus";
import { kernelOf, versionOf } from "@litmap/model";
import type { Prediction, Rule } from "@litmap/model";
import { selectorFor } from "../corpus.js";
import type { Evidence } from "../evidence.js";
import { debianName } from "@litmap/kernels";
import { observersTaken } from "../machines/model.js";
import { machineLabel } from "../result.js";
import type { Paint } from "../terminal.js";
import { agreesWith } from "../witnesses.js";
import type { Testimony } from "../witnesses.js";
import { columns, pad, widthOfText, wrap } from "./columns.js";
import { counterNames } from "./counters.js";
import { modelSites } from "./rule-place.js";
import { scheduleLines, violationLines } from "./schedules.js";
import { saw } from "./trouble.js";
import { unitsOf, valueText } from "./value-text.js";

type StepReport = Prediction["steps"][number];

export interface Story {
  readonly test: Test;
  readonly text: string;
  readonly prediction: Prediction;
  readonly claims: readonly ClaimResult[];
  readonly evidence: readonly Evidence[];
  readonly warnings: readonly Diagnostic[];
}

export function tell(story: Story, paint: Paint, width: number): string {
  const { test, prediction, text, warnings } = story;
  const { machine } = prediction;
  const designs =
    machine.kind === "model" ? Object.entries(machine.designs).map(([point, choice]) => `${point} = ${choice}`) : [];
  const parts = [
    [
      `${paint.bold(test.name)}   ${paint.dim([machineLabel(machine), machine.arch, ...designs].join(", "))}`,
      test.question,
      paint.dim(test.file),
    ].join("\n"),
    ...(warnings.length === 0
      ? []
      : [warnings.map((warning) => renderDiagnostic(warning, text, test.file)).join("\n")]),
  ];
  if (prediction.status === "unsupported") parts.push(`${paint.odd("unsupported")}: ${prediction.reason}`);
  else {
    parts.push(steps(story, paint, width));
    if (prediction.status !== "ok") parts.push(`${paint.bad(prediction.status)}: ${prediction.reason ?? ""}`);
    if ("schedules" in prediction) parts.push(scheduleLines(test, prediction as Exploration, paint).join("\n"));
    for (const violation of "schedules" in prediction ? [] : (prediction.violations ?? []))
      parts.push(violationLines(violation, paint).join("\n"));
    parts.push(
      ...[claimLines(story.claims, prediction, unitsOf(test), paint), costs(prediction, paint)]
        .filter((lines) => lines.length > 0)
        .map((lines) => lines.join("\n")),
    );
  }
  parts.push(evidence(story, paint));
  return parts.join("\n\n");
}

/** Every step that ran with the line of the test that it stands on; observers of claims after them. */
function steps({ test, text, prediction }: Story, paint: Paint, width: number): string {
  const lines = text.split("\n");
  const units = unitsOf(test);
  const observed = observersTaken(test, prediction);
  const numberWidth = String(Math.max(...prediction.steps.map((step) => step.line), 1)).length;
  const shownSteps = prediction.steps.filter((step) => !observed.has(step));
  const source = (step: StepReport): string => (lines[step.line - 1] ?? "").trim();
  const textWidth = Math.min(Math.max(0, ...shownSteps.map((step) => source(step).length)), width - numberWidth - 20);
  const out: string[] = [];
  const told = new Set<string>();
  const { release } = prediction.machine;
  let last = -1;
  for (const step of shownSteps) {
    const number = step.line === last ? " ".repeat(numberWidth) : String(step.line).padStart(numberWidth);
    const line = step.line === last ? `${step.op}` : source(step);
    last = step.line;
    out.push(
      `${paint.dim(number)}  ${pad(line, textWidth)}   ${result(step, prediction.values, units, paint)}`.trimEnd(),
    );
    out.push(...fields(step, prediction.values, units, numberWidth + 2, paint, width));
    out.push(...events(step, told, numberWidth + 2, release, paint, width));
  }
  if (observed.size > 0) {
    out.push("", paint.dim("observed for the claims"));
    for (const [step, key] of observed) {
      const values = Object.entries(prediction.values).filter(([name]) => name === key || name.startsWith(`${key}.`));
      const shown = values
        .map(
          ([name, value]) =>
            `${name === key ? "" : `${name.slice(key.length + 1)} `}${valueText(value, units.get(name))}`,
        )
        .join(", ");
      out.push(`${" ".repeat(numberWidth)}  ${pad(key, textWidth)}   ${shown}`.trimEnd());
      out.push(...events(step, told, numberWidth + 2, release, paint, width));
    }
  }
  return out.join("\n");
}

function result(step: StepReport, values: Values, units: ReadonlyMap<string, string>, paint: Paint): string {
  // `p = smaps(va).Pss` stands for the field.
  const value = isRecord(step) && step.bind !== undefined && step.bind in values ? values[step.bind] : step.result;
  if (isNotReached(value)) return paint.odd(`not reached: line ${value.not_reached} failed`);
  if (typeof value === "string")
    return value === "ok" ? paint.good("ok") : /^(E[A-Z]|SIG)/.test(value) ? paint.bad(value) : value;
  if (typeof value === "object" && !Array.isArray(value)) return "";
  const op = step.op as CallStep["op"];
  if (isRecord(step)) return valueText(value as Value, units.get(step.bind ?? ""));
  const type = isOperation(op) ? operation(op).result.kind : "status";
  if (typeof value === "number" && type !== "number") return paint.good("ok");
  return valueText(value as Value, (step.bind === undefined ? undefined : units.get(step.bind)) ?? unitOfCall(op));
}

function isRecord({ result: value }: StepReport): boolean {
  return typeof value === "object" && !Array.isArray(value) && !isNotReached(value);
}

/** The fields of a record that are not nothing. */
function fields(
  step: StepReport,
  values: Values,
  units: ReadonlyMap<string, string>,
  indent: number,
  paint: Paint,
  width: number,
): string[] {
  if (!isRecord(step) || step.bind === undefined) return [];
  const prefix = `${step.bind}.`;
  const present = Object.entries(values).filter(([key, value]) => key.startsWith(prefix) && value !== 0);
  const text = present
    .map(([key, value]) => `${key.slice(prefix.length)} ${valueText(value, units.get(key))}`.replaceAll(" ", "\u00a0"))
    .join("  ");
  return wrap(text, width - indent).map((line) =>
    paint.dim(`${" ".repeat(indent)}${line.trim().replaceAll("\u00a0", " ")}`),
  );
}

function isOperation(op: string): op is CallStep["op"] {
  return op !== "fork" && op !== "thread";
}

function unitOfCall(op: CallStep["op"]): string | undefined {
  if (!isOperation(op)) return undefined;
  const { result: type } = operation(op);
  return type.kind === "number" ? type.unit : undefined;
}

/** A refusal stands out; what let something happen is told more quietly. A rule's sentence is told once. */
function events(
  step: StepReport,
  told: Set<string>,
  indent: number,
  release: string,
  paint: Paint,
  width: number,
): string[] {
  const space = " ".repeat(indent);
  return step.events.flatMap(({ rule, kind, about }) => {
    const refused = kind === "refuse";
    const mark = refused ? paint.bad("✗") : paint.good("·");
    const name = refused ? paint.bad(rule.id) : paint.name(rule.id);
    const head = `${space}${mark} ${name}${about === "" ? "" : `  ${paint.dim(about)}`}`;
    if (told.has(rule.id)) return [head];
    told.add(rule.id);
    return [
      head,
      ...wrap(rule.sentence, width - indent - 4).map((line) => `${space}    ${line}`),
      `${space}    ` +
        `${paint.dim(kernelOf(rule, release))}${rule.unproven === undefined ? "" : `  ${paint.odd("unproven")}`}`,
      ...modelLines(rule, width - indent - 4).map((line) => `${space}    ${paint.dim(line)}`),
    ];
  });
}

/** The lines of the model that decide, as far as the build has found them. */
function modelLines(rule: Rule, width: number): string[] {
  const sites = modelSites(rule);
  return sites.length === 0 ? [] : wrap(`model ${sites.join(" ")}`, width);
}

export function claimLines(
  all: readonly ClaimResult[],
  outcome: Outcome,
  units: ReadonlyMap<string, string>,
  paint: Paint,
): string[] {
  if (all.length === 0) return [];
  const width = Math.max(...all.map((claim) => widthOfText(claim.text)));
  return [
    paint.dim("claims"),
    ...all.map(
      (claim) =>
        `  ${claim.holds ? paint.good("holds") : paint.bad("fails")}  ${pad(claim.text, width)}  ` +
        `${paint.dim(`line ${claim.line}`)}${claim.brokenBy === undefined ? "" : saw(claim, outcome, units)}`,
    ),
  ];
}

function costs(prediction: Prediction, paint: Paint): string[] {
  const moved = Object.entries(prediction.counters ?? {}).filter(([, n]) => n !== 0);
  if (moved.length === 0) return [];
  const text = moved
    .map(([name, n]) => `${n} ${(counterNames[name as keyof typeof counterNames] ?? [name, name])[n === 1 ? 0 : 1]}`)
    .join(", ");
  return [paint.dim("cost"), `  ${text}`];
}

/** What the kernels answered to this very text; those of the same version as the model first. */
function evidence({ test, prediction, evidence: all }: Story, paint: Paint): string {
  const { release, arch } = prediction.machine;
  const rows = all.flatMap((each) => {
    const testimony = agreesWith(test, prediction, each);
    if (testimony === "none") return [];
    const same = versionOf(each.kernel.release) === versionOf(release) && each.kernel.arch === arch;
    return [
      {
        same,
        cells: [
          `  ${each.kernel.kernel}`,
          said(testimony, same, paint),
          paint.dim(`${each.tests.get(test.name)?.date ?? ""}${each.kernel.package ? `  ${each.kernel.package}` : ""}`),
        ],
      },
    ];
  });
  if (rows.length === 0)
    return (
      `${paint.dim("evidence")}\n` +
      `  none recorded; \`litmap run ${selectorFor(test.name, test.file)} --on ` +
      `${debianName(seriesOf(release), arch)} --record\` asks a kernel`
    );
  rows.sort((a, b) => Number(b.same) - Number(a.same));
  return [paint.dim("evidence"), ...columns(rows.map((row) => row.cells))].join("\n");
}

function said(testimony: Testimony, sameRelease: boolean, paint: Paint): string {
  if (testimony === "same") return paint.good("the same outcome");
  if (testimony === "stale") return paint.odd("recorded with other steps of this test");
  if (testimony === "unsupported") return paint.dim("unsupported there");
  if (testimony === "not-modelled") return paint.dim("not modelled, nothing to compare");
  if (testimony === "undecided") return paint.odd("not among what the search came to");
  if (typeof testimony === "string") return testimony;
  const text = testimony.map(({ key, here }) => `${key} ${valueText(here)}`).join(", ");
  return sameRelease ? paint.bad(`DISAGREES: ${text}`) : `otherwise: ${text}`;
}
