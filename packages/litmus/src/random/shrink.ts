/**
 * The shrinker: the shortest test that still shows what a longer one showed. It takes away
 * lines, together with what depends on their names, then blocks, arguments, words and bytes,
 * until nothing more can go on its own.
 */
import { numberMeaning } from "../language/numbers.js";
import { parse } from "../language/parse.js";
import { parseSyntax } from "../language/parser.js";
import { print } from "../language/printer.js";
import type { ArgSyntax, CallSyntax, ExprSyntax, FileSyntax, ItemSyntax } from "../language/syntax.js";

/**
 * Shrinks a test as far as `stillFails` stays true of it.
 *
 * @param text a test of which `stillFails` is true
 * @returns canonical text; the text itself when it does not parse
 */
export function shrink(text: string, stillFails: (text: string) => boolean): string {
  const steps = shrinking(text);
  let step = steps.next();
  while (!step.done) step = steps.next(stillFails(step.value));
  return step.value;
}

/** The same where the answer takes time, as on a real kernel. */
export async function shrinkAsync(text: string, stillFails: (text: string) => Promise<boolean>): Promise<string> {
  const steps = shrinking(text);
  let step = steps.next();
  while (!step.done) step = steps.next(await stillFails(step.value));
  return step.value;
}

/** Yields candidates, wants to know of each whether it still fails, and returns the last that did. */
export function* shrinking(text: string): Generator<string, string, boolean> {
  const first = parseSyntax(text);
  if (first.diagnostics.length) return text;
  let best = first.file;
  let bestText = print(best);
  const tried = new Set([bestText]);
  let progress = true;
  while (progress) {
    progress = false;
    for (const candidates of [withoutRuns, withoutItems, flatter, smallerCalls]) {
      // After each success the candidates are made anew from what is left.
      let again = true;
      while (again) {
        again = false;
        for (const candidate of candidates(best)) {
          const candidateText = print(candidate);
          if (tried.has(candidateText)) continue;
          tried.add(candidateText);
          if (!parse(candidateText).test) continue;
          if (yield candidateText) {
            best = candidate;
            bestText = candidateText;
            again = true;
            progress = true;
            break;
          }
        }
      }
    }
  }
  return bestText;
}

// --- lines

/** Half of the lines, a quarter of them, ..., each with what depends on them. */
function* withoutRuns(file: FileSyntax): Generator<FileSyntax> {
  const n = file.items.length;
  for (let size = n >> 1; size > 1; size >>= 1) {
    for (let at = n - size; at >= 0; at -= size) yield without(file, new Set(file.items.slice(at, at + size)));
  }
}

/** Each line alone, in blocks too, the last first. */
function* withoutItems(file: FileSyntax): Generator<FileSyntax> {
  for (const item of [...allItems(file.items)].reverse()) yield without(file, new Set([item]));
}

function* allItems(items: readonly ItemSyntax[]): Generator<ItemSyntax> {
  for (const item of items) {
    yield item;
    if (item.kind === "faults" || item.kind === "scope") yield* allItems(item.body.items);
    else if (item.kind === "parallel") for (const branch of item.branches) yield* allItems(branch.body.items);
  }
}

/** The file without some lines and without every line that cannot stand without them. */
function without(file: FileSyntax, gone: ReadonlySet<ItemSyntax>): FileSyntax {
  const names = new Set<string>();
  const actors = new Set<string>();
  const lost = new Set<ItemSyntax>(gone);
  const lose = (item: ItemSyntax): void => {
    lost.add(item);
    if ((item.kind === "call" || item.kind === "faults" || item.kind === "broken") && item.bind)
      names.add(item.bind.text);
    if (item.kind === "process" || item.kind === "driver" || item.kind === "fork" || item.kind === "thread")
      actors.add(item.name.text);
    if (item.kind === "faults" || item.kind === "scope") item.body.items.forEach(lose);
    if (item.kind === "parallel") item.branches.forEach((b) => b.body.items.forEach(lose));
  };
  gone.forEach(lose);
  for (let grew = true; grew; ) {
    grew = false;
    for (const item of allItems(file.items)) {
      if (!lost.has(item) && needs(item, names, actors)) {
        lose(item);
        grew = true;
      }
    }
  }
  return { ...file, items: keep(file.items, lost, actors) };
}

function keep(items: readonly ItemSyntax[], lost: ReadonlySet<ItemSyntax>, actors: ReadonlySet<string>): ItemSyntax[] {
  return items.flatMap((item): ItemSyntax[] => {
    if (lost.has(item)) return [];
    switch (item.kind) {
      case "faults":
        return [{ ...item, body: { ...item.body, items: keep(item.body.items, lost, actors) } }];
      case "scope": {
        const body = keep(item.body.items, lost, actors);
        return body.length ? [{ ...item, body: { ...item.body, items: body } }] : [];
      }
      case "parallel": {
        const branches = item.branches
          .filter((b) => !actors.has(b.actor.text))
          .map((b) => ({ ...b, body: { ...b.body, items: keep(b.body.items, lost, actors) } }))
          .filter((b) => b.body.items.length);
        return branches.length ? [{ ...item, branches }] : [];
      }
      default:
        return [item];
    }
  });
}

function needs(item: ItemSyntax, names: ReadonlySet<string>, actors: ReadonlySet<string>): boolean {
  if ("actor" in item && item.actor && actors.has(item.actor.text)) return true;
  switch (item.kind) {
    case "thread":
      return actors.has(item.of.text);
    case "call":
      return mentions(item.call, names, actors);
    case "claim":
      return mentions(item.expr, names, actors);
    default:
      return false;
  }
}

