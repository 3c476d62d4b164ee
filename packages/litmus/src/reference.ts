/**
 * The manual of the language as Markdown, printed from the operation table and from what the
 * checker knows, so that it cannot say anything else than they do.
 */
import { diagnosticCodes } from "./language/diagnostic.js";
import { sizeText } from "./language/numbers.js";
import { describeResult, signature } from "./language/signature.js";
import { devices, invariants } from "./language/words.js";
import { operation, operations } from "./operations/index.js";
import type { Field, OperationName, Param, ParamType, ResultType, Subject, Words } from "./operations/index.js";
import { kernelLimits } from "./kernel-limits.js";
import { slotAlign } from "./slots.js";

const slotMib = slotAlign / 2 ** 20;

const subjects: readonly Subject[] = [
  "memory",
  "memfd and files",
  "dma-buf",
  "processes",
  "reaching into a mapping",
  "observers",
  "DRM",
  "V4L2",
  "rings and IO memory",
  "virtualisation",
  "drivers",
  "kernel",
];

/** The reference as pages, by path: the language, then the operations of each subject. */
export function reference(): ReadonlyMap<string, string> {
  const first = [language(), "## Operations", "", index(), "", faults(), diagnostics()].join("\n");
  return new Map([["language.md", first], ...subjects.map((s) => [pageOf(s), subject(s)] as const)]);
}

function pageOf(subject: Subject): string {
  return `language/${subject.toLowerCase().replaceAll(" ", "-")}.md`;
}

