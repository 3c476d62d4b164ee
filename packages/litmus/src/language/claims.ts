/**
 * Claims: what their words mean, whether the two sides of a comparison can be compared,
 * and which observers have to be taken for them.
 */
import { operation, operations } from "../operations/index.js";
import type { OperationName } from "../operations/index.js";
import type { CallStep, Claim, Comparison, Expression, Observer, Scope, Span } from "../test.js";
import { ArgumentChecker, describeType, fieldType } from "./arguments.js";
import type { Report } from "./arguments.js";
import { didYouMean } from "./nearest.js";
import { numberMeaning } from "./numbers.js";
import { classOf } from "./scene.js";
import type { Scene, Type } from "./scene.js";
import { resultTypeOf } from "./results.js";
import type { BinarySyntax, CallSyntax, ClaimSyntax, ExprSyntax, FieldSyntax, WordSyntax } from "./syntax.js";
import { errnoNames, flagWords, invariants, isFailure, signalNames } from "./words.js";
import { writeCall, writeExpr } from "./write.js";

/** What an expression of a claim is. */
type ClaimType =
  | Type
  | { readonly kind: "truth" }
  /** `ok`, `not_reached`, an errno, a signal: what any result may be compared with. */
  | { readonly kind: "verdict"; readonly word: string }
  | { readonly kind: "literal"; readonly zero: boolean }
  | { readonly kind: "string" }
  /** A word whose meaning depends on what it is compared with. */
  | { readonly kind: "loose"; readonly word: WordSyntax }
  | { readonly kind: "list"; readonly items: readonly Typed[]; readonly words: boolean };

interface Typed {
  readonly expr: Expression;
  readonly type: ClaimType;
  readonly syntax: ExprSyntax;
}

export class ClaimChecker {
  readonly claims: Claim[] = [];
  private readonly observers = new Map<string, { key: string; call: CallStep; fields: string[]; scopes: Scope[] }>();
  private readonly scene: Scene;
  private readonly report: Report;
  private readonly args: ArgumentChecker;
  /** Of the claim that is being read. */
  private actor: string | undefined;
  private scope: Scope = [];

  constructor(scene: Scene, report: Report) {
    this.scene = scene;
    this.report = report;
    this.args = new ArgumentChecker(scene, report);
  }

  get taken(): Observer[] {
    return [...this.observers.values()];
  }

  claim(syntax: ClaimSyntax, actor: string | undefined, scope: Scope): void {
    this.actor = actor;
    this.scope = scope;
    const expr = this.invariant(syntax) ?? this.truth(syntax.expr, syntax.claim);
    if (!expr) return;
    const text = writeExpr(syntax.expr);
    this.claims.push({
      kind: syntax.claim,
      expr,
      text: actor === undefined ? text : `${actor}: ${text}`,
      scope,
      span: syntax.span,
    });
  }

  /** `never use-after-free`. */
  private invariant(syntax: ClaimSyntax): Expression | undefined {
    if (syntax.claim !== "never" && syntax.claim !== "sometimes") return undefined;
    const word = bare(syntax.expr);
    if (word.kind !== "word" || this.scene.bindings.has(word.text)) return undefined;
    if (Object.hasOwn(invariants, word.text)) return { kind: "invariant", name: word.text };
    return undefined;
  }

  private truth(syntax: ExprSyntax, claim: string): Expression | undefined {
    const typed = this.typed(syntax);
    if (!typed || typed.type.kind === "unknown") return undefined;
    if (typed.type.kind === "truth") return typed.expr;
    if (typed.type.kind === "loose") {
      const { word } = typed.type;
      if (claim === "never" || claim === "sometimes") {
        const known = Object.keys(invariants);
        this.report(
          "unknown-word",
          `'${word.text}' is no invariant${didYouMean(word.text, known)}`,
          word.span,
          `invariants: ${known.join(", ")}`,
        );
      } else this.unknownWord(word);
      return undefined;
    }
    const example = typed.type.kind === "number" || typed.type.kind === "literal" ? "== 0" : "== ok";
    this.report(
      "not-a-claim",
      `'${writeExpr(syntax)}' is ${describeClaimType(typed.type)}; a claim is true or false, as ` +
        `'${writeExpr(syntax)} ${example}' is`,
      syntax.span,
    );
    return undefined;
  }

