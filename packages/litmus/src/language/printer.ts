/**
 * The printer: one way to write a test. Names in a run of lines (no empty line between) are
 * padded so that their `=` line up, by actor; so are the braces of one-line blocks. Comments
 * and single empty lines stay. What was written on one line stays there while it fits.
 */
import { parseSyntax } from "./parser.js";
import type {
  BlockSyntax,
  BranchSyntax,
  ConditionSyntax,
  ExprSyntax,
  FileSyntax,
  ItemSyntax,
  LeadComment,
  Line,
} from "./syntax.js";
import { quote } from "./tokens.js";
import { writeArg, writeExpr } from "./write.js";

/** Columns. Longer calls and claims are continued on the next line. */
const widest = 100;

/** The text in canonical form. A text that does not parse comes back as it is. */
export function format(text: string): string {
  const { file, diagnostics } = parseSyntax(text);
  return diagnostics.length ? text : print(file);
}

/** A syntax tree as text, without the lines that could not be read. */
export function print(file: FileSyntax): string {
  const out: string[] = [];
  if (file.header) {
    const { header } = file;
    out.push(...leads(header.lead, ""));
    if (header.blankBefore) out.push("");
    out.push(`test ${header.name.text}`);
    if (header.question) out.push(`  ${quote(header.question.text)}${header.tail ? `  ${header.tail.text}` : ""}`);
    else if (header.tail) out[out.length - 1] += `  ${header.tail.text}`;
  }
  const body = [...lines(file.items, ""), ...dangling(file.dangling, "", file.items.length > 0)];
  if (out.length && body.length && body[0] !== "") out.push("");
  out.push(...body);
  return out.length ? `${out.join("\n")}\n` : "";
}

/** A line before it is put beside others. */
interface Row {
  readonly line: Line;
  /** What alignment goes by: rows of one group have what is left of the joint padded. */
  readonly group: string;
  readonly left: string;
  /** Between the two halves when they are aligned or not. */
  readonly joint: string;
  readonly pieces: readonly string[];
  /** Lines after the first, of a block. */
  readonly more?: readonly string[];
}

function lines(items: readonly (ItemSyntax | BranchSyntax)[], indent: string): string[] {
  const rows = items.filter((item) => !("kind" in item) || item.kind !== "broken").map((item) => row(item, indent));
  const out: string[] = [];
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && !beginsRun(rows[to - 1], rows[to])) to++;
    const run = rows.slice(from, to);
    const first = run[0].line;
    if (from > 0 && (first.lead.length ? first.lead[0].blankBefore : first.blankBefore)) out.push("");
    out.push(...printRun(run, indent));
    from = to;
  }
  return out;
}

/** A run ends at an empty line and at a block of several lines. */
function beginsRun(previous: Row, next: Row): boolean {
  const { lead, blankBefore } = next.line;
  return previous.more !== undefined || next.more !== undefined || blankBefore || lead.some((c) => c.blankBefore);
}

function printRun(run: readonly Row[], indent: string): string[] {
  const widths = new Map<string, number>();
  const groups = run.map((r, i) => {
    // Names align all through a run; braces only with their neighbours.
    if (r.group.startsWith("=")) return r.group;
    let start = i;
    while (start > 0 && run[start - 1].group === r.group) start--;
    return `${r.group}@${start}`;
  });
  run.forEach((r, i) => {
    if (r.joint) widths.set(groups[i], Math.max(widths.get(groups[i]) ?? 0, r.left.length));
  });
  const printed = run.map((r, i) => {
    const left = r.joint ? `${r.left.padEnd(widths.get(groups[i])!)}${r.joint}` : r.left;
    return wrap([`${left}${r.pieces[0] ?? ""}`, ...r.pieces.slice(1)], indent);
  });
  const tailAt = Math.max(0, ...run.map((r, i) => (r.line.tail && !r.more ? last(printed[i]).length : 0)));
  return run.flatMap((r, i) => {
    const text = [...printed[i], ...(r.more ?? [])];
    if (r.line.tail) {
      const end = text[text.length - 1];
      text[text.length - 1] = `${r.more ? end : end.padEnd(tailAt)}  ${r.line.tail.text}`;
    }
    const above = leads(r.line.lead, indent, i === 0);
    return r.line.lead.length && r.line.blankBefore ? [...above, "", ...text] : [...above, ...text];
  });
}

