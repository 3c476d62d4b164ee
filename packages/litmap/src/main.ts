/** The command line: what there is, and the way into each part, which is read only when it is asked for. */
import { Command, CommanderError, Option } from "commander";
import { Ending, exitStatus } from "./exit-status.js";
import { endWithNpm } from "./npm-parent.js";
import { checkOptions } from "./option-rules.js";
import { paintFor, watchOutput } from "./terminal.js";
import type { Paint } from "./terminal.js";

export const version = "0.1.0";

type Action = (...args: never[]) => number | Promise<number>;

export { endWith } from "./terminal.js";

/** Parses the arguments (without node and script) and gives the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  watchOutput();
  endWithNpm();
  let status: number = exitStatus.asExpected;
  const does =
    (action: Action) =>
    async (...args: unknown[]) => {
      status = await (action as (...all: unknown[]) => number | Promise<number>)(...args);
    };
  try {
    await program(does).parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.asExpected : exitStatus.badRequest;
    const paint = paintFor(process.stderr, !argv.includes("--no-color"));
    if (!(error instanceof Ending)) return ownFault(error, paint);
    // A diagnostic says by itself where and what; everything else says who speaks.
    const placed = /^[^\s:]+:\d+:\d+: /.test(error.message);
    process.stderr.write(`${placed ? "" : paint.bad("litmap: ")}${error.message}\n`);
    if (error.hint !== "") process.stderr.write(`${paint.dim(error.hint)}\n`);
    return error.status;
  }
}

/** A fault of litmap's own ends the command with status 3, and with all that a report of it needs. */
function ownFault(error: unknown, paint: Paint): number {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(
    `${paint.bad("litmap: ")}this is a fault of litmap ${version}; please report it with the command\n`,
  );
  process.stderr.write(`${what}\n`);
  return exitStatus.badMachine;
}

