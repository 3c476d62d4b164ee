/**
 * The parser: tokens to syntax tree, by recursive descent, one method a construct. Names and
 * expressions are read in expressions.ts, the position is kept in cursor.ts.
 *
 * A fault is reported once; the rest of its line is stepped over and parsing goes on. What
 * the line would have bound stays known, so that later lines do not complain. Lines end at a
 * newline except inside brackets and after a comma or an operator.
 */
import type { Span } from "../test.js";
import { Fault, join, plain } from "./cursor.js";
import type { Diagnostic } from "./diagnostic.js";
import { comparisons, ExpressionParser } from "./expressions.js";
import { didYouMean, nearest } from "./nearest.js";
import type {
  BlockSyntax,
  BranchSyntax,
  BrokenSyntax,
  ClaimSyntax,
  ConditionSyntax,
  FileSyntax,
  HeaderSyntax,
  ItemSyntax,
  LeadComment,
  Name,
  ScopeSyntax,
} from "./syntax.js";
import { unquote } from "./tokens.js";
import type { Token, Tokens } from "./tokens.js";
import { statementWords } from "./words.js";

export interface Parsed {
  readonly file: FileSyntax;
  readonly tokens: Tokens;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses a file. Never throws; a text without sense gives diagnostics and an empty tree. */
export function parseSyntax(text: string): Parsed {
  return new Parser(text).parse();
}

/** What every line begins with; its comments are put in when its end is known. */
const none: readonly LeadComment[] = [];

/** What begins a line that no block of steps can hold. */
const outsideOfBlocks: ReadonlySet<string> = new Set(["thread", "process", "driver", "parallel"]);
const claimWords: ReadonlySet<string> = new Set(["expect", "always", "never", "sometimes"]);

class Parser extends ExpressionParser {
  parse(): Parsed {
    const header = this.header();
    const items = this.items(undefined);
    const dangling = this.leadUpTo(this.text.length + 1);
    return { file: { header, items, dangling }, tokens: this.lexed, diagnostics: this.diagnostics };
  }

  // --- header

  private header(): HeaderSyntax | undefined {
    this.skipNewlines();
    const start = this.token;
    const lead = this.leadUpTo(start.offset);
    const blankBefore = lead.length > 0 && this.blankBetween(this.printedTo, start.offset);
    const after = this.peek();
    if (!this.isWord("test") || after.text === "=" || after.text === "(" || after.text === ":") {
      return this.noHeader(start, lead);
    }
    this.next();
    const name = this.testName(start);
    let question: Name | undefined;
    const afterName = this.at;
    this.skipNewlines();
    const t = this.token;
    if (t.kind === "string") {
      this.next();
      question = { text: unquote(t.text), span: plain(t) };
    } else if (t.kind === "bad" && t.text.startsWith('"')) {
      this.report("unterminated-string", "this string does not end on its line", t);
      this.next();
      question = { text: unquote(`${t.text}"`), span: plain(t) };
    } else {
      this.at = afterName;
      if (/^[a-z]/.test(name.text))
        this.report(
          "no-question",
          `the question is missing: what does '${name.text}' ask?`,
          name.span,
          `test ${name.text}\n  "..."`,
        );
    }
    const header = this.finish<HeaderSyntax>({ name, question, lead, blankBefore, span: this.spanFrom(start) });
    const more = this.token;
    if (more.kind !== "newline" && more.kind !== "end") {
      this.report("expected", `expected a new line before '${more.text}'`, more);
      while (this.token.kind !== "newline" && this.token.kind !== "end") this.at++;
    }
    return header;
  }