function language(): string {
  const invariantLines = Object.entries(invariants).map(([name, doc]) => `* \`${name}\`: ${doc}`);
  const deviceLines = Object.entries(devices).map(([name, doc]) => `  * \`${name}\`: ${doc}`);
  return `# The litmus language

A litmus test asks one question about DMA-buffer memory in Linux. The same file runs on
litmap's model and on real kernels. Files end in \`.lit\`; a file holds one test.

This page is printed by \`reference()\` of \`@litmap/litmus\`; do not edit it.

    # corpus/gup/direct-io-system-heap.lit
    test direct-io-system-heap
      "Can O_DIRECT write from a CPU mapping of a system-heap buffer?"

    buf  = dma_heap_alloc(system, 64K)
    va   = mmap(buf, 64K, rw, shared)
    touch(va, 64K, write)
    disk = open_disk(direct)
    n    = pwrite(disk, va, 4K, 0)

    expect n == EFAULT
    expect smaps(va).Pss == 0

## Grammar

\`[x]\` is optional, \`x*\` is any number of them, \`|\` separates alternatives, text in double quotes
is literal. A line ends at its newline, except inside \`( )\` and \`[ ]\` and
behind a comma or an operator; \`;\` separates lines inside braces. \`#\` begins a comment.

    file      = "test" NAME STRING line*
    line      = actor | step | claim | scope

    actor     = "process" NAME
              | "driver" NAME "on" DEVICE
    step      = [ACTOR ":"] [NAME "="] call ["." FIELD]
              | [ACTOR ":"] NAME "=" "faults" "{" step* "}"
              | [ACTOR ":"] "fork" NAME
              | "thread" NAME "of" ACTOR
              | "parallel" "{" (ACTOR "{" step* "}")* "}"
    claim     = [ACTOR ":"] ("expect" | "always" | "never" | "sometimes") expr
    scope     = "on" "linux" COMPARISON RELEASE "{" (claim | scope)* "}"
              | "on" "arch" ARCH "{" (claim | scope)* "}"
              | "with" POINT "=" CHOICE "{" (claim | scope)* "}"

    call      = OPERATION "(" [argument ("," argument)*] ")"
    argument  = [PARAMETER ":"] sum
    expr      = and ("or" and)*
    and       = not ("and" not)*
    not       = ["not"] comparison
    comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") sum]
    sum       = value (("+" | "-") value)*
    value     = NUMBER | STRING | WORD ("|" WORD)* | (NAME | call) ["." FIELD]
              | "[" value* "]" | "(" expr ")"

The name of a test is in lower case with dashes and unique in the corpus. Steps come first,
claims at the end.

## Actors

* The first process is there without being declared and is called \`A\`. A line belongs to \`A\`
  unless it begins with \`ACTOR:\`.
* \`process B\` is another process with its own address space and descriptors, from the start.
* \`fork C\` makes a child of the actor that runs it (\`A\`, or \`B: fork C\`). The child has the
  parent's descriptors, and its mappings as fork leaves them. Lines of \`C\` come after.
* \`thread T of A\` shares address space and descriptors of its process.
* \`driver D on DEVICE\` is kernel code that acts for a device. What the device is decides where memory
  from the DMA API comes from and what it sees:

${deviceLines.join("\n")}

  Any other name is a device like \`dma\`.
* \`kernel:\` is the kernel itself: reclaim, migration, the OOM reaper. It needs no declaration.

A descriptor belongs to the process that made it (a fork knows those made before it). Another
process takes it by \`B: fd = receive(buf)\` first; drivers and the kernel use any. An address of
another address space is a warning, except where \`of: B\` says whose it is, and for \`at\` and \`to\`.

## Steps

Steps run one at a time in the order written, across all actors, except inside \`parallel\`.

* \`name = operation(arguments)\` gives the result a name, \`name = smaps(va).Pss\` one field of
  it. A name is bound once in a test.
* Arguments go by position or as \`parameter: value\`; those by position fill the parameters that
  are not named, in order. Parameters with a default may be left out.
* \`n = faults { ... }\` is the number of minor faults that the actor took in the steps inside.
  They are all the same actor's.
* \`parallel { A { ... } B { ... } }\`: each branch keeps its order, everything else is up to the
  scheduler. An actor has one branch; a branch cannot use what another one binds; actors are not
  made inside. The model tries every schedule, a kernel runs the block many times.
* \`exit()\` ends a process with its threads; they do nothing more.

What the step needs and does not get, because the step that makes it failed, keeps it from
running: it is \`not_reached\`, with the line of the step that failed.

## Values

| written | is |
| --- | --- |
| \`16\` \`-1\` \`0x77\` | an integer |
| \`64K\` \`1M\` \`1G\` \`1T\` | bytes, in units of 1024 |
| \`16p\` | bytes of so many pages of the machine (4096 each; 16384 on \`arm64-16k\`) |
| \`system\` \`rw\` \`shared\` | a word that the parameter knows |
| \`shared\\|populate\` | several words of a parameter that takes flags; \`none\` is no flag at all |
| \`"camera"\` | a string; \`\\"\`, \`\\\\\` and \`\\n\` in it are a quote, a backslash and a newline |
| \`va\` \`s.Size\` | an earlier result, a field of one |
| \`va + 4K\` \`va + 8K - 1\` | sums; address + number is an address, address - address a number |
| \`[[m, 0, 4K], [m, 8K, 4K]]\` | a list of tuples |
| \`EFAULT\` \`SIGBUS\` | errno and signal names, in claims |

Integers have 64 bits, from -2^63 to 2^64 - 1, and no bit of them is lost. A sum wraps as the kernel's words do: modulo
2^64, and modulo 2^32 where a 32-bit machine passes it in a register. A narrower parameter, such as a width, a byte or
a 32-bit field, takes what fits into it.

Sizes are bytes everywhere, also where /proc prints kB. A size is not negative: 2^64 - 1 is
written \`0xffffffffffffffff\`. Where a descriptor or an address is wanted an integer will do: a
deliberately bad one, such as \`-1\`. Of words for protection, \`rw\` is \`r\` and \`w\` at once.

### Where mappings go

Each \`mmap\` without \`at\` gets a slot of its own: slots begin at multiples of
${slotMib} MiB, in the order of the text, each as long as the mapping rounded up to ${slotMib} MiB, and
${slotMib} MiB are left free behind it. So mappings never touch, there is room to grow in place, and
\`va + length\` is unmapped, unless the test uses \`at\` (MAP_FIXED) or \`mremap\` with \`to\`. Two mappings are
put side by side as \`mmap(..., at: va + 64K)\`. The kernel places what \`mremap\` moves without \`to\`.

## Outcome

Every name that a test binds is part of its outcome, claims or no claims. Two machines agree on
a test when all of it is equal.

* A status, descriptor, address or handle is \`ok\`, or the errno that the call failed with, or
  the signal that it died of.
* A number is itself, or the errno or signal. Flags are a set of words.
* A record gives a value for each field, \`s.Pss\`; when the call fails, \`s\` is its errno.
* A step that did not run is \`not_reached\`, with a line number.
* \`status()\` counts what the process gained since its own first step (a fork: since the fork),
  \`meminfo()\` what the machine gained since the first step of the test. Both in bytes, both may be negative.
* Fields marked "only if named" are compared only through the claims that name them.
* In a concurrent test the outcome is the set of all outcomes seen; what a kernel shows must be
  among what the model allows.
* A step that a machine cannot do makes the whole test \`unsupported\` there, with the reason.

## Claims

\`expect EXPRESSION\`. Both sides of a comparison must be of a kind: numbers with numbers, flags
with flags, texts with strings. Any result can be compared with \`ok\`, an errno, a signal and
\`not_reached\`.

* \`x == ok\` holds when \`x\` is neither an errno nor a signal: also for numbers, flags and
  records. For a status, \`x == 0\` is the same.
* \`not_reached\` makes every comparison false (\`!=\` too), except \`x == not_reached\`.
* \`pf in smaps(va).VmFlags\`: a flag is set. \`smaps(va).VmFlags == [rd wr sh]\`: these and no
  others; \`none\` is the empty set. \`n in [EFAULT, 4K]\`: one of these.
* A field of a record whose call failed is that errno: \`smaps(va).Pss == EFAULT\`.
* Observers may be used in claims. They are taken after the last step, in the order
  written, once each, by the process that bound the address or descriptor they look at (\`A\` where
  there is none); \`C: expect smaps(va).Pss == 0\` has \`C\` look. Other operations cannot be used in a claim.
* A claim holds on every release and architecture, unless it is inside
  \`on linux >= 6.13 { }\` (a release with all of its updates; \`6.12.118\` is one update) or
  \`on arch arm { }\` (\`x86_64\`; \`arm64\`, and \`arm64-16k\` with pages of 16 KiB; \`arm\`, and
  \`arm-lpae\` with 64-bit page-table entries: none of them includes another).
  They nest. It does not apply to a model with a changed design: use
  \`with POINT = CHOICE { }\`, which does not apply to a real kernel.
* In a test with \`parallel\`: \`always\` and \`expect\` hold on every schedule, \`never\` on none,
  \`sometimes\` on at least one (on a kernel, where not every schedule is seen, a \`sometimes\`
  that did not happen says nothing).
  \`never\` and \`sometimes\` also take, alone, the name of an invariant:

${invariantLines.join("\n")}

## Limits on a kernel

A test that asks a real kernel for more is \`unsupported\` there, with the limit as the reason. The model has none of
these limits.

| at most | what |
| --- | --- |
${Object.values(kernelLimits)
  .map(({ most, what }) => `| ${numberText(most)} | ${what} |`)
  .join("\n")}

One run through a test takes at most 10 seconds on a kernel (\`--timeout\`), or it is a \`hang\`. A concurrent test runs
1000 times (\`--times\`), and no further time once 20 seconds have passed.

## What a test cannot say

${notModelled.map((line) => `* ${line}`).join("\n")}
`;
}

