/**
 * Arguments: which parameter each one is for, and whether it is of its type. Gives every
 * parameter of the operation, defaults filled in, or a diagnostic and nothing.
 */
import { operation } from "../operations/index.js";
import type { OperationName, Param, ParamType } from "../operations/index.js";
import type { Argument, Span } from "../test.js";
import type { DiagnosticCode } from "./diagnostic.js";
import { didYouMean, nearest } from "./nearest.js";
import { outOfBounds } from "./bounds.js";
import { numberMeaning } from "./numbers.js";
import { classOf } from "./scene.js";
import type { Binding, Scene, Type } from "./scene.js";
import { defaultArgument, describeParam, handleNames, signature, wordsOf } from "./signature.js";
import type { ArgSyntax, CallSyntax, ExprSyntax, FieldSyntax, WordSyntax } from "./syntax.js";
import { isFailure } from "./words.js";
import { writeExpr } from "./write.js";

export type Report = (code: DiagnosticCode, message: string, span: Span, hint?: string, severity?: "warning") => void;

/** Names that mean much the same, for `did you mean` where no letters agree. */
const kin: readonly (readonly string[])[] = [
  ["size", "length", "len", "bytes", "new_length", "old_length", "count"],
  ["address", "addr", "va", "ptr", "start"],
  ["fd", "object", "buf", "buffer", "memfd", "dmabuf", "file"],
  ["offset", "off", "pos", "pgoff"],
  ["prot", "protection", "access", "mode", "perm"],
  ["sharing", "flags", "share", "map_flags"],
  ["at", "to", "fixed", "hint"],
  ["of", "pid", "process", "target", "actor"],
];

/** Resolves the arguments of one call by one actor. Undefined when something was reported. */
export class ArgumentChecker {
  private readonly scene: Scene;
  private readonly report: Report;

  constructor(scene: Scene, report: Report) {
    this.scene = scene;
    this.report = report;
  }

  resolve(op: OperationName, call: CallSyntax, actor: string): Record<string, Argument> | undefined {
    if (call.torn) return undefined;
    const params = operation(op).params;
    const given = this.assign(op, call, params);
    if (!given) return undefined;
    const hint = signature(op);
    let good = given.complete;
    const args: Record<string, Argument> = {};
    // `of: B` decides whose address space the addresses belong to.
    const of = params.of && given.byName.get("of");
    const named = of && of.value.kind === "word" ? this.scene.actor(of.value.text) : undefined;
    const owner = named && classOf(named.kind) === "process" && this.scene.exists(named.name) ? named.name : actor;
    for (const name in params) {
      const param = params[name];
      const arg = given.byName.get(name);
      if (!arg) {
        const filled = defaultArgument(param);
        if (filled) args[name] = filled;
        continue;
      }
      const value = this.value(arg.value, param.type, { op, actor, owner, hint, param: name });
      if (value) args[name] = value;
      else good = false;
    }
    for (const name in params) {
      const arg = given.byName.get(name);
      if (good && arg && !this.withinBounds(op, name, args, arg.value.span)) good = false;
    }
    return good ? args : undefined;
  }

  /** Whether a bounded integer is inside of its range, as far as it is known without running anything. */
  private withinBounds(op: OperationName, name: string, args: Record<string, Argument>, span: Span): boolean {
    const outside = outOfBounds(operation(op).params[name].type, args[name], args);
    if (outside !== undefined) this.report("argument-type", `'${name}' of ${op}() ${outside}`, span, signature(op));
    return outside === undefined;
  }