  /** Everything up to the end of the line, or to a question on it. */
  private testName(test: Token): Name {
    const start = this.token;
    while (this.token.kind !== "newline" && this.token.kind !== "end" && !this.token.text.startsWith('"')) this.at++;
    if (this.token === start) {
      const at: Span = { offset: test.end, end: test.end + 1, line: test.line, column: test.column + 4 };
      this.report("expected", "expected the test's name, but the line ends here", at, "test NAME");
      return { text: "", span: plain(test) };
    }
    const span = this.spanFrom(start);
    const text = this.text.slice(span.offset, span.end);
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text)) {
      const words =
        text
          .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
          .toLowerCase()
          .match(/[a-z0-9]+/g) ?? [];
      const meant = words.join("-").replace(/^[0-9-]+/, "");
      this.report("test-name", `a test's name is in lower case with dashes${meant ? `: '${meant}'` : ""}`, span);
    }
    return { text, span };
  }

  /** What looks like a header without being one is stepped over. */
  private noHeader(start: Token, lead: readonly LeadComment[]): undefined {
    const meant = start.kind === "name" ? nearest(start.text, ["test"]) : undefined;
    const where = start.kind === "end" ? { offset: 0, end: 1, line: 1, column: 1 } : start;
    this.report("no-header", `a test begins with 'test NAME'${meant ? "; did you mean 'test'?" : ""}`, where);
    this.commentAt -= lead.length;
    this.printedTo = 0;
    const began = this.at;
    while (this.token.kind !== "newline" && this.token.kind !== "end" && this.token.kind !== "string") this.at++;
    this.skipNewlines();
    if (this.token.kind === "string") this.next();
    else if (!meant) this.at = began;
    return undefined;
  }

  // --- lines

  /** Lines up to a closing brace, or to the end of the file. `steps`: the block can hold no claims. */
  private items(open: Token | undefined, steps = false): ItemSyntax[] {
    const items: ItemSyntax[] = [];
    for (;;) {
      while (this.token.kind === "newline" || this.is(";")) this.at++;
      const start = this.token;
      if (start.kind === "end") {
        if (open) this.report("unclosed", "this '{' is never closed", open);
        return items;
      }
      if (open && steps && this.leftOpen()) {
        this.report("unclosed", "this '{' is never closed", open);
        return items;
      }
      if (this.is("}")) {
        if (open) return items;
        this.report("expected", "this '}' closes nothing", start);
        this.at++;
        continue;
      }
      const before = this.printedTo;
      const lead = this.leadUpTo(start.offset);
      const blankBefore = this.blankBetween(lead.length ? this.printedTo : before, start.offset);
      const began = this.at;
      let item: ItemSyntax;
      try {
        item = this.item(start);
        this.endOfLine(item.kind);
      } catch (e) {
        if (!(e instanceof Fault)) throw e;
        item = this.broken(start, began);
      }
      item.lead = lead;
      item.blankBefore = blankBefore;
      items.push(this.finish(item));
    }
  }

  private broken(start: Token, began: number): BrokenSyntax {
    this.skipLine();
    if (this.at === began) this.next();
    const mentions = this.tokens.slice(began, this.at).flatMap((t) => (t.kind === "name" ? [t.text] : []));
    // `name = ...` or `ACTOR: name = ...`
    let i = began;
    if (this.tokens[i + 1]?.text === ":") i += 2;
    const t = this.tokens[i];
    const declares = ["process", "fork", "thread", "driver"].includes(t.text);
    const lost = declares ? "actor" : t.kind === "mark" && t.text === "=" ? "name" : undefined;
    const isBind = t.kind === "name" && (this.tokens[i + 1]?.text === "=" || this.tokens[i + 1]?.kind === "name");
    return {
      lead: none,
      blankBefore: false,
      kind: "broken",
      bind: isBind ? { text: t.text, span: plain(t) } : undefined,
      lost,
      mentions,
      span: this.spanFrom(start),
    };
  }

  private endOfLine(after: string): void {
    const t = this.token;
    if (t.kind === "newline" || t.kind === "end" || this.is(";") || this.is("}") || this.previous.kind === "newline")
      return;
    if (t.kind === "bad") this.badToken(t);
    if (after === "claim" && t.text === "=") {
      this.fail("expected", "a comparison is written '=='", t);
    }
    this.fail("expected", `expected the end of the line before '${t.text}'`, t);
  }

  private item(start: Token): ItemSyntax {
    this.enter();
    try {
      const t = this.token;
      const after = this.peek();
      if (t.kind !== "name") {
        if (t.kind === "bad") this.badToken(t);
        return this.expected("a statement");
      }
      // `fork = ...`, `fork(...)`, `fork: ...` are no keywords; but `expect (...)` is one.
      const plainName =
        after.kind === "mark" &&
        (after.text === "=" || after.text === "(" || after.text === ":" || after.text === "==");
      if (!plainName || (claimWords.has(t.text) && after.text === "(")) {
        const item = this.keyword(start, t.text);
        if (item) return item;
      }
      if (after.kind === "mark" && after.text === ":") {
        const actor = this.name("an actor");
        this.next();
        return this.actorLine(start, actor);
      }
      return this.action(start, undefined);
    } finally {
      this.depth--;
    }
  }

  /** A line that begins with a keyword; undefined when it does not. */
  private keyword(start: Token, word: string): ItemSyntax | undefined {
    switch (word) {
      case "process":
        this.next();
        return {
          lead: none,
          blankBefore: false,
          kind: "process",
          name: this.name("the process's name"),
          span: this.spanFrom(start),
        };
      case "fork":
        return this.fork(start, undefined);
      case "thread": {
        this.next();
        const name = this.name("the thread's name");
        if (!this.isWord("of")) this.expected("'of' and the process whose memory the thread shares", "thread T of A");
        this.next();
        return {
          lead: none,
          blankBefore: false,
          kind: "thread",
          name,
          of: this.name("a process"),
          span: this.spanFrom(start),
        };
      }
      case "driver": {
        this.next();
        const name = this.name("the driver's name");
        if (!this.isWord("on")) this.expected("'on' and a device", "driver D on DEVICE");
        this.next();
        return {
          lead: none,
          blankBefore: false,
          kind: "driver",
          name,
          device: this.dashed("a device"),
          span: this.spanFrom(start),
        };
      }
      case "parallel":
        return this.parallel(start);
      case "faults":
        if (this.peek().text !== "{") return undefined;
        return this.faults(start, undefined, undefined);
      case "expect":
      case "always":
      case "never":
      case "sometimes":
        return this.claim(start, undefined);
      case "on":
      case "with":
        return this.scope(start);
      case "test":
        return this.fail("misplaced", "a file holds one test", this.token);
      default: {
        const after = this.peek();
        if (word.length < 3 || this.peek(2).text === "(") return undefined;
        if (after.kind === "mark" && after.text !== "{" && after.text !== "[") return undefined;
        // Two names in a row, or `word {`: a keyword was meant, or `=` forgotten.
        const meant = nearest(word, statementWords);
        if (meant === undefined) return undefined;
        this.report("unknown-statement", `no statement begins with '${word}'; did you mean '${meant}'?`, this.token);
        return this.keyword(start, meant);
      }
    }
  }

  private actorLine(start: Token, actor: Name): ItemSyntax {
    const word = this.token.kind === "name" ? this.token.text : "";
    const after = this.peek();
    if (claimWords.has(word) && after.text !== "=") return this.claim(start, actor);
    if (after.kind === "mark" && (after.text === "=" || after.text === "(")) return this.action(start, actor);
    if (word === "fork") return this.fork(start, actor);
    if ((statementWords as readonly string[]).includes(word)) {
      return this.fail("misplaced", `'${word}' stands for the whole test, not for one actor`, this.token);
    }
    if (this.token.kind === "name" && after.kind === "mark" && after.text === ":") {
      return this.fail("expected", "one actor to a line", this.token);
    }
    return this.action(start, actor);
  }

  private fork(start: Token, actor: Name | undefined): ItemSyntax {
    this.next();
    return {
      lead: none,
      blankBefore: false,
      kind: "fork",
      actor,
      name: this.name("the child's name"),
      span: this.spanFrom(start),
    };
  }

  /** `name = call`, `name = call.Field`, `name = faults { }`, `call`. */
  private action(start: Token, actor: Name | undefined): ItemSyntax {
    let bind: Name | undefined;
    const first = this.name("an operation");
    if (this.is("=")) {
      this.next();
      bind = first;
    } else if (this.token.kind === "name" && this.peek().text === "(" && this.token.line === first.span.line) {
      const mark = /^[A-Z]/.test(first.text) ? ":" : "=";
      this.fail(
        "expected",
        `expected '${mark}' before '${this.token.text}'`,
        this.token,
        `${first.text}${mark === "=" ? " =" : ":"} ${this.token.text}(...)`,
      );
    } else if (!this.is("(")) {
      if (this.is("{")) this.fail("unknown-statement", `no statement begins with '${first.text}'`, first.span);
      if (this.is("==")) this.fail("expected", "a result is named with '='", this.token);
      if (this.token.kind === "newline" || this.token.kind === "end" || this.token.kind === "name") {
        this.fail(
          "unknown-statement",
          `no statement begins with '${first.text}'`,
          first.span,
          "name = operation(arguments)",
        );
      }
      this.expected(`'=' or '(' behind '${first.text}'`);
    }
    if (!bind) return this.call(start, actor, undefined, first);
    if (this.isWord("faults") && this.peek().text !== "(") return this.faults(start, actor, bind);
    if (this.token.kind !== "name") this.expected("an operation", `${bind.text} = operation(arguments)`);
    return this.call(start, actor, bind, this.name("an operation"));
  }

  private call(start: Token, actor: Name | undefined, bind: Name | undefined, op: Name): ItemSyntax {
    const call = this.callArguments(op);
    let field: Name | undefined;
    if (this.is(".")) {
      this.next();
      field = this.name("a field");
    }
    return { lead: none, blankBefore: false, kind: "call", actor, bind, call, field, span: this.spanFrom(start) };
  }

  private faults(start: Token, actor: Name | undefined, bind: Name | undefined): ItemSyntax {
    this.next();
    const body = this.block(true);
    return { lead: none, blankBefore: false, kind: "faults", actor, bind, body, span: this.spanFrom(start) };
  }

  private parallel(start: Token): ItemSyntax {
    this.next();
    const open = this.openBrace();
    const branches: BranchSyntax[] = [];
    const mentions: string[] = [];
    for (;;) {
      while (this.token.kind === "newline" || this.is(";")) this.at++;
      const t = this.token;
      if (t.kind === "end" || this.is("}")) break;
      if (this.leavesParallel()) break;
      const before = this.printedTo;
      const lead = this.leadUpTo(t.offset);
      const blankBefore = this.blankBetween(lead.length ? this.printedTo : before, t.offset);
      const said = this.diagnostics.length;
      const began = this.at;
      try {
        const actor = this.name("an actor and its block", "parallel { ACTOR { ... } ACTOR { ... } }");
        if (this.is(":")) this.expected("'{'", "parallel { ACTOR { ... } ACTOR { ... } }");
        const body = this.block(true);
        branches.push(this.finish<BranchSyntax>({ actor, body, lead, blankBefore, span: this.spanFrom(t) }));
      } catch (e) {
        if (!(e instanceof Fault)) throw e;
        // Lines that are no branches are one fault together.
        if (mentions.length) this.diagnostics.length = said;
        this.skipLine();
        if (this.at === began) this.at++;
        for (let i = began; i < this.at; i++) if (this.tokens[i].kind === "name") mentions.push(this.tokens[i].text);
        if (!mentions.length) mentions.push("");
      }
    }
    const dangling = this.closeBrace(open);
    return {
      lead: none,
      blankBefore: false,
      kind: "parallel",
      branches,
      mentions,
      oneLine: open.line === this.previous.line,
      dangling,
      span: this.spanFrom(start),
    };
  }

  private claim(start: Token, actor: Name | undefined): ItemSyntax {
    const claim = this.next().text as ClaimSyntax["claim"];
    const kind = claimWords.has(claim) ? claim : "expect";
    let expr = this.expression();
    if (this.is("=")) {
      // The commonest slip: report it and read on as if it were right.
      this.report("expected", "a comparison is written '=='", this.token);
      this.next();
      const right = this.expression();
      expr = { kind: "binary", op: "==", left: expr, right, span: join(expr.span, right.span) };
    }
    return { lead: none, blankBefore: false, kind: "claim", actor, claim: kind, expr, span: this.spanFrom(start) };
  }

  private scope(start: Token): ScopeSyntax {
    let condition: ConditionSyntax;
    try {
      condition = this.condition();
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      // The claims inside are still worth reading.
      while (this.token.kind !== "newline" && this.token.kind !== "end" && !this.is("{") && !this.is("}")) this.at++;
      if (!this.is("{")) throw e;
      condition = { kind: "broken", span: plain(start) };
    }
    const body = this.block(false);
    return { lead: none, blankBefore: false, kind: "scope", condition, body, span: this.spanFrom(start) };
  }

  private condition(): ConditionSyntax {
    const start = this.next();
    if (
      start.text !== "on" && start.text !== "with"
        ? nearest(start.text, ["on", "with"]) === "with"
        : start.text === "with"
    ) {
      const point = this.dashed("a decision point", true, true);
      if (this.is("=="))
        this.fail("expected", "a choice is written with '='", this.token, "with POINT = CHOICE { ... }");
      if (!this.is("=")) this.expected("'='", "with POINT = CHOICE { ... }");
      this.next();
      const choice = this.dashed("a choice", true);
      return { kind: "with", point, choice, span: this.spanFrom(start) };
    }
    const forms = "on linux >= 6.12 { ... }, on arch arm { ... }";
    if (this.isWord("linux")) {
      this.next();
      const op = this.token;
      if (op.kind === "number") this.expected("a comparison", forms);
      if (op.kind !== "mark" || !comparisons.has(op.text)) {
        if (op.text === "=") this.fail("expected", "a comparison is written '=='", op);
        this.expected("a comparison", forms);
      }
      this.next();
      const release = this.token;
      if (release.kind !== "number") this.expected("a kernel release", forms);
      this.next();
      if (!/^\d+\.\d+(\.\d+)?$/.test(release.text)) {
        this.fail("bad-number", `'${release.text}' is no kernel release; one is written as 6.12 or 6.12.118`, release);
      }
      return {
        kind: "linux",
        op: { text: op.text, span: plain(op) },
        release: { text: release.text, span: plain(release) },
        span: this.spanFrom(start),
      };
    }
    if (this.isWord("arch")) {
      this.next();
      if (this.is("==")) this.next();
      return { kind: "arch", arch: this.dashed("an architecture", true), span: this.spanFrom(start) };
    }
    const t = this.token;
    const meant = t.kind === "name" ? didYouMean(t.text, ["linux", "arch"]) : "";
    if (t.kind === "name")
      return this.fail("expected", `'on' wants 'linux' or 'arch', not '${t.text}'${meant}`, t, forms);
    return this.expected("'linux' or 'arch'", forms);
  }

  // --- blocks and words

  /** A missing brace is taken for granted when the one that closes it is there. */
  private openBrace(): Token {
    const newlines = this.at;
    this.skipNewlines();
    if (!this.is("{")) {
      this.at = newlines;
      try {
        this.expected("'{'");
      } catch (e) {
        if (!(e instanceof Fault) || !this.closesAhead()) throw e;
      }
      this.braces++;
      return this.previous;
    }
    const open = this.next();
    this.printedTo = open.end;
    this.braces++;
    return open;
  }

  /** Whether more braces close from here on than are open. */
  private closesAhead(): boolean {
    return this.closersAhead() > this.braces;
  }

  /** How many braces close from here on that do not open from here on. */
  private closersAhead(): number {
    let open = 0;
    let closers = 0;
    for (let i = this.at; i < this.tokens.length; i++) {
      const { kind, text } = this.tokens[i];
      if (kind !== "mark") continue;
      if (text === "{") open++;
      else if (text === "}") {
        if (open > 0) open--;
        else closers++;
      }
    }
    return closers;
  }

  /** Whether a `parallel` was left open: here begins no branch, and a brace is missing. */
  private leavesParallel(): boolean {
    const { kind } = this.token;
    const after = this.peek();
    return kind === "name" && after.text !== "{" && after.kind !== "newline" && this.closersAhead() < this.braces;
  }

  /** Whether a block of steps was left open: here begins what cannot be in it, and a brace is missing. */
  private leftOpen(): boolean {
    const { kind, text } = this.token;
    const after = this.peek();
    const branch = kind === "name" && after.text === "{" && text !== "parallel" && text !== "faults";
    const claim =
      kind === "name" &&
      (claimWords.has(text) || text === "on" || text === "with") &&
      (after.kind === "name" || after.kind === "number" || after.text === "(");
    // A line of another actor's, or what stands outside of blocks: this one has ended.
    const others =
      kind === "name" &&
      (after.text === ":" || (outsideOfBlocks.has(text) && (after.kind === "name" || after.text === "{")));
    return (branch || claim || others) && this.closersAhead() < this.braces;
  }

  /** The comments before the brace, and the brace; a missing one is reported. */
  private closeBrace(open: Token): LeadComment[] {
    const dangling = this.leadUpTo(this.token.offset);
    this.braces--;
    if (this.is("}")) this.next();
    else this.report("unclosed", "this '{' is never closed", open);
    return dangling;
  }

  private block(steps: boolean): BlockSyntax {
    this.enter();
    try {
      const open = this.openBrace();
      const items = this.items(open, steps);
      const dangling = this.leadUpTo(this.token.offset);
      this.braces--;
      if (this.is("}")) this.next();
      return {
        items,
        oneLine: open.line === this.previous.line && dangling.length === 0,
        dangling,
        span: this.spanFrom(open),
      };
    } finally {
      this.depth--;
    }
  }
}