  // --- expressions

  private typed(syntax: ExprSyntax): Typed | undefined {
    switch (syntax.kind) {
      case "broken":
        return undefined;
      case "paren": {
        const inner = this.typed(syntax.inner);
        return inner && { ...inner, syntax };
      }
      case "number": {
        const meaning = numberMeaning(syntax.text);
        if (meaning.kind === "bad") return undefined;
        return {
          expr: meaning,
          type: { kind: "literal", zero: meaning.kind === "int" && meaning.value === 0 },
          syntax,
        };
      }
      case "string":
        return { expr: { kind: "string", value: syntax.value }, type: { kind: "string" }, syntax };
      case "word":
        return this.word(syntax);
      case "union": {
        const items = syntax.words.map(
          (word): Typed => ({ expr: { kind: "word", word: word.text }, type: { kind: "loose", word }, syntax: word }),
        );
        return {
          expr: { kind: "list", items: items.map((i) => i.expr) },
          type: { kind: "list", items, words: true },
          syntax,
        };
      }
      case "list":
        return this.list(syntax.items, syntax);
      case "field":
        return this.field(syntax);
      case "call":
        return this.observer(syntax, undefined, syntax);
      case "not": {
        const operand = this.truth(syntax.operand, "expect");
        return operand && { expr: { kind: "not", operand }, type: { kind: "truth" }, syntax };
      }
      case "binary":
        return this.binary(syntax);
    }
  }

  private word(syntax: WordSyntax): Typed {
    const { text } = syntax;
    const bound = this.scene.bindings.get(text);
    if (bound) return { expr: { kind: "value", name: text }, type: bound.type, syntax };
    if (text === "ok" || text === "not_reached" || isFailure(text)) {
      return { expr: { kind: "word", word: text }, type: { kind: "verdict", word: text }, syntax };
    }
    return { expr: { kind: "word", word: text }, type: { kind: "loose", word: syntax }, syntax };
  }

  private list(items: readonly ExprSyntax[], syntax: ExprSyntax): Typed | undefined {
    const typed: Typed[] = [];
    let words = true;
    for (const item of items) {
      if (item.kind === "word") {
        // In a list, a word that could be a flag is not the name of a result.
        const found = this.word(item);
        const loose: Typed = {
          expr: { kind: "word", word: item.text },
          type: { kind: "loose", word: item },
          syntax: item,
        };
        typed.push(found.type.kind === "verdict" ? found : loose);
        if (found.type.kind === "verdict") words = false;
        continue;
      }
      const one = this.typed(item);
      if (!one) return undefined;
      if (one.type.kind !== "literal" && one.type.kind !== "string") {
        this.report("comparison-type", `a list holds words, numbers and strings, not '${writeExpr(item)}'`, item.span);
        return undefined;
      }
      words = false;
      typed.push(one);
    }
    return {
      expr: { kind: "list", items: typed.map((t) => t.expr) },
      type: { kind: "list", items: typed, words },
      syntax,
    };
  }

  private field(syntax: FieldSyntax): Typed | undefined {
    if (syntax.of.kind === "call") return this.observer(syntax.of, syntax.field, syntax);
    const name = syntax.of.text;
    const bound = this.scene.bindings.get(name);
    if (!bound) {
      const guess = didYouMean(name, this.scene.bindings.keys());
      if (this.scene.complainOf(name, "A", syntax.of.span))
        this.report("unknown-name", `nothing binds '${name}'${guess}`, syntax.of.span);
      return undefined;
    }
    const type =
      bound.type.kind === "unknown"
        ? bound.type
        : fieldType(bound.type, name, syntax.field.text, syntax.field.span, this.report);
    if (!type) return undefined;
    const known =
      bound.type.kind === "record" && type.kind === "flags"
        ? { ...type, words: flagWords(bound.type.op, syntax.field.text) }
        : type;
    return { expr: { kind: "value", name, field: syntax.field.text }, type: known, syntax };
  }