  /** Pairs arguments with parameters. Positional ones fill the parameters that are not named, in order. */
  private assign(
    op: OperationName,
    call: CallSyntax,
    params: Readonly<Record<string, Param>>,
  ): { byName: Map<string, ArgSyntax>; complete: boolean } | undefined {
    const names = Object.keys(params);
    const hint = signature(op);
    const byName = new Map<string, ArgSyntax>();
    let complete = true;
    for (const arg of call.args) {
      if (!arg.name) continue;
      const name = arg.name.text;
      if (name in params && Object.hasOwn(params, name)) {
        if (byName.has(name)) {
          this.report("argument-twice", `${op}() is given '${name}' twice`, arg.name.span, hint);
          complete = false;
        } else byName.set(name, arg);
      } else {
        const free = names.filter((n) => !call.args.some((a) => a.name?.text === n));
        const meant = nearest(name, free) ?? kinOf(name, free);
        this.report(
          "unknown-parameter",
          `${op}() has no argument '${name}'${meant ? `; did you mean '${meant}'?` : ""}`,
          arg.name.span,
          hint,
        );
        complete = false;
        // What was meant counts as given, so that nothing else is said about it.
        if (meant) byName.set(meant, arg);
        else return undefined;
      }
    }
    let next = 0;
    const positional = call.args.filter((a) => !a.name);
    for (const arg of positional) {
      while (next < names.length && byName.has(names[next])) next++;
      if (next === names.length) {
        const most =
          names.length === 0
            ? "no arguments"
            : names.length === 1
              ? "one argument"
              : `at most ${names.length} arguments`;
        this.report("too-many-arguments", `${op}() takes ${most}`, arg.span, hint);
        return undefined;
      }
      byName.set(names[next], arg);
    }
    const missing = names.find((n) => !byName.has(n) && params[n].default === undefined);
    if (missing !== undefined) {
      if (!complete) return { byName, complete };
      const shifted = this.shifted(op, positional, names, byName, params);
      if (shifted) return undefined;
      this.report(
        "missing-argument",
        `${op}() needs '${missing}', ${describeParam(params[missing].type)}`,
        call.op.span,
        hint,
      );
      return undefined;
    }
    return { byName, complete };
  }

  /** `mmap(buf, rw, shared)`: says that the length is missing, not that rw is none. */
  private shifted(
    op: OperationName,
    positional: readonly ArgSyntax[],
    names: readonly string[],
    byName: Map<string, ArgSyntax>,
    params: Readonly<Record<string, Param>>,
  ): boolean {
    for (const arg of positional) {
      const words =
        arg.value.kind === "word"
          ? [arg.value.text]
          : arg.value.kind === "union"
            ? arg.value.words.map((w) => w.text)
            : undefined;
      if (!words || this.scene.bindings.has(words[0])) continue;
      const at = names.findIndex((n) => byName.get(n) === arg);
      const own = wordsOf(params[names[at]].type);
      if (own && words.every((w) => w in own)) continue;
      const later = names.slice(at + 1).find((n) => {
        const theirs = wordsOf(params[n].type);
        return theirs && words.every((w) => w in theirs);
      });
      if (later === undefined) continue;
      this.report(
        "missing-argument",
        `${op}() needs '${names[at]}', ${describeParam(params[names[at]].type)}, before '${writeExpr(arg.value)}'`,
        arg.span,
        signature(op),
      );
      return true;
    }
    return false;
  }

  private value(expr: ExprSyntax, type: ParamType, use: Use): Argument | undefined {
    if (expr.kind === "broken") return undefined;
    if (expr.kind === "call" || (expr.kind === "field" && expr.of.kind === "call")) {
      const inner = expr.kind === "call" ? expr : expr.of;
      const name = inner.kind === "call" ? inner.op.text : "";
      this.report(
        "nested-call",
        `a call cannot be an argument; give the result of ${name}() a name on a line of its own`,
        inner.span,
        `x = ${writeExpr(expr)}`,
      );
      return undefined;
    }
    if (expr.kind === "paren") return this.value(expr.inner, type, use);
    switch (type.kind) {
      case "optional":
        if (expr.kind === "word" && expr.text === "none") return { kind: "words", words: [] };
        return this.value(expr, type.of, { ...use, optional: true });
      case "word":
      case "flags":
        return this.words(expr, type, use);
      case "string":
        if (expr.kind === "string") return { kind: "string", value: expr.value };
        return this.wrong(expr, type, use, expr.kind === "word" ? `; a string is written "${expr.text}"` : "");
      case "actor":
        return this.actorName(expr, use);
      case "tuples":
        return this.tuples(expr, type, use);
      case "object":
        if (expr.kind === "word" && expr.text in type.words) return { kind: "words", words: [expr.text] };
        return this.resource(expr, type, use);
      default:
        return this.resource(expr, type, use);
    }
  }

