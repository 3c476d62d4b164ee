/** What one test costs under several designs or releases, as a table with a row for each counter and as JSON. */
import type { Test } from "@litmap/litmus";
import type { Counters, PointName, Prediction } from "@litmap/model";
import type { Paint } from "../terminal.js";
import type { Change } from "./changes.js";
import { columns, pad, widthOfText } from "./columns.js";
import { counterNames } from "./counters.js";
import { unitsOf, valueText } from "./value-text.js";

export interface CostColumn {
  readonly label: string;
  /** What the model has that was asked for. */
  readonly current: boolean;
  readonly prediction: Prediction;
  /** In what its outcome differs from the current one's. */
  readonly change: Change | undefined;
}

export interface CostTable {
  /** Whose choices the columns are; without it they are releases. */
  readonly point?: PointName;
  readonly columns: readonly CostColumn[];
}

export interface CostShape {
  /** Rows for each step, not for the whole test. */
  readonly steps: boolean;
  /** Also rows that are the same everywhere. */
  readonly all: boolean;
  readonly paint: Paint;
}

type Count = keyof Counters;
/** A row: its heading, and a text for each column. */
type Row = readonly [heading: string, ...cells: string[]];

const counters = Object.keys(counterNames) as Count[];

type Costs = Readonly<Record<string, number | undefined>>;

/** Undefined where the test did not run. */
const costOf = ({ prediction }: CostColumn): Costs | undefined =>
  prediction.status === "unsupported" ? undefined : (prediction.counters ?? {});

/** Whether some counter is not the same in every column in which the test ran. */
export function costsDiffer({ columns: all }: CostTable): boolean {
  const ran = all.map(costOf).filter((costs): costs is Costs => costs !== undefined);
  return ran.some((costs) => counters.some((name) => costs[name] !== ran[0][name]));
}

export function costLines(test: Test, table: CostTable, shape: CostShape): string[] {
  const { paint } = shape;
  const heading: Row = [
    table.point ?? "release",
    ...table.columns.map(({ label, current }) => (current ? `${label} *` : label)),
  ];
  const rows = shape.steps ? stepRows(table, shape) : countRows(table.columns.map(costOf), shape, "  ");
  const outcome = outcomeRow(test, table, shape);
  if (rows.length === 0 && outcome.length === 0)
    return [...aligned([heading], paint), `  ${paint.dim("the same by every choice")}`];
  return aligned([heading, ...rows, ...outcome], paint);
}

/** A row for each counter that differs, and the bookkeeping per page. */
function countRows(costs: readonly (Costs | undefined)[], { all }: Pick<CostShape, "all">, indent: string): Row[] {
  const rows: Row[] = [];
  const add = (heading: string, of: (cost: Costs) => number): void => {
    const values = costs.map((cost) => cost && of(cost));
    const ran = values.filter((value) => value !== undefined);
    if (ran.some((value) => value !== 0) && (all || ran.some((value) => value !== ran[0])))
      rows.push([`${indent}${heading}`, ...values.map((value) => String(value ?? "-"))]);
  };
  for (const name of counters) {
    add(counterNames[name][1], (cost) => cost[name] ?? 0);
    if (name === "bookkeeping")
      add("bytes of it a page", (cost) =>
        cost.buffer_pages ? Math.round((100 * (cost.bookkeeping ?? 0)) / cost.buffer_pages) / 100 : 0,
      );
  }
  return rows;
}

/** Under a heading for each step the counters that differ there. Steps are told apart by their place. */
function stepRows(table: CostTable, shape: CostShape): Row[] {
  const most = table.columns.reduce((best, column) =>
    column.prediction.steps.length > best.prediction.steps.length ? column : best,
  );
  return most.prediction.steps.flatMap((step, i) => {
    const costs = table.columns.map(
      (column) => costOf(column) && ((column.prediction.steps[i]?.counters ?? {}) as Costs),
    );
    const rows = countRows(costs, shape, "    ");
    return rows.length === 0
      ? []
      : [
          [
            `  line ${step.line}  ${step.op}${step.bind === undefined ? "" : ` → ${step.bind}`}`,
            ...table.columns.map(() => ""),
          ] as Row,
          ...rows,
        ];
  });
}

/** The first value that is another than now: a design that refuses costs little. */
function outcomeRow(test: Test, { columns: all }: CostTable, shape: CostShape): Row[] {
  if (!shape.all && all.every(({ change, prediction }) => change === undefined && prediction.status === "ok"))
    return [];
  const units = unitsOf(test);
  const cells = all.map(({ change, prediction }) => {
    if (prediction.status !== "ok") return prediction.status;
    if (change === undefined) return "=";
    const [first, ...rest] = change.values;
    return first === undefined
      ? "otherwise"
      : `${first.key} ${valueText(first.after, units.get(first.key))}${rest.length > 0 ? ` +${rest.length}` : ""}`;
  });
  return [["  outcome", ...cells]];
}

/** Numbers under the ends of their headings. */
export function aligned(rows: readonly Row[], paint: Paint): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => widthOfText(row[i]))));
  const cells = rows.map((row, r) =>
    row.map((cell, i) => {
      const text = i === 0 ? pad(cell, widths[0]) : `${" ".repeat(widths[i] - widthOfText(cell))}${cell}`;
      return r === 0 ? paint.bold(text) : text;
    }),
  );
  return columns(cells);
}

export function costObject({ point, columns: all }: CostTable): Readonly<Record<string, unknown>> {
  return {
    by: point === undefined ? "release" : "point",
    point,
    columns: all.map(({ label, current, prediction, change }) => ({
      label,
      current,
      status: prediction.status,
      reason: prediction.reason,
      counters: prediction.counters ?? {},
      steps: prediction.steps.map(({ line, actor, op, bind, counters: step }) => ({
        line,
        actor,
        op,
        bind,
        counters: step,
      })),
      differs:
        change &&
        (change.status ??
          change.unsupported?.after ??
          (change.values.length > 0
            ? Object.fromEntries(change.values.map(({ key, after }) => [key, after ?? null]))
            : { gained: change.gained, lost: change.lost })),
    })),
  };
}