function mentions(expr: ExprSyntax, names: ReadonlySet<string>, actors: ReadonlySet<string>): boolean {
  switch (expr.kind) {
    case "word":
      return names.has(expr.text) || actors.has(expr.text);
    case "field":
      return mentions(expr.of, names, actors);
    case "call":
      return expr.args.some((a) => mentions(a.value, names, actors));
    case "list":
      return expr.items.some((i) => mentions(i, names, actors));
    case "not":
      return mentions(expr.operand, names, actors);
    case "paren":
      return mentions(expr.inner, names, actors);
    case "binary":
      return mentions(expr.left, names, actors) || mentions(expr.right, names, actors);
    default:
      return false;
  }
}

// --- blocks

/** The lines of a `faults` or scope block in its place, and a `parallel` with one branch as plain lines. */
function* flatter(file: FileSyntax): Generator<FileSyntax> {
  for (const [i, item] of file.items.entries()) {
    const splice = (items: readonly ItemSyntax[]): FileSyntax => ({
      ...file,
      items: [...file.items.slice(0, i), ...items, ...file.items.slice(i + 1)],
    });
    if (item.kind === "faults") {
      const flat = splice(
        item.body.items.map(
          (inner) =>
            ("actor" in inner || inner.kind === "call" ? { ...inner, actor: item.actor } : inner) as ItemSyntax,
        ),
      );
      yield item.bind ? without(flat, dependents(flat, item.bind.text)) : flat;
    } else if (item.kind === "scope") {
      yield splice(item.body.items);
    } else if (item.kind === "parallel" && item.branches.length === 1) {
      const { actor, body } = item.branches[0];
      yield splice(
        body.items.map((inner) =>
          inner.kind === "call" || inner.kind === "faults"
            ? { ...inner, actor: actor.text === "A" ? undefined : actor }
            : inner,
        ),
      );
    }
  }
}

function dependents(file: FileSyntax, name: string): Set<ItemSyntax> {
  const names = new Set([name]);
  return new Set([...allItems(file.items)].filter((item) => needs(item, names, new Set())));
}

// --- arguments

function* smallerCalls(file: FileSyntax): Generator<FileSyntax> {
  for (const item of allItems(file.items)) {
    if (item.kind === "claim" && item.expr.kind === "binary" && (item.expr.op === "and" || item.expr.op === "or")) {
      for (const expr of [item.expr.left, item.expr.right])
        yield { ...file, items: replace(file.items, item, { ...item, expr }) };
    }
    if (item.kind !== "call") continue;
    if (item.actor) yield { ...file, items: replace(file.items, item, { ...item, actor: undefined }) };
    for (const call of smallerCall(item.call)) {
      yield { ...file, items: replace(file.items, item, { ...item, call }) };
    }
  }
}

function replace(items: readonly ItemSyntax[], old: ItemSyntax, by: ItemSyntax): ItemSyntax[] {
  return items.map((item): ItemSyntax => {
    if (item === old) return by;
    switch (item.kind) {
      case "faults":
      case "scope":
        return { ...item, body: { ...item.body, items: replace(item.body.items, old, by) } };
      case "parallel":
        return {
          ...item,
          branches: item.branches.map((b) => ({ ...b, body: { ...b.body, items: replace(b.body.items, old, by) } })),
        };
      default:
        return item;
    }
  });
}

function* smallerCall(call: CallSyntax): Generator<CallSyntax> {
  const { args } = call;
  // The parser says whether what is left is enough.
  for (let i = args.length - 1; i >= 0; i--) {
    if (args[i].name || i === args.length - 1) yield { ...call, args: args.filter((_, j) => j !== i) };
  }
  for (const [i, arg] of args.entries()) {
    for (const value of smaller(arg.value)) {
      const changed: ArgSyntax = { ...arg, value };
      yield { ...call, args: args.map((a, j) => (j === i ? changed : a)) };
    }
  }
}

/** Simpler values of the same kind, the simplest first; never one that could lead back. */
function* smaller(expr: ExprSyntax): Generator<ExprSyntax> {
  switch (expr.kind) {
    case "number": {
      const value = bytesOf(expr.text);
      for (const text of ["0", "1", "4K"]) {
        const less = bytesOf(text)!;
        if (value === undefined || value < 0 || value > less) yield { ...expr, text };
      }
      if (value !== undefined && value > 8192 && value % 8192 === 0) yield { ...expr, text: `${value / 2048}K` };
      break;
    }
    case "binary":
      yield expr.left;
      for (const right of smaller(expr.right)) yield { ...expr, right };
      break;
    case "word":
      // Anonymous memory needs no buffer; where it does not fit, the checker says so.
      if (expr.text !== "anon") yield { ...expr, text: "anon" };
      break;
    case "union":
      for (const word of expr.words) {
        const rest = expr.words.filter((w) => w !== word);
        yield rest.length === 1 ? rest[0] : { ...expr, words: rest };
      }
      break;
    case "string":
      if (expr.value.length > 1) yield { ...expr, value: expr.value.slice(0, expr.value.length >> 1) };
      break;
    case "list":
      for (const item of expr.items) {
        if (expr.items.length > 1 && item.kind === "list")
          yield { ...expr, items: expr.items.filter((i) => i !== item) };
      }
      for (const [i, item] of expr.items.entries()) {
        for (const value of smaller(item))
          yield { ...expr, items: expr.items.map((old, j) => (j === i ? value : old)) };
      }
      break;
    default:
      break;
  }
}

function bytesOf(text: string): number | undefined {
  const meaning = numberMeaning(text);
  if (meaning.kind === "int" && typeof meaning.value === "number") return meaning.value;
  if (meaning.kind === "pages") return meaning.count * 4096;
  return undefined;
}