  // --- words

  private words(
    expr: ExprSyntax,
    type: Extract<ParamType, { kind: "word" | "flags" }>,
    use: Use,
  ): Argument | undefined {
    const hint = (): string => `${use.param}: ${Object.keys(type.words).join(type.kind === "flags" ? " | " : ", ")}`;
    const words = expr.kind === "word" ? [expr] : expr.kind === "union" ? expr.words : undefined;
    if (!words) {
      this.wrong(expr, type, use, "", hint());
      return undefined;
    }
    if (type.kind === "word" && words.length > 1) {
      this.report("argument-type", `'${use.param}' of ${use.op}() is one word, not several`, expr.span, hint());
      return undefined;
    }
    if (type.kind === "flags" && words.length === 1 && words[0].text === "none") return { kind: "words", words: [] };
    const result: string[] = [];
    for (const word of words) {
      if (!Object.hasOwn(type.words, word.text)) {
        this.unknownWord(word, Object.keys(type.words), use, hint());
        return undefined;
      }
      if (!result.includes(word.text)) result.push(word.text);
    }
    return { kind: "words", words: result };
  }

  private unknownWord(word: WordSyntax, known: readonly string[], use: Use, hint: string): void {
    const bound = this.scene.bindings.get(word.text);
    if (word.text === "none") {
      this.report("unknown-word", "'none' stands alone", word.span, hint);
    } else if (bound && !nearest(word.text, known)) {
      this.report(
        "argument-type",
        `'${use.param}' of ${use.op}() is a word, not ${describeBinding(bound)}`,
        word.span,
        hint,
      );
    } else {
      this.report(
        "unknown-word",
        `'${word.text}' is no word for '${use.param}' of ${use.op}()${didYouMean(word.text, known)}`,
        word.span,
        hint,
      );
    }
  }

  private actorName(expr: ExprSyntax, use: Use): Argument | undefined {
    if (expr.kind !== "word") {
      this.wrong(expr, { kind: "actor" }, use);
      return undefined;
    }
    const actor = this.scene.actor(expr.text);
    if (!actor) {
      const processes = this.scene.actors.filter((a) => classOf(a.kind) === "process").map((a) => a.name);
      if (this.scene.bindings.has(expr.text)) this.wrong(expr, { kind: "actor" }, use);
      else if (this.scene.complainOfActor(expr.text))
        this.report(
          "unknown-actor",
          `there is no process '${expr.text}'${didYouMean(expr.text, processes)}`,
          expr.span,
          `process ${expr.text}`,
        );
      return undefined;
    }
    if (classOf(actor.kind) !== "process") {
      this.report(
        "argument-type",
        `${actor.name} is ${actorNoun(actor.kind)}; '${use.param}' of ${use.op}() is a process`,
        expr.span,
        use.hint,
      );
      return undefined;
    }
    if (!this.scene.exists(actor.name)) {
      this.report("actor-not-there", `${actor.name} does not exist yet`, expr.span);
      return undefined;
    }
    const ended = this.scene.endedOn(actor.name);
    if (ended !== undefined) {
      this.report("actor-not-there", `${actor.name} ended on line ${ended}`, expr.span);
      return undefined;
    }
    return { kind: "words", words: [actor.name] };
  }