/** What neither the language nor the model knows. */
const notModelled: readonly string[] = [
  "`fork` inside `parallel`; loops; a signal's code and address",
  "io_uring's fixed reads and writes; `splice`, `sendfile` and `copy_file_range`; `SEEK_DATA` and `SEEK_HOLE`",
  "which bytes `process_vm_readv`, `mem_read` or a pipe delivered; O_DIRECT on tmpfs",
  "rlimits (MEMLOCK, NOFILE) and `vm.max_map_count`; that the nth allocation or the nth descriptor fails",
  "memory failure (hwpoison, soft offline); a userfaultfd that serves faults",
  "`of:` a process that has ended; whether two descriptors are one buffer",
  "`Referenced` of a page that is accessed by a call while `madvise(cold)` of it waits in a per-CPU batch of the " +
    "LRU: " +
    "any process on that CPU drains the batch, and kernels answer either way",
  "transparent huge pages, huge pages of 1 GiB, swap of anonymous memory, files of a disk's file system",
];

/** Bytes and other numbers from 1024 on in units of 1024, where that is exact. */
function numberText(value: number): string {
  return value >= 1024 && value % 1024 === 0 ? sizeText(value) : String(value);
}

function index(): string {
  const rows = subjects.map(
    (s) =>
      `| [${s}](${pageOf(s)}) | ${named(s)
        .map((op) => `[\`${op}\`](${pageOf(s)}#${op})`)
        .join(" ")} |`,
  );
  return ["| subject | operations |", "| --- | --- |", ...rows].join("\n");
}

function named(subject: Subject): OperationName[] {
  return (Object.keys(operations) as OperationName[]).filter((op) => operation(op).subject === subject);
}

function subject(name: Subject): string {
  return [
    `# Operations: ${name}`,
    "",
    "[The language](../language.md). Printed from the operation table; do not edit it.",
    "",
    ...named(name).flatMap(describe),
  ].join("\n");
}

