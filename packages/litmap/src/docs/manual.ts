/** man/litmap.1: the manual page, from the same declarations as --help. */
import type { Command, Option } from "commander";
import { program, version } from "../main.js";

export function manualPage(): string {
  const litmap = program(() => async () => {});
  return `${[
    `.TH LITMAP 1 "" "litmap ${version}" "User Commands"`,
    ".SH NAME",
    "litmap \\- litmus tests for DMA-buffer memory",
    ".SH SYNOPSIS",
    ".B litmap",
    ".I COMMAND",
    "[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]",
    ".SH DESCRIPTION",
    escaped(litmap.description()),
    ".SH COMMANDS",
    ...litmap.commands.flatMap((command) =>
      command.commands.length === 0
        ? entry("litmap", command)
        : command.commands.flatMap((each) => entry(`litmap ${command.name()}`, each)),
    ),
    ".SH ARGUMENTS",
    ".TP",
    ".IR TEST ,\\  NAME",
    "A test's name, a glob over names, a .lit file, a folder, or \\- for stdin.",
    ".SH EXIT STATUS",
    ...terms([
      ["0", "As expected."],
      ["1", "Surprises or disagreements."],
      ["2", "The request was wrong."],
      ["3", "The machine was: no QEMU, no compiler, no kernel, no disk space."],
    ]),
    ".SH ENVIRONMENT",
    ...terms([
      ["LITMAP_CACHE", "Kernels, saved machine states and the compiled executor; default ~/.cache/litmap."],
      ["LITMAP_CORPUS", "The folder of tests, instead of the tests that litmap came with."],
      [
        "LITMAP_EVIDENCE",
        "The folder of recorded outcomes. Outside of a checkout, --record writes to evidence/ in the current folder.",
      ],
    ]),
    ".SH FILES",
    "The language reference, the rule book and the decision points are in docs/ of the package.",
  ].join("\n")}\n`;
}

function entry(parent: string, command: Command): string[] {
  const options = command.createHelp().visibleOptions(command);
  return [
    `.SS ${escaped(`${parent} ${command.name()} ${command.usage()}`)}`,
    escaped(sentence(command.description())),
    ...terms(options.filter(({ long }) => long !== "--help").map((option) => [option.flags, about(option)])),
  ];
}

function about({ description, argChoices }: Option): string {
  return sentence(argChoices ? `${description}: ${argChoices.join(", ")}` : description);
}

function terms(list: readonly (readonly [string, string])[]): string[] {
  return list.flatMap(([term, text]) => [".TP", `\\fB${escaped(term)}\\fR`, escaped(text)]);
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** A backslash, a dash and a leading dot or quote mean something to roff. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
