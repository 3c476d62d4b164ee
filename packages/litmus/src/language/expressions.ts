/**
 * The part of the parser that reads names, words, expressions and calls, by recursive descent:
 * one method for each level of binding.
 */
import type { Span } from "../test.js";
import { Cursor, deepest, join, plain } from "./cursor.js";
import { numberMeaning } from "./numbers.js";
import type { ArgSyntax, BinaryOp, CallSyntax, ExprSyntax, Name, WordSyntax } from "./syntax.js";
import { unquote } from "./tokens.js";
import type { Token } from "./tokens.js";

export const comparisons: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

export class ExpressionParser extends Cursor {
  protected name(what: string, hint?: string): Name {
    const t = this.token;
    if (t.kind !== "name") this.expected(what, hint);
    this.next();
    return { text: t.text, span: plain(t) };
  }

  /** Names joined by dashes that touch; `numbers`: also pieces that begin with a digit; `dots`: also dots. */
  protected dashed(what: string, numbers = false, dots = false): Name {
    const start = this.token;
    if (start.kind !== "name" && !(numbers && start.kind === "number")) this.expected(what);
    let last = this.next();
    for (;;) {
      const joint = this.token;
      const piece = this.peek();
      if (joint.kind !== "mark" || !(joint.text === "-" || (dots && joint.text === "."))) break;
      if (!this.touches(last, joint) || !this.touches(joint, piece)) break;
      if (piece.kind !== "name" && !(numbers && piece.kind === "number")) break;
      this.at++;
      last = this.next();
    }
    return { text: this.text.slice(start.offset, last.end), span: this.spanFrom(start) };
  }

  // --- expressions, by how tightly they bind: or, and, not, comparison, + -, |

  protected expression(): ExprSyntax {
    this.enter();
    try {
      let left = this.conjunction();
      for (let n = 0; this.isWord("or"); n++) left = this.binary(left, "or", () => this.conjunction(), n);
      return left;
    } finally {
      this.depth--;
    }
  }

  protected conjunction(): ExprSyntax {
    let left = this.negation();
    for (let n = 0; this.isWord("and"); n++) left = this.binary(left, "and", () => this.negation(), n);
    return left;
  }

  protected negation(): ExprSyntax {
    if (!this.isWord("not")) return this.comparison();
    this.enter();
    try {
      const start = this.next();
      const operand = this.negation();
      return { kind: "not", operand, span: join(start, operand.span) };
    } finally {
      this.depth--;
    }
  }

  protected comparison(): ExprSyntax {
    const left = this.sum();
    const t = this.token;
    if ((t.kind === "mark" && comparisons.has(t.text)) || (t.kind === "name" && t.text === "in")) {
      const result = this.binary(left, t.text as BinaryOp, () => this.sum());
      const again = this.token;
      if (again.kind === "mark" && comparisons.has(again.text)) {
        this.fail("expected", "comparisons do not chain; join two with 'and'", again);
      }
      return result;
    }
    return left;
  }

  protected sum(): ExprSyntax {
    let left = this.primary();
    for (let n = 0; ; n++) {
      const t = this.token;
      if (t.kind !== "mark" || (t.text !== "+" && t.text !== "-")) return left;
      left = this.binary(left, t.text, () => this.primary(), n);
    }
  }

  /** @param links how many of these stand before it: a chain is as deep a tree as brackets make */
  protected binary(left: ExprSyntax, op: BinaryOp, operand: () => ExprSyntax, links = 0): ExprSyntax {
    if (links > deepest) this.fail("expected", "this goes on for too long", this.token);
    this.next();
    this.skipNewlines();
    const right = operand();
    return { kind: "binary", op, left, right, span: join(left.span, right.span) };
  }

  protected primary(): ExprSyntax {
    const t = this.token;
    switch (t.kind) {
      case "number":
        this.next();
        return this.number(t, t.text, t);
      case "string":
        this.next();
        return { kind: "string", value: unquote(t.text), span: plain(t) };
      case "name":
        return this.wordOrCall();
      case "mark":
        if (t.text === "-" && this.peek().kind === "number" && this.touches(t, this.peek())) {
          this.next();
          const digits = this.next();
          return this.number(digits, `-${digits.text}`, join(t, digits));
        }
        if (t.text === "[") return this.list();
        if (t.text === "(") return this.paren();
        return this.expected("a value");
      default:
        return this.expected("a value");
    }
  }

  protected number(token: Token, text: string, span: Span): ExprSyntax {
    const meaning = numberMeaning(text);
    if (meaning.kind === "bad") {
      this.report("bad-number", meaning.why, token);
      return { kind: "broken", span: plain(span) };
    }
    return { kind: "number", text, span: plain(span) };
  }

