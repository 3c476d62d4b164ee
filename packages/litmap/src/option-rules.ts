/**
 * What the options of every command have in common: numbers are numbers, and one that would have no effect is refused
 * before anything is done.
 */
import type { Command, Option } from "commander";
import { badRequest } from "./exit-status.js";
import { wholeNumber } from "./whole-number.js";

/** The largest number under each placeholder of an option: a day in seconds fits every timer. */
const largest: Readonly<Partial<Record<string, number>>> = { "<n>": 1_000_000_000, "<seconds>": 86_400 };

type Given = Readonly<Record<string, unknown>>;

/** Why an option has no effect, beside these others and arguments; undefined where it has. */
type Idle = (given: Given, args: readonly string[]) => string | undefined;

const needs =
  (other: string, flag: string): Idle =>
  (given) =>
    given[other] === undefined ? `has no effect without ${flag}` : undefined;
const without =
  (other: string, flag: string): Idle =>
  (given) =>
    given[other] === undefined ? undefined : `has no effect with ${flag}`;
/** Of an option that is about QEMU: some kernel has to run in it. */
const onQemu: Idle = (given, args) =>
  needs("on", "--on")(given, args) ??
  (String(given.on)
    .split(",")
    .every((name) => /^\s*(host|ssh:.*)?\s*$/.test(name))
    ? "is for kernels in QEMU"
    : undefined);
/** Of an option of `diff` that is for models, or for kernels. */
const someSide =
  (wanted: "model" | "kernel"): Idle =>
  (_given, args) =>
    args.slice(0, 2).some((name) => name.startsWith("model:") === (wanted === "model"))
      ? undefined
      : `has no effect: neither side is a ${wanted}`;

const idle: Readonly<Partial<Record<string, Readonly<Record<string, Idle>>>>> = {
  run: {
    accel: onQemu,
    jobs: needs("on", "--on"),
    times: needs("on", "--on"),
    timeout: needs("on", "--on"),
    record: needs("on", "--on"),
  },
  random: { accel: onQemu, timeout: needs("on", "--on") },
  cost: {
    runs: needs("on", "--on"),
    point: without("on", "--on"),
    all: without("on", "--on"),
  },
  diff: { accel: someSide("kernel"), jobs: someSide("kernel"), searchTime: someSide("model") },
  explain: { searchTime: without("schedule", "--schedule") },
  check: { quiet: without("json", "--json") },
};

/** @throws Ending of a wrong request. */
export function checkOptions(command: Command): void {
  const given = command.opts<Given>();
  const chosen = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli");
  for (const option of chosen) {
    const value = given[option.attributeName()];
    const most = largest[/<[^>]*>/.exec(option.flags)?.[0] ?? ""];
    if (most !== undefined) wholeNumber(flagOf(option), String(value), most);
    else if (typeof value === "string" && value.trim() === "") throw badRequest(`${flagOf(option)} wants a value`);
  }
  for (const option of chosen) {
    const why = idle[command.name()]?.[option.attributeName()]?.(given, command.args);
    if (why !== undefined)
      throw badRequest(`${flagOf(option)} ${why}`, `\`litmap ${command.name()} --help\` lists the options`);
  }
}

const flagOf = (option: Option): string => option.long ?? option.flags;