  private tuples(expr: ExprSyntax, type: Extract<ParamType, { kind: "tuples" }>, use: Use): Argument | undefined {
    if (expr.kind !== "list") {
      this.wrong(expr, type, use);
      return undefined;
    }
    const items: Argument[] = [];
    for (const tuple of expr.items) {
      if (tuple.kind !== "list") {
        this.wrong(tuple, type, use);
        return undefined;
      }
      if (tuple.items.length !== type.of.length) {
        this.report(
          "argument-type",
          `this one has ${tuple.items.length} of the ${type.of.length} values of ` +
            `[${type.of.map((t) => t.name).join(", ")}]`,
          tuple.span,
          use.hint,
        );
        return undefined;
      }
      const values: Argument[] = [];
      for (let i = 0; i < type.of.length; i++) {
        const value = this.value(tuple.items[i], type.of[i].type, { ...use, param: type.of[i].name });
        if (!value) return undefined;
        values.push(value);
      }
      items.push({ kind: "list", items: values });
    }
    return { kind: "list", items };
  }

  // --- numbers, addresses, descriptors, handles

  private resource(expr: ExprSyntax, type: ParamType, use: Use): Argument | undefined {
    const operand = this.operand(expr, type, use);
    if (!operand) return undefined;
    if (operand.type.kind === "unknown") return undefined;
    if (!this.fits(operand, type, use)) {
      this.wrong(expr, type, use);
      return undefined;
    }
    if (type.kind === "size" && operand.literal && isNegative(operand.argument)) {
      this.report(
        "argument-type",
        `a size is not negative; 2^64 - 1 is written 0xffffffffffffffff`,
        expr.span,
        use.hint,
      );
      return undefined;
    }
    return operand.argument;
  }

  private operand(expr: ExprSyntax, type: ParamType, use: Use): Operand | undefined {
    switch (expr.kind) {
      case "number": {
        const meaning = numberMeaning(expr.text);
        if (meaning.kind === "bad") return undefined;
        return { argument: meaning, type: { kind: "number" }, literal: true };
      }
      case "word":
        return this.reference(expr, undefined, type, use);
      case "field":
        return this.field(expr, type, use);
      case "paren":
        return this.operand(expr.inner, type, use);
      case "binary": {
        if (expr.op !== "+" && expr.op !== "-") break;
        const left = this.operand(expr.left, type, use);
        const right = this.operand(expr.right, type, use);
        if (!left || !right) return undefined;
        const sum = sumType(expr.op, left.type, right.type);
        if (!sum) {
          const bad = left.type.kind !== "number" && left.type.kind !== "address" ? expr.left : expr.right;
          this.report(
            "argument-type",
            `'${writeExpr(expr)}' adds up to nothing; an address takes numbers`,
            bad.span,
            use.hint,
          );
          return undefined;
        }
        return {
          argument: { kind: "sum", op: expr.op, left: left.argument, right: right.argument },
          type: sum,
          literal: left.literal && right.literal,
        };
      }
      default:
        break;
    }
    this.wrong(expr, type, use);
    return undefined;
  }

  private reference(word: WordSyntax, field: string | undefined, type: ParamType, use: Use): Operand | undefined {
    const bound = this.scene.bindings.get(word.text);
    if (!bound) {
      const words = wordsOf(type);
      const candidates = [...(words ? Object.keys(words) : []), ...this.scene.bindings.keys()];
      const other = word.text === "none" || isFailure(word.text) || this.scene.actor(word.text);
      if (other)
        this.report(
          "argument-type",
          `'${use.param}' of ${use.op}() is ${describeParam(type)}, not '${word.text}'`,
          word.span,
          use.hint,
        );
      else if (word.text.includes("-") && word.text.split("-").every((piece) => this.scene.bindings.has(piece))) {
        this.report("unknown-name", `nothing binds '${word.text}'; a difference has spaces around its '-'`, word.span);
      } else {
        const guess = didYouMean(word.text, candidates);
        if (this.scene.complainOf(word.text, use.actor, word.span))
          this.report("unknown-name", `nothing binds '${word.text}'${guess}`, word.span, use.hint);
      }
      return undefined;
    }
    if (bound.type.kind === "unknown")
      return { argument: { kind: "ref", name: word.text, field }, type: bound.type, literal: false };
    if (this.scene.races(bound)) {
      this.report("race", `'${word.text}' is bound by ${bound.where!.actor}, which runs at the same time`, word.span);
      return undefined;
    }
    this.checkUse(word, bound, type, use);
    return {
      argument: field === undefined ? { kind: "ref", name: word.text } : { kind: "ref", name: word.text, field },
      type: bound.type,
      literal: false,
    };
  }