  protected wordOrCall(): ExprSyntax {
    const first = this.dashed("a value");
    if (this.is("(") && !first.text.includes("-")) {
      const call = this.callArguments(first);
      return this.maybeField(call);
    }
    const word: WordSyntax = { kind: "word", text: first.text, span: first.span };
    if (this.is("|")) {
      const words = [word];
      while (this.is("|")) {
        this.next();
        this.skipNewlines();
        if (this.token.kind !== "name") this.expected("a word");
        const more = this.dashed("a word");
        words.push({ kind: "word", text: more.text, span: more.span });
      }
      return { kind: "union", words, span: join(first.span, words[words.length - 1].span) };
    }
    return this.maybeField(word);
  }

  protected maybeField(of: WordSyntax | CallSyntax): ExprSyntax {
    if (!this.is(".")) return of;
    this.next();
    const field = this.name("a field");
    return { kind: "field", of, field, span: join(of.span, field.span) };
  }

  protected paren(): ExprSyntax {
    const open = this.next();
    this.skipNewlines();
    const inner = this.expression();
    this.skipNewlines();
    if (!this.is(")")) {
      if (this.token.kind === "bad") this.badToken(this.token);
      this.fail("unclosed", "this '(' is never closed", open);
    }
    this.next();
    return { kind: "paren", inner, span: this.spanFrom(open) };
  }

  protected list(): ExprSyntax {
    this.enter();
    try {
      const open = this.next();
      const items: ExprSyntax[] = [];
      let commas = false;
      this.skipNewlines();
      while (!this.is("]")) {
        const t = this.token;
        if (t.kind === "bad") this.badToken(t);
        if (t.kind === "end" || (t.kind === "mark" && (t.text === ")" || t.text === "}" || t.text === "=")))
          this.fail("unclosed", "this '[' is never closed", open);
        items.push(this.sum());
        this.skipNewlines();
        if (this.is(",")) {
          this.next();
          commas = true;
          this.skipNewlines();
        }
      }
      this.next();
      return { kind: "list", items, commas: commas || items.length < 2, span: this.spanFrom(open) };
    } finally {
      this.depth--;
    }
  }

  protected callArguments(op: Name): CallSyntax {
    this.enter();
    try {
      const open = this.token;
      if (!this.is("(")) this.expected(`'(' behind '${op.text}'`);
      this.next();
      const args: ArgSyntax[] = [];
      let torn: number | undefined;
      this.skipNewlines();
      while (!this.is(")")) {
        const t = this.token;
        if (t.kind === "bad") this.badToken(t);
        if (t.kind === "end" || this.is("}")) this.fail("unclosed", "this '(' is never closed", open);
        args.push(this.argument());
        if (this.is(",")) {
          this.next();
          this.skipNewlines();
          continue;
        }
        const endOfArgument = this.at;
        this.skipNewlines();
        if (this.is(")")) break;
        if (this.is(",")) {
          this.next();
          this.skipNewlines();
          continue;
        }
        const sameLine = endOfArgument === this.at;
        const more = this.token;
        const startsValue =
          more.kind === "name" ||
          more.kind === "number" ||
          more.kind === "string" ||
          (more.kind === "mark" && (more.text === "[" || more.text === "-"));
        if (sameLine && startsValue) {
          this.report("missing-comma", `missing ',' before '${more.text}' between the arguments of ${op.text}()`, more);
          torn ??= this.diagnostics.length - 1;
          continue;
        }
        this.at = endOfArgument;
        if (this.token.kind === "bad") this.badToken(this.token);
        if (
          this.token.kind === "newline" ||
          this.token.kind === "end" ||
          this.is("}") ||
          this.is(";") ||
          this.is("{")
        ) {
          // What seemed to lack a comma was the next line.
          if (torn !== undefined) this.diagnostics.length = torn;
          this.fail("unclosed", `missing ')' at the end of the arguments of ${op.text}()`, open);
        }
        if (this.is("="))
          this.fail("expected", "an argument is named with ':'", this.token, `${op.text}(..., name: value)`);
        this.expected("',' or ')'");
      }
      this.next();
      return { kind: "call", op, args, torn: torn !== undefined, span: join(op.span, this.previous) };
    } finally {
      this.depth--;
    }
  }

  protected argument(): ArgSyntax {
    const start = this.token;
    let name: Name | undefined;
    const after = this.peek();
    if (start.kind === "name" && after.kind === "mark" && after.text === ":") {
      name = { text: start.text, span: plain(start) };
      this.at += 2;
      this.skipNewlines();
    }
    const value = this.sum();
    return { name, value, span: this.spanFrom(start) };
  }
}
