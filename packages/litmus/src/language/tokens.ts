/**
 * The lexer. It never fails: what it cannot read becomes a `bad` token. Comments are kept
 * apart from the tokens, so that the parser need not step over them and the printer loses none.
 * Spaces need no tokens: they are what lies between the offsets.
 */
import type { Span } from "../test.js";

export type TokenKind = "name" | "number" | "string" | "mark" | "newline" | "bad" | "end";

export interface Token extends Span {
  readonly kind: TokenKind;
  /** As it stands in the text; of a string with its quotes. */
  readonly text: string;
}

export interface Comment extends Span {
  /** With its `#`, without trailing spaces. */
  readonly text: string;
}

export interface Tokens {
  /** The last one has kind `end`. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const TAB = 9,
  NEWLINE = 10,
  RETURN = 13,
  SPACE = 32,
  QUOTE = 34,
  HASH = 35,
  BACKSLASH = 92;

/** Letters, digits and `_`, by character code. */
const inName = new Uint8Array(128);
for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") inName[c.charCodeAt(0)] = 1;

const isNameCode = (c: number): boolean => c < 128 && inName[c] === 1;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** Marks of one character; those of two are these followed by `=`. */
const marks = "=<>()[]{},:;|+-.!";
const mark = new Uint8Array(128);
for (const c of marks) mark[c.charCodeAt(0)] = 1;

export function tokenize(text: string): Tokens {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;

  const push = (kind: TokenKind, start: number): void => {
    tokens.push({ kind, text: text.slice(start, at), offset: start, end: at, line, column: start - lineStart + 1 });
  };

  while (at < text.length) {
    const start = at;
    const c = text.charCodeAt(at);
    if (c === SPACE || c === TAB || c === RETURN) {
      at++;
    } else if (c === NEWLINE) {
      at++;
      push("newline", start);
      line++;
      lineStart = at;
    } else if (isDigit(c)) {
      at++;
      while (isNameCode(text.charCodeAt(at)) || (text.charCodeAt(at) === 46 && isDigit(text.charCodeAt(at + 1)))) at++;
      push("number", start);
    } else if (isNameCode(c)) {
      at++;
      while (isNameCode(text.charCodeAt(at))) at++;
      push("name", start);
    } else if (c === HASH) {
      const newline = text.indexOf("\n", at);
      at = newline < 0 ? text.length : newline;
      comments.push({
        text: text.slice(start, at).trimEnd(),
        offset: start,
        end: at,
        line,
        column: start - lineStart + 1,
      });
    } else if (c === QUOTE) {
      at++;
      let closed = false;
      for (; at < text.length; at++) {
        const d = text.charCodeAt(at);
        if (d === NEWLINE) break;
        if (d === BACKSLASH && text.charCodeAt(at + 1) !== NEWLINE) at++;
        else if (d === QUOTE) {
          closed = true;
          at++;
          break;
        }
      }
      at = Math.min(at, text.length);
      push(closed ? "string" : "bad", start);
    } else if (c < 128 && mark[c] === 1) {
      at++;
      if ((c === 61 || c === 33 || c === 60 || c === 62) && text.charCodeAt(at) === 61) at++;
      push(c === 33 && at === start + 1 ? "bad" : "mark", start);
    } else {
      at++;
      // One fault for a whole run of characters that mean nothing.
      while (at < text.length && isStrange(text.charCodeAt(at))) at++;
      push("bad", start);
    }
  }
  push("end", at);
  return { tokens, comments };
}

function isStrange(c: number): boolean {
  if (c >= 128) return true;
  return (
    !isNameCode(c) &&
    mark[c] !== 1 &&
    c !== SPACE &&
    c !== TAB &&
    c !== RETURN &&
    c !== NEWLINE &&
    c !== QUOTE &&
    c !== HASH
  );
}

/**
 * The characters of a string token. `\"` is a quote, `\\` a backslash, `\n` a newline; another backslash stands for
 * itself.
 */
export function unquote(text: string): string {
  const inner = text.slice(1, -1);
  return inner.includes("\\") ? inner.replace(/\\(["\\n])/g, (_, c: string) => (c === "n" ? "\n" : c)) : inner;
}

export function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}