function describe(op: OperationName): string[] {
  const shape = operation(op);
  const out = [`## ${op}`, "", `    ${signature(op)}`, "", shape.doc, ""];
  const params = Object.entries(shape.params);
  if (params.length) {
    out.push("| parameter | type | default | what |", "| --- | --- | --- | --- |");
    for (const [name, param] of params)
      out.push(
        `| \`${name}\` | ${cell(typeText(param.type))} | ` +
          `${param.default === undefined ? "" : `\`${cell(param.default)}\``} | ${cell(docText(param))} |`,
      );
    out.push("");
  }
  out.push(`* gives: ${describeResult(shape.result)}`);
  out.push(`* by: ${shape.by.join(", ")}`);
  out.push(
    `* kernel: ${shape.kernel
      .split("; ")
      .map((k) => `\`${k}\``)
      .join("; ")}`,
  );
  if (shape.consumes?.length) out.push(`* gone afterwards: ${shape.consumes.map((c) => `\`${c}\``).join(", ")}`);
  out.push("", ...fields(shape.result));
  return out;
}

function fields(result: ResultType): string[] {
  if (result.kind !== "record") return [];
  const rows = Object.entries(result.fields).map(([name, f]) => `| \`${name}\` | ${f.kind} | ${cell(fieldText(f))} |`);
  return ["| field | type | what |", "| --- | --- | --- |", ...rows, ""];
}

function fieldText(field: Field): string {
  return field.onlyIfNamed ? `${field.doc} (only if named: ${field.onlyIfNamed})` : field.doc;
}

function typeText(type: ParamType): string {
  switch (type.kind) {
    case "descriptor":
      return `descriptor (${type.typical.join(", ")})`;
    case "object":
      return `descriptor, or ${Object.keys(type.words)
        .map((w) => `\`${w}\``)
        .join(", ")}`;
    case "size":
      return "size";
    case "handle":
      return `handle (${type.or === undefined ? type.of : `${type.of} or ${type.or}`})`;
    case "buffer":
      return "dma-buf descriptor or GEM handle";
    case "actor":
      return "process";
    case "tuples":
      return `list of [${type.of.map((t) => t.name).join(", ")}]`;
    case "optional":
      return `${typeText(type.of)}, or \`none\``;
    case "flags":
      return "flags";
    default:
      return type.kind;
  }
}

function docText(param: Param): string {
  const words = wordsIn(param.type);
  if (!words) return param.doc;
  const list = Object.entries(words).map(([word, doc]) => (doc ? `\`${word}\` (${doc})` : `\`${word}\``));
  return `${param.doc}. ${list.join(", ")}`;
}

function wordsIn(type: ParamType): Words | undefined {
  if (type.kind === "optional") return wordsIn(type.of);
  return "words" in type ? type.words : undefined;
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replace(/\|/g, "\\|");
}

function faults(): string {
  return `## Blocks

### faults

    n = faults { ... }

The minor faults that the actor took in the steps inside: a block, not an operation.

* gives: a number (faults)
* by: process
`;
}

function diagnostics(): string {
  const rows = Object.entries(diagnosticCodes).map(([code, doc]) => `| \`${code}\` | ${cell(doc)} |`);
  return ["## Diagnostics", "", "| code | what is wrong |", "| --- | --- |", ...rows, ""].join("\n");
}