  private binary(syntax: BinarySyntax): Typed | undefined {
    const { op } = syntax;
    if (op === "and" || op === "or") {
      const left = this.truth(syntax.left, "expect");
      const right = this.truth(syntax.right, "expect");
      return left && right && { expr: { kind: "binary", op, left, right }, type: { kind: "truth" }, syntax };
    }
    let left = this.typed(syntax.left);
    let right = this.typed(syntax.right);
    if (!left || !right) return undefined;
    if (left.type.kind === "unknown" || right.type.kind === "unknown") {
      for (const { type } of [left, right])
        if (type.kind === "loose" && looksLikeFailure(type.word.text)) this.unknownWord(type.word);
      return { expr: left.expr, type: { kind: "unknown" }, syntax };
    }
    if (op === "+" || op === "-") {
      for (const side of [left, right]) {
        if (side.type.kind === "number" || side.type.kind === "literal") continue;
        if (side.type.kind === "loose") this.unknownWord(side.type.word);
        else
          this.report(
            "comparison-type",
            `'${writeExpr(side.syntax)}' is ${describeClaimType(side.type)}, not a number`,
            side.syntax.span,
          );
        return undefined;
      }
      return { expr: { kind: "binary", op, left: left.expr, right: right.expr }, type: { kind: "number" }, syntax };
    }
    if (op === "in") {
      const flags = right.type.kind === "flags" ? right.type : undefined;
      if (flags && left.syntax.kind === "word")
        left = { ...left, expr: { kind: "word", word: left.syntax.text }, type: { kind: "loose", word: left.syntax } };
      if (!this.membership(left, right)) return undefined;
      if (flags) left = this.asFlags(left, flags, false);
    } else {
      if (!this.comparable(op, left, right)) return undefined;
      if (left.type.kind === "flags") right = this.asFlags(right, left.type, true);
      else if (right.type.kind === "flags") left = this.asFlags(left, right.type, true);
    }
    return { expr: { kind: "binary", op, left: left.expr, right: right.expr }, type: { kind: "truth" }, syntax };
  }

  /** Words beside flags are a set; warns of unknown ones. */
  private asFlags(side: Typed, flags: Extract<Type, { kind: "flags" }>, whole: boolean): Typed {
    const words =
      side.type.kind === "loose"
        ? [side.type.word]
        : side.type.kind === "list"
          ? side.type.items.flatMap((i) => (i.type.kind === "loose" ? [i.type.word] : []))
          : undefined;
    if (!words) return side;
    if (words.length === 1 && words[0].text === "none") return { ...side, expr: { kind: "list", items: [] } };
    for (const word of words) {
      if (flags.words && !flags.words.includes(word.text)) {
        this.report(
          "unknown-flag",
          `no such flag is known: '${word.text}'${didYouMean(word.text, flags.words)}`,
          word.span,
          `known: ${flags.words.join(" ")}`,
          "warning",
        );
      }
    }
    return whole && side.type.kind === "loose" ? { ...side, expr: { kind: "list", items: [side.expr] } } : side;
  }

  private membership(left: Typed, right: Typed): boolean {
    if (right.type.kind === "flags") {
      if (left.type.kind === "loose" || (left.type.kind === "list" && left.type.words)) return true;
      this.report(
        "comparison-type",
        `'${writeExpr(left.syntax)}' is ${describeClaimType(left.type)}; what can be in a set of flags is a word`,
        left.syntax.span,
      );
      return false;
    }
    if (right.type.kind === "list") {
      if (left.type.kind === "flags" && right.type.items.some((item) => item.type.kind !== "verdict")) {
        this.report(
          "comparison-type",
          "a set of flags is compared with '=='; 'in' asks for one word",
          left.syntax.span,
        );
        return false;
      }
      return right.type.items.every((item) => this.comparable("==", left, item));
    }
    if (right.type.kind === "loose") this.unknownWord(right.type.word);
    else
      this.report(
        "comparison-type",
        `'${writeExpr(right.syntax)}' is ${describeClaimType(right.type)}; 'in' wants flags or a list`,
        right.syntax.span,
      );
    return false;
  }