function row(item: ItemSyntax | BranchSyntax, indent: string): Row {
  if (!("kind" in item)) return blockRow(item, "branch", `${item.actor.text}`, " ", item.body, indent);
  const actor = "actor" in item && item.actor ? `${item.actor.text}: ` : "";
  const simple = (text: string): Row => ({ line: item, group: "", left: "", joint: "", pieces: [text] });
  switch (item.kind) {
    case "process":
      return simple(`process ${item.name.text}`);
    case "fork":
      return simple(`${actor}fork ${item.name.text}`);
    case "thread":
      return simple(`thread ${item.name.text} of ${item.of.text}`);
    case "driver":
      return simple(`driver ${item.name.text} on ${item.device.text}`);
    case "call": {
      const pieces = callPieces(
        item.call.op.text,
        item.call.args.flatMap((a, i) => argPieces(writeArg(a), a.value, i < item.call.args.length - 1)),
        item.field?.text,
      );
      return item.bind
        ? { line: item, group: `=${actor}`, left: `${actor}${item.bind.text}`, joint: " = ", pieces }
        : { line: item, group: "", left: actor, joint: "", pieces };
    }
    case "claim":
      return { line: item, group: "", left: `${actor}${item.claim} `, joint: "", pieces: claimPieces(item.expr) };
    case "faults":
      return item.bind
        ? blockRow(item, `=${actor}`, `${actor}${item.bind.text}`, " = ", item.body, indent, "faults ")
        : blockRow(item, "", `${actor}faults`, " ", item.body, indent);
    case "scope": {
      const head = condition(item.condition);
      return blockRow(item, item.condition.kind, head, " ", item.body, indent);
    }
    case "parallel": {
      const inner = item.branches.map((b) => oneLine(b.body) && `${b.actor.text} ${oneLine(b.body)}`);
      const flat = `parallel { ${inner.join(" ")} }`;
      if (
        item.oneLine &&
        inner.length &&
        inner.every(Boolean) &&
        item.branches.every(quiet) &&
        !item.dangling.length &&
        indent.length + flat.length <= widest
      )
        return simple(flat);
      const more = [
        ...lines(item.branches, `${indent}  `),
        ...dangling(item.dangling, `${indent}  `, item.branches.length > 0),
        `${indent}}`,
      ];
      return { line: item, group: "", left: "", joint: "", pieces: ["parallel {"], more };
    }
    case "broken":
      return simple("");
  }
}

function blockRow(
  line: Line,
  group: string,
  left: string,
  joint: string,
  body: BlockSyntax,
  indent: string,
  before = "",
): Row {
  const flat = body.oneLine ? oneLine(body) : undefined;
  if (flat !== undefined && indent.length + left.length + joint.length + before.length + flat.length <= widest) {
    return { line, group, left, joint, pieces: [`${before}${flat}`] };
  }
  const inner = `${indent}  `;
  const more = [...lines(body.items, inner), ...dangling(body.dangling, inner, body.items.length > 0), `${indent}}`];
  return { line, group: joint === " = " ? group : "", left, joint, pieces: [`${before}{`], more };
}

/** `{ a; b }`, or nothing when it holds what needs lines of its own. */
function oneLine(body: BlockSyntax): string | undefined {
  if (body.dangling.length || !body.items.every(quiet)) return undefined;
  const parts: string[] = [];
  for (const item of body.items) {
    if (item.kind === "broken") continue;
    const r = row(item, "");
    if (r.more) return undefined;
    parts.push(`${r.left}${r.joint}${r.pieces.join(" ")}`);
  }
  return parts.length ? `{ ${parts.join("; ")} }` : "{ }";
}

const quiet = (line: Line): boolean => line.lead.length === 0 && !line.tail;

function condition(c: ConditionSyntax): string {
  switch (c.kind) {
    case "linux":
      return `on linux ${c.op.text} ${c.release.text}`;
    case "arch":
      return `on arch ${c.arch.text}`;
    case "with":
      return `with ${c.point.text} = ${c.choice.text}`;
    case "broken":
      return "on ?";
  }
}

/** Pieces between which a line may break. */
function callPieces(op: string, args: readonly string[], field: string | undefined): string[] {
  const end = `)${field === undefined ? "" : `.${field}`}`;
  if (!args.length) return [`${op}(${end}`];
  const pieces = [`${op}(${args[0]}`, ...args.slice(1)];
  pieces[pieces.length - 1] += end;
  return pieces;
}

/** Between the tuples of a long list, too. */
function argPieces(text: string, value: ExprSyntax, more: boolean): string[] {
  const comma = more ? "," : "";
  if (value.kind !== "list" || text.length < 60 || value.items.length < 2) return [text + comma];
  const name = text.slice(0, text.indexOf("["));
  const items = value.items.map((item, i) => writeExpr(item) + (i < value.items.length - 1 && value.commas ? "," : ""));
  items[0] = `${name}[${items[0]}`;
  items[items.length - 1] += `]${comma}`;
  return items;
}

/** Behind `and` and `or`. */
function claimPieces(expr: ExprSyntax): string[] {
  if (expr.kind !== "binary" || (expr.op !== "and" && expr.op !== "or")) return [writeExpr(expr)];
  const left = claimPieces(expr.left);
  left[left.length - 1] += ` ${expr.op}`;
  return [...left, ...claimPieces(expr.right)];
}

function wrap(pieces: readonly string[], indent: string): string[] {
  const out: string[] = [];
  let line = indent + pieces[0];
  for (const piece of pieces.slice(1)) {
    if (line.length + 1 + piece.length > widest) {
      out.push(line);
      line = `${indent}    ${piece}`;
    } else line += ` ${piece}`;
  }
  out.push(line);
  return out;
}

function leads(comments: readonly LeadComment[], indent: string, first = true): string[] {
  return comments.flatMap((c, i) =>
    c.blankBefore && !(first && i === 0) ? ["", `${indent}${c.text}`] : [`${indent}${c.text}`],
  );
}

function dangling(comments: readonly LeadComment[], indent: string, after: boolean): string[] {
  return leads(comments, indent, !after);
}

const last = (text: readonly string[]): string => text[text.length - 1];