  private field(expr: FieldSyntax, type: ParamType, use: Use): Operand | undefined {
    if (expr.of.kind !== "word") return undefined;
    const operand = this.reference(expr.of, expr.field.text, type, use);
    if (!operand || operand.type.kind === "unknown") return operand;
    const record = fieldType(operand.type, expr.of.text, expr.field.text, expr.field.span, this.report);
    return record && { ...operand, type: record };
  }

  /** Whether the actor may use it, and whether it is still there. */
  private checkUse(word: WordSyntax, bound: Binding, wanted: ParamType, use: Use): void {
    const { scene } = this;
    const kind = bound.type.kind;
    const caller = scene.actor(use.actor);
    if (caller && classOf(caller.kind) === "process") {
      if (kind === "descriptor" && use.op !== "receive" && !scene.isKnownTo(bound.name, use.actor)) {
        this.report(
          "foreign-descriptor",
          `'${bound.name}' is a descriptor of ${bound.actor}; ${use.actor} has to receive it first`,
          word.span,
          `${use.actor}: fd = receive(${bound.name})`,
        );
        return;
      }
      if (kind === "address" && !use.optional && wanted.kind === "address" && !scene.isKnownTo(bound.name, use.owner)) {
        const of = "of" in operation(use.op).params ? `; did you mean 'of: ${scene.space(bound.actor)}'?` : "";
        this.report(
          "foreign-address",
          `'${bound.name}' is an address in ${scene.space(bound.actor)}, not in ${scene.space(use.owner)}${of}`,
          word.span,
          undefined,
          "warning",
        );
      }
    }
    const holder = kind === "descriptor" && use.op === "receive" ? bound.actor : use.actor;
    const given = scene.givenOn(bound.name, holder);
    if (given !== undefined && (kind === "descriptor" || kind === "handle")) {
      this.report("consumed", `'${bound.name}' was given back on line ${given}`, word.span, undefined, "warning");
    }
  }

  private fits(operand: Operand, type: ParamType, use: Use): boolean {
    const { type: is, literal } = operand;
    switch (type.kind) {
      case "descriptor":
        if (type.madeBy !== undefined) return is.kind === "descriptor" && is.madeBy === type.madeBy;
        return is.kind === "descriptor" || (literal && is.kind === "number" && operand.argument.kind === "int");
      case "object":
        return is.kind === "descriptor" || (literal && is.kind === "number" && operand.argument.kind === "int");
      case "buffer":
        return (
          is.kind === "descriptor" ||
          (is.kind === "handle" && is.of === "gem") ||
          (literal && operand.argument.kind === "int")
        );
      case "address": {
        if (literal && is.kind === "number") return true;
        const caller = this.scene.actor(use.actor);
        const inKernel = !!caller && classOf(caller.kind) !== "process";
        // The kernel's CPU does not reach into a process by plain loads and stores.
        if (is.kind === "address") return !(inKernel && (use.op === "load" || use.op === "store"));
        return is.kind === "handle" && is.of === "kernel-map" && inKernel;
      }
      case "size":
      case "integer":
      case "bounded":
        return is.kind === "number";
      case "handle":
        return is.kind === "handle" && (is.of === type.of || is.of === type.or);
      default:
        return false;
    }
  }