  private comparable(op: Comparison, left: Typed, right: Typed): boolean {
    // Put the one that is certain first.
    if (isLoose(left.type) && !isLoose(right.type)) return this.comparable(mirror(op), right, left);
    const a = left.type;
    const b = right.type;
    const complain = (): false => {
      if (b.kind === "loose") this.looseBeside(b.word, a);
      else if (a.kind === "loose") this.unknownWord(a.word);
      else {
        const [from, to] = left.syntax.span.offset <= right.syntax.span.offset ? [left, right] : [right, left];
        const span: Span = { ...from.syntax.span, end: Math.max(from.syntax.span.end, to.syntax.span.end) };
        this.report(
          "comparison-type",
          `'${writeExpr(from.syntax)}' is ${describeClaimType(from.type)}, '${writeExpr(to.syntax)}' is ` +
            `${describeClaimType(to.type)}: they cannot be compared`,
          span,
        );
      }
      return false;
    };
    if (isNumber(a) && isNumber(b)) return true;
    if (op !== "==" && op !== "!=") {
      const odd = isNumber(a) ? right : left;
      if (odd.type.kind === "loose") return complain();
      this.report(
        "comparison-type",
        `'${writeExpr(odd.syntax)}' is ${describeClaimType(odd.type)}; only numbers have an order`,
        odd.syntax.span,
      );
      return false;
    }
    if (a.kind === "truth" || b.kind === "truth") return complain();
    if (a.kind === "verdict") return (b.kind !== "loose" && b.kind !== "list") || complain();
    if (b.kind === "verdict") return a.kind !== "list" || complain();
    if (a.kind === "literal" || b.kind === "literal") {
      const [literal, other] = a.kind === "literal" ? [a, b] : [b as Extract<ClaimType, { kind: "literal" }>, a];
      return (other.kind === "status" && literal.zero) || complain();
    }
    if (isResult(a) && isResult(b)) return true;
    if (a.kind === "flags")
      return b.kind === "flags" || b.kind === "loose" || (b.kind === "list" && b.words) || complain();
    if (b.kind === "flags") return (a.kind === "list" && a.words) || complain();
    if ((a.kind === "text" || a.kind === "string") && (b.kind === "text" || b.kind === "string")) return true;
    if (a.kind === "word" && (b.kind === "word" || b.kind === "loose")) return true;
    return complain();
  }

  /** A word that fits nothing beside a value of some type. */
  private looseBeside(word: WordSyntax, beside: ClaimType): void {
    if (beside.kind === "text")
      this.report("comparison-type", `a text is compared with a string: "${word.text}"`, word.span);
    else this.unknownWord(word);
  }

  private unknownWord(word: WordSyntax): void {
    const { text, span } = word;
    if (Object.hasOwn(invariants, text)) {
      this.report(
        "invariant-alone",
        `'${text}' is an invariant: it stands alone behind 'never' or 'sometimes'`,
        span,
        `never ${text}`,
      );
    } else if (this.scene.actor(text)) {
      this.report("unknown-name", `'${text}' is an actor, not a result`, span);
    } else if (looksLikeFailure(text) && text.startsWith("E")) {
      this.report("unknown-word", `no errno is called '${text}'${didYouMean(text, errnoNames)}`, span);
    } else if (looksLikeFailure(text)) {
      this.report("unknown-word", `no signal is called '${text}'${didYouMean(text, signalNames)}`, span);
    } else {
      const guess = didYouMean(text, [...this.scene.bindings.keys(), "ok", "not_reached", ...errnoNames]);
      if (this.scene.complainOf(text, "A", span)) this.report("unknown-name", `nothing binds '${text}'${guess}`, span);
    }
  }

  // --- observers

