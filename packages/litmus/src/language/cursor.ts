/**
 * Where the parser stands in the tokens: looking, stepping, complaining, and handing comments
 * to the lines that they belong to.
 */
import type { Span } from "../test.js";
import type { Diagnostic, DiagnosticCode } from "./diagnostic.js";
import type { LeadComment, Line } from "./syntax.js";
import { tokenize } from "./tokens.js";
import type { Comment, Token, Tokens } from "./tokens.js";

/** Thrown inside the parser once a fault is reported, caught where the line ends. */
export class Fault {}
const fault = new Fault();

/** Nesting beyond this is no test; it would only exhaust the stack. */
export const deepest = 100;

export class Cursor {
  protected readonly text: string;
  protected readonly lexed: Tokens;
  protected readonly tokens: readonly Token[];
  protected readonly comments: readonly Comment[];
  protected readonly diagnostics: Diagnostic[] = [];
  protected at = 0;
  protected commentAt = 0;
  /** Where the last thing ended that the printer prints: an item, a comment, an opening brace. */
  protected printedTo = 0;
  protected depth = 0;
  /** Braces that are open here. */
  protected braces = 0;

  constructor(text: string) {
    this.text = text;
    this.lexed = tokenize(text);
    this.tokens = this.lexed.tokens;
    this.comments = this.lexed.comments;
  }

  // --- tokens

  protected get token(): Token {
    return this.tokens[this.at];
  }

  protected peek(ahead = 1): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)];
  }

  protected get previous(): Token {
    return this.tokens[Math.max(0, this.at - 1)];
  }

  protected is(mark: string): boolean {
    const t = this.token;
    return t.kind === "mark" && t.text === mark;
  }

  protected isWord(word: string): boolean {
    const t = this.token;
    return t.kind === "name" && t.text === word;
  }

  protected next(): Token {
    const t = this.token;
    if (t.kind !== "end") this.at++;
    return t;
  }

  protected skipNewlines(): void {
    while (this.token.kind === "newline") this.at++;
  }

  /** Whether two tokens touch, as in `drm-shmem`. */
  protected touches(a: Token, b: Token): boolean {
    return a.end === b.offset;
  }

  // --- faults

  protected report(code: DiagnosticCode, message: string, span: Span, hint?: string): void {
    this.diagnostics.push({
      code,
      severity: "error",
      message,
      span: plain(span),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  protected fail(code: DiagnosticCode, message: string, span: Span, hint?: string): never {
    this.report(code, message, span, hint);
    throw fault;
  }

  /** `WHAT expected`, or what the lexer could not read. */
  protected expected(what: string, hint?: string): never {
    const t = this.token;
    if (t.kind === "bad") this.badToken(t);
    if (t.kind === "newline" || t.kind === "end") {
      let before = this.at - 1;
      while (before > 0 && this.tokens[before].kind === "newline") before--;
      const p = this.tokens[Math.max(0, before)];
      const end = p.kind === "newline" || p === t ? p.offset : p.end;
      return this.fail(
        "expected",
        `expected ${what}, but the line ends here`,
        { offset: end, end: end + 1, line: p.line, column: p.column + (end - p.offset) },
        hint,
      );
    }
    return this.fail("expected", `expected ${what} before '${t.text}'`, t, hint);
  }

  protected badToken(t: Token): never {
    if (t.text.startsWith('"')) return this.fail("unterminated-string", "this string does not end on its line", t);
    if (t.text === "!")
      return this.fail("unexpected-character", "'!' means nothing here; 'not' negates, '!=' compares", t);
    const shown = t.text.length > 12 ? `${t.text.slice(0, 12)}...` : t.text;
    return this.fail("unexpected-character", `unexpected '${shown.replace(/[\u0000-\u001f\u007f]/g, "?")}'`, t);
  }

  /** To the end of the line, past braces that open on it. */
  protected skipLine(): void {
    let open = 0;
    let firstNewline = -1;
    for (;;) {
      const t = this.token;
      if (t.kind === "end") {
        // A brace that never closes must not take the rest of the file with it.
        if (firstNewline >= 0) this.at = firstNewline;
        return;
      }
      if (t.kind === "newline") {
        if (open === 0) return;
        if (firstNewline < 0) firstNewline = this.at;
      } else if (t.kind === "mark") {
        if (t.text === "{") open++;
        else if (t.text === "}" && open-- === 0) return;
        else if (t.text === ";" && open === 0) return;
      }
      this.at++;
    }
  }

  protected enter(): void {
    if (++this.depth > deepest) this.fail("expected", "this is nested too deeply", this.token);
  }

  // --- comments

  /** The comments before an offset, for the line that begins there. */
  protected leadUpTo(offset: number): LeadComment[] {
    const lead: LeadComment[] = [];
    while (this.commentAt < this.comments.length && this.comments[this.commentAt].offset < offset) {
      const comment = this.comments[this.commentAt++];
      lead.push({ ...comment, blankBefore: this.blankBetween(this.printedTo, comment.offset) });
      this.printedTo = comment.end;
    }
    return lead;
  }

  protected blankBetween(from: number, to: number): boolean {
    let newlines = 0;
    for (let i = from; i < to; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 10) newlines++;
      else if (c !== 32 && c !== 9 && c !== 13 && c !== 59) newlines = 0;
      if (newlines > 1) return true;
    }
    return false;
  }

  /** Fills in the comments of a line that has just been read. */
  protected finish<T extends Line>(item: T): T {
    const end = this.previous;
    const inner = this.leadUpTo(item.span.end);
    if (inner.length) {
      // They move above the line, so the empty line before it now stands before them.
      item.lead = [...item.lead, ...inner.map((c, i) => ({ ...c, blankBefore: i === 0 && item.blankBefore }))];
      item.blankBefore = false;
    }
    const comment = this.comments[this.commentAt];
    if (comment && comment.line === end.line && (this.token.kind === "newline" || this.token.kind === "end")) {
      item.tail = comment;
      this.commentAt++;
      this.printedTo = comment.end;
    } else {
      this.printedTo = Math.max(this.printedTo, item.span.end);
    }
    return item;
  }

  /** From the token that a line began with to the last one read. */
  protected spanFrom(start: Span): Span {
    const end = this.previous.end;
    return { offset: start.offset, end: Math.max(end, start.offset), line: start.line, column: start.column };
  }
}

/** A span without the rest of what carries it. */
export function plain(span: Span): Span {
  return { offset: span.offset, end: span.end, line: span.line, column: span.column };
}

/** From the beginning of one to the end of the other. */
export function join(from: Span, to: Span): Span {
  return { offset: from.offset, end: to.end, line: from.line, column: from.column };
}