/** The commands and their options; `does` wraps what each runs. */
export function program(does: (action: Action) => (...args: unknown[]) => Promise<void>): Command {
  const litmap = new Command("litmap")
    .description("Litmus tests for DMA-buffer memory: one file, answered by a model of Linux and by a real kernel.")
    .version(version, "-V, --version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "litmap: ")) })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
TEST, NAME   a test's name, a glob over names, a .lit file, a folder, or - for stdin
Exit status  0 as expected, 1 surprises or disagreements, 2 the request was wrong, 3 the machine was, or litmap failed

  litmap run                                        the whole corpus on the newest model
  litmap run corpus/gup --on 6.12,7.2               on real kernels too, compared
  litmap explain direct-io-system-heap              why
  litmap whatif system-heap.mmap=insert-page        what a design would change
  litmap cost direct-io-system-heap                 what it costs by every design`,
    );

  litmap.hook("preAction", (_program, command) => checkOptions(command));

  const sub = (text: string, about: string): Command =>
    litmap.command(text).description(about).exitOverride().option("--no-color", "no colours, also without NO_COLOR");
  const searchTime = [
    "--search-time <seconds>",
    "stop the search through the schedules of a concurrent test after so long (default 60)",
  ] as const;
  const onModel = (command: Command): Command =>
    command
      .option("--release <release>", "the model's release: 6.12, its newest known update, or an update, 6.12.118")
      .option("--arch <arch>", "the model's architecture: x86_64, arm64, arm64-16k, arm, arm-lpae")
      .option("--set <point=choice>", "override a decision of the release; repeatable", collect, []);

  onModel(sub("run [tests...]", "run tests (default: the whole corpus) on the model, and on real kernels with --on"))
    .option(
      "--on <kernels>",
      "real kernels to run on and compare with: names of the store, host, ssh:NAME; separated by commas",
    )
    .option("--json", "one JSON object per line, nothing else on stdout")
    .option("--ktap", "KTAP version 1, nothing else on stdout")
    .option("--junit <file>", "write JUnit XML to a file as well")
    .option("-q, --quiet", "only failures and the summary line")
    .option("-j, --jobs <n>", "machines that run in parallel (default 2)")
    .addOption(new Option("--accel <accel>", "how QEMU runs a kernel").choices(["auto", "tcg", "kvm"]))
    .option(...searchTime)
    .option("--times <n>", "iterations of a concurrent test on a kernel (default 1000, at most 20 s)")
    .option("--timeout <seconds>", "time until a test on a kernel counts as hung (default 10)")
    .option("--resume <file>", "append every result to the file, and skip tests that it has already")
    .option("--record", "save the kernels' answers as evidence")
    .option("--noncoherent", "what would change on a machine whose devices do not snoop the CPU's caches")
    .action(does(async (tests: string[], options: object) => (await import("./commands/run.js")).run(tests, options)));

  onModel(sub("explain <test>", "per step: result, deciding rules, costs; claims and evidence"))
    .option(...searchTime)
    .option("--schedule <schedule>", "run a concurrent test in one order, for example 'A:3 B:1 A:2'")
    .option("--json", "as JSON")
    .action(
      does(async (test: string, options: object) => (await import("./commands/explain.js")).explain(test, options)),
    );

  onModel(
    sub(
      "explore <test>",
      "every schedule of a concurrent test: executions, states, outcomes, the easiest that breaks an invariant; the " +
        "steps are those where a lock is taken, or a field without one is looked at or set (docs/races.md)",
    ),
  )
    .option("--limit <n>", "stop after this many executions")
    .option(...searchTime)
    .option("--no-reduce", "no partial-order reduction: run every order")
    .option("--json", "as JSON")
    .action(
      does(async (test: string, options: object) => (await import("./commands/explore.js")).explore(test, options)),
    );

  sub(
    "random",
    "random programs on the model and on real kernels; each disagreement is shrunk to the shortest program that " +
      "shows it",
  )
    .option("--seeds <a..b>", "range of seeds (default 1..300)")
    .option("--steps <n>", "steps of a program before its observers (default 12)")
    .option(
      "--on <kernels>",
      "real kernels to compare with: names of the store, host, ssh:NAME; separated by commas; the model alone " +
        "without it",
    )
    .addOption(new Option("--accel <accel>", "how QEMU runs a kernel").choices(["auto", "tcg", "kvm"]))
    .option("--timeout <seconds>", "time until a program on a kernel counts as hung (default 10)")
    .action(does(async (options: object) => (await import("./commands/random.js")).random(options)));

  sub("whatif <choices...>", "tests whose outcome POINT=CHOICE changes, before and after")
    .option("--release <release>", "the release to change")
    .option("--arch <arch>", "the architecture: x86_64, arm64, arm64-16k, arm, arm-lpae")
    .option("--tests <tests...>", "these tests, not the whole corpus")
    .option(...searchTime)
    .option("--json", "one JSON object a line")
    .action(
      does(async (choices: string[], options: object) =>
        (await import("./commands/whatif.js")).whatif(choices, options),
      ),
    );

  onModel(
    sub(
      "cost <tests...>",
      "what tests cost, side by side for every choice of the decision points that they depend on, and for every " +
        "release",
    ),
  )
    .option("--point <point>", "only this decision point")
    .option("--steps", "per step instead of per test")
    .option("--all", "also counters that do not differ")
    .option(
      "--on <kernels>",
      "instructions of each step on real kernels, counted by QEMU, beside what the model counts",
    )
    .option("--runs <n>", "runs on a kernel; the minimum counts (default 3)")
    .option("--json", "one JSON object a table")
    .action(
      does(async (tests: string[], options: object) => (await import("./commands/cost.js")).cost(tests, options)),
    );

  sub("diff <a> <b>", "tests on which two kernels differ; either can be model:RELEASE")
    .option("--tests <tests...>", "these tests, not the whole corpus")
    .option(...searchTime)
    .option("-j, --jobs <n>", "QEMUs that may run at once (default: two a kernel)")
    .option("--arch <arch>", "the models' architecture: x86_64, arm64, arm64-16k, arm, arm-lpae")
    .addOption(new Option("--accel <accel>", "how QEMU runs a kernel").choices(["auto", "tcg", "kvm"]))
    .option("--json", "one JSON object a line")
    .action(
      does(async (a: string, b: string, options: object) => (await import("./commands/diff.js")).diff(a, b, options)),
    );

  sub("rules [id]", "the rule book, one subject of it, or one rule with its tests and kernels")
    .option("--json", "one JSON object a line")
    .action(
      does(async (id: string | undefined, options: object) => (await import("./commands/rules.js")).rules(id, options)),
    );

  sub("designs [point]", "decision points, their choices, and which release chose what")
    .option("--json", "one JSON object a line")
    .action(
      does(async (point: string | undefined, options: object) =>
        (await import("./commands/designs.js")).designs(point, options),
      ),
    );

  sub("check [tests...]", "check test files without running them")
    .option("--json", "one JSON object a diagnostic")
    .option("-q, --quiet", "only diagnostics")
    .action(
      does(async (tests: string[], options: object) => (await import("./commands/check.js")).check(tests, options)),
    );

  sub("fmt [tests...]", "print files in canonical form")
    .option("--check", "list files that are not in canonical form; exit status 1 if there are any")
    .option("--write", "rewrite the files in canonical form")
    .action(does(async (tests: string[], options: object) => (await import("./commands/fmt.js")).fmt(tests, options)));

  const kernel = sub("kernel", "the real kernels that run --on can use").helpCommand(false);
  kernel
    .command("add <names...>")
    .description("add Debian's kernel of each release, for example `add 6.12 7.2`, or your own with --image")
    .option("--image <bzImage>", "your own kernel image")
    .option("--modules <folder>", "its modules")
    .option("-q, --quiet", "print nothing")
    .action(
      does(async (names: string[], options: object) => (await import("./commands/kernel.js")).add(names, options)),
    );
  kernel
    .command("build <release>")
    .description(
      "compile a trimmed kernel of a release from Debian's source, with options that Debian leaves out: CMA, " +
        "DMABUF_DEBUG, SW_SYNC, GUP_TEST, VKMS",
    )
    .option("--as <name>", "its name (default: the release with -built)")
    .option("-j, --jobs <n>", "parallel compilers (default: one per CPU)")
    .option("-q, --quiet", "print nothing")
    .action(
      does(async (release: string, options: object) => (await import("./commands/kernel.js")).build(release, options)),
    );
  kernel
    .command("module <names...>")
    .description("build the test module for kernels: it runs the steps of drivers and of the kernel itself")
    .option(
      "--build <folder>",
      "the kernel's build folder or headers (default: those of `kernel build`, or Debian's headers of its version)",
    )
    .option("-q, --quiet", "print errors only")
    .action(
      does(async (names: string[], options: object) =>
        (await import("./commands/kernel.js")).addModule(names, options),
      ),
    );
  kernel
    .command("ls")
    .description("list the kernels")
    .option("--json", "one JSON object a kernel")
    .action(does(async (options: object) => (await import("./commands/kernel.js")).list(options)));
  kernel
    .command("rm <names...>")
    .description("remove kernels and their saved states")
    .action(does(async (names: string[]) => (await import("./commands/kernel.js")).remove(names)));
  kernel
    .command("boot <name>")
    .description("boot a kernel, print its version, and stop it")
    .addOption(new Option("--accel <accel>", "how QEMU runs it").choices(["auto", "tcg", "kvm"]))
    .option("--json", "as JSON")
    .action(does(async (name: string, options: object) => (await import("./commands/kernel.js")).boot(name, options)));

  return litmap;
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