  private observer(
    call: CallSyntax,
    field: { text: string; span: Span } | undefined,
    syntax: ExprSyntax,
  ): Typed | undefined {
    const op = call.op.text;
    if (!Object.hasOwn(operations, op)) {
      const known = Object.keys(operations).filter((o) => operation(o as OperationName).subject === "observers");
      this.report(
        "unknown-operation",
        `unknown observer '${op}'${didYouMean(op, known)}`,
        call.op.span,
        `observers: ${known.join(", ")}`,
      );
      return undefined;
    }
    const name = op as OperationName;
    const shape = operation(name);
    if (shape.subject !== "observers") {
      this.report(
        "not-an-observer",
        `${op}() does something; a claim only looks. Give its result a name in a step`,
        call.op.span,
        `x = ${writeCall(call)}`,
      );
      return undefined;
    }
    const home = this.home(call);
    const actor = this.actor ?? home;
    const ended = this.scene.endedOn(actor);
    if (ended !== undefined) {
      this.report("actor-not-there", `${actor} ended on line ${ended}; claims look after the last step`, call.op.span);
      return undefined;
    }
    const args = this.args.resolve(name, call, actor);
    const result = resultTypeOf(name, args, this.scene);
    let type: ClaimType = result;
    const found = field && fieldType(result, `${op}()`, field.text, field.span, this.report);
    if (!args || (field && !found)) return undefined;
    if (field && found) {
      type = found.kind === "flags" ? { kind: "flags", words: flagWords(name, field.text) } : found;
    }
    const key = actor === home ? writeCall(call) : `${actor}: ${writeCall(call)}`;
    let entry = this.observers.get(key);
    if (!entry) {
      entry = { key, call: { kind: "call", actor, op: name, args, span: call.span }, fields: [], scopes: [] };
      this.observers.set(key, entry);
    }
    if (field && !entry.fields.includes(field.text)) entry.fields.push(field.text);
    if (!entry.scopes.some((s) => sameScope(s, this.scope))) entry.scopes.push(this.scope);
    return { expr: field ? { kind: "observer", key, field: field.text } : { kind: "observer", key }, type, syntax };
  }

  /** The default observer: the process that bound the object. */
  private home(call: CallSyntax): string {
    const refs = function* (expr: ExprSyntax): Generator<string> {
      if (expr.kind === "word") yield expr.text;
      else if (expr.kind === "field") yield* refs(expr.of);
      else if (expr.kind === "paren") yield* refs(expr.inner);
      else if (expr.kind === "binary") {
        yield* refs(expr.left);
        yield* refs(expr.right);
      }
    };
    for (const arg of call.args) {
      for (const name of refs(arg.value)) {
        const bound = this.scene.bindings.get(name);
        const actor = bound && this.scene.actor(bound.actor);
        if (
          bound &&
          actor &&
          (bound.type.kind === "address" || bound.type.kind === "descriptor") &&
          classOf(actor.kind) === "process"
        )
          return bound.actor;
      }
    }
    return "A";
  }
}

function sameScope(a: Scope, b: Scope): boolean {
  return a.length === b.length && a.every((c, i) => JSON.stringify(c) === JSON.stringify(b[i]));
}

function bare(expr: ExprSyntax): ExprSyntax {
  return expr.kind === "paren" ? bare(expr.inner) : expr;
}

const isLoose = (t: ClaimType): boolean => t.kind === "loose" || t.kind === "list";
const isNumber = (t: ClaimType): boolean => t.kind === "number" || t.kind === "literal";
/** Results that are `ok` or say why not. */
const isResult = (t: ClaimType): boolean =>
  t.kind === "status" || t.kind === "descriptor" || t.kind === "address" || t.kind === "handle" || t.kind === "record";

const looksLikeFailure = (text: string): boolean => /^(E[A-Z0-9]+|SIG[A-Z]+)$/.test(text);

function mirror(op: Comparison): Comparison {
  return op === "<" ? ">" : op === "<=" ? ">=" : op === ">" ? "<" : op === ">=" ? "<=" : op;
}

function describeClaimType(type: ClaimType): string {
  switch (type.kind) {
    case "truth":
      return "true or false";
    case "verdict":
      return type.word === "ok"
        ? "ok"
        : isFailure(type.word)
          ? signalNames.has(type.word)
            ? "a signal"
            : "an errno"
          : "a word";
    case "literal":
      return "a number";
    case "string":
      return "a string";
    case "loose":
      return "a word";
    case "list":
      return "a list";
    case "address":
      return "an address (ok or an errno)";
    case "descriptor":
      return "a descriptor (ok or an errno)";
    default:
      return describeType(type);
  }
}