  private wrong(expr: ExprSyntax, type: ParamType, use: Use, more = "", hint = use.hint): undefined {
    this.report(
      "argument-type",
      `'${use.param}' of ${use.op}() is ${describeParam(type)}, not ${this.describe(expr)}${more}`,
      expr.span,
      hint,
    );
    return undefined;
  }

  private describe(expr: ExprSyntax): string {
    switch (expr.kind) {
      case "number":
        return "a number";
      case "string":
        return "a string";
      case "list":
        return "a list";
      case "word": {
        const bound = this.scene.bindings.get(expr.text);
        return bound ? describeBinding(bound) : `'${expr.text}'`;
      }
      case "field":
        return `'${writeExpr(expr)}'`;
      default:
        return `'${writeExpr(expr)}'`;
    }
  }
}

interface Use {
  readonly op: OperationName;
  readonly actor: string;
  /** The actor whose address space addresses belong to. */
  readonly owner: string;
  readonly param: string;
  readonly hint: string;
  /** An address that is only wished for: `at`, `to`. */
  readonly optional?: boolean;
}

interface Operand {
  readonly argument: Argument;
  readonly type: Type;
  /** Made of numbers only. */
  readonly literal: boolean;
}

/** The type of a record's field; reports what is no record or has no such field. */
export function fieldType(type: Type, name: string, field: string, span: Span, report: Report): Type | undefined {
  if (type.kind !== "record") {
    report("unknown-field", `'${name}' is ${describeType(type)} and has no fields`, span);
    return undefined;
  }
  if (!Object.hasOwn(type.fields, field)) {
    const known = Object.keys(type.fields);
    report(
      "unknown-field",
      `${type.op}() has no field '${field}'${didYouMean(field, known)}`,
      span,
      `${type.op}: ${known.join(", ")}`,
    );
    return undefined;
  }
  return { kind: type.fields[field].kind };
}

export function describeType(type: Type): string {
  switch (type.kind) {
    case "status":
      return "a status (ok or an errno)";
    case "descriptor":
      return type.of ? `a descriptor (${type.of})` : "a descriptor";
    case "address":
      return "an address";
    case "number":
      return type.unit ? `a number (${type.unit})` : "a number";
    case "flags":
      return "a set of flags";
    case "word":
      return "a word";
    case "text":
      return "a text";
    case "handle":
      return handleNames[type.of];
    case "record":
      return `a record of ${type.op}()`;
    case "unknown":
      return "unknown";
  }
}

export function actorNoun(kind: string): string {
  return kind === "driver"
    ? "a driver"
    : kind === "kernel"
      ? "the kernel itself"
      : kind === "thread"
        ? "a thread"
        : "a process";
}

function describeBinding(bound: Binding): string {
  return `'${bound.name}', ${describeType(bound.type)} of line ${bound.span.line}`;
}

function kinOf(name: string, free: readonly string[]): string | undefined {
  for (const family of kin) {
    if (family.includes(name)) {
      const found = free.find((f) => family.includes(f));
      if (found) return found;
    }
  }
  return undefined;
}

function sumType(op: "+" | "-", left: Type, right: Type): Type | undefined {
  if (left.kind === "unknown" || right.kind === "unknown") return { kind: "unknown" };
  const map = (t: Type): boolean => t.kind === "handle" && t.of === "kernel-map";
  const number = left.kind === "number" && right.kind === "number";
  if (number) return { kind: "number" };
  if ((left.kind === "address" || map(left)) && right.kind === "number") return left;
  if (op === "+" && left.kind === "number" && (right.kind === "address" || map(right))) return right;
  if (op === "-" && left.kind === "address" && right.kind === "address") return { kind: "number" };
  return undefined;
}

function isNegative(argument: Argument): boolean {
  return (
    (argument.kind === "int" && String(argument.value).startsWith("-")) ||
    (argument.kind === "pages" && argument.count < 0)
  );
}
