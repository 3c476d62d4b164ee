/**
 * The checker: walks through the syntax tree in the order of the text, binds names, resolves
 * arguments and makes the Test. A line with a fault is left out of the Test, but what it would
 * have bound counts as bound, so that one fault gives one diagnostic.
 */
import { operation, operations } from "../operations/index.js";
import type { OperationName } from "../operations/index.js";
import type { Actor, CallStep, Condition, Scope, Span, Step, Test } from "../test.js";
import { actorNoun, ArgumentChecker, fieldType } from "./arguments.js";
import type { Report } from "./arguments.js";
import { ClaimChecker } from "./claims.js";
import { inTextOrder } from "./diagnostic.js";
import type { Diagnostic } from "./diagnostic.js";
import { hashOf } from "./meaning.js";
import { didYouMean } from "./nearest.js";
import type { Parsed } from "./parser.js";
import { resultTypeOf } from "./results.js";
import { classOf, Scene } from "./scene.js";
import type { Type } from "./scene.js";
import { signature } from "./signature.js";
import type {
  BranchSyntax,
  CallItemSyntax,
  ConditionSyntax,
  DriverSyntax,
  FaultsSyntax,
  FileSyntax,
  ForkSyntax,
  ItemSyntax,
  Name,
  ParallelSyntax,
  ProcessSyntax,
  ScopeSyntax,
  ThreadSyntax,
} from "./syntax.js";
import type { Vocabulary } from "./vocabulary.js";
import { arches, flagWords, isFailure, reserved, statementWords } from "./words.js";
import { compareReleases } from "../outcome-keys.js";

const unknown: Type = { kind: "unknown" };

/** Names of operations with room for guesses. */
const operationNames = Object.keys(operations) as OperationName[];

export function check(
  parsed: Parsed,
  file: string,
  vocabulary: Vocabulary,
): { test?: Test; diagnostics: Diagnostic[] } {
  return new Checker(parsed, vocabulary).check(file);
}

/** Where a line is. */
type Place = "top" | "faults" | "branch" | "scope";

class Checker {
  private readonly syntax: FileSyntax;
  private readonly vocabulary: Vocabulary;
  private readonly diagnostics: Diagnostic[];
  private readonly scene = new Scene();
  private readonly args: ArgumentChecker;
  private readonly claims: ClaimChecker;
  private claimsBegan = false;
  private saidClaimsLast = false;
  private parallels = 0;

  constructor(parsed: Parsed, vocabulary: Vocabulary) {
    this.syntax = parsed.file;
    this.vocabulary = vocabulary;
    this.diagnostics = [...parsed.diagnostics];
    this.args = new ArgumentChecker(this.scene, this.report);
    this.claims = new ClaimChecker(this.scene, this.report);
  }

  private readonly report: Report = (code, message, span, hint, severity) => {
    const { offset, end, line, column } = span;
    this.diagnostics.push({
      code,
      severity: severity ?? "error",
      message,
      span: { offset, end, line, column },
      ...(hint === undefined ? {} : { hint }),
    });
  };

  check(file: string): { test?: Test; diagnostics: Diagnostic[] } {
    const header = this.syntax.header;
    const start = header?.span ?? { offset: 0, end: 0, line: 1, column: 1 };
    this.scene.addActor({ name: "A", kind: "process", span: start }, true);
    this.declare();
    const steps = this.items(this.syntax.items, "top", undefined);
    const diagnostics = inTextOrder(this.diagnostics);
    if (diagnostics.some((d) => d.severity === "error") || !header) return { diagnostics };
    const test: Test = {
      name: header.name.text,
      question: header.question?.text ?? "",
      file,
      hash: hashOf(this.syntax.items, this.claims.taken),
      actors: this.scene.actors,
      steps,
      observers: this.claims.taken,
      claims: this.claims.claims,
    };
    return { test, diagnostics };
  }

  // --- actors

  /** Everybody's name, before the first line runs: processes and drivers exist from the start. */
  private declare(): void {
    const visit = (items: readonly ItemSyntax[]): void => {
      for (const item of items) {
        if (item.kind === "faults" || item.kind === "scope") visit(item.body.items);
        else if (item.kind === "parallel") item.branches.forEach((b) => visit(b.body.items));
        else if (item.kind === "process" || item.kind === "driver" || item.kind === "fork" || item.kind === "thread")
          this.declareOne(item);
      }
    };
    visit(this.syntax.items);
  }

  private declareOne(item: ProcessSyntax | DriverSyntax | ForkSyntax | ThreadSyntax): void {
    const { name } = item;
    if (!this.mayName(name, "an actor")) return;
    const had = this.scene.actor(name.text);
    if (had) {
      this.report(
        "bound-twice",
        name.text === "A"
          ? "'A' is the first process, which is there already"
          : `'${name.text}' is an actor of line ${had.span.line} already`,
        name.span,
      );
      return;
    }
    let actor: Actor;
    switch (item.kind) {
      case "process":
        actor = { name: name.text, kind: "process", span: item.span };
        break;
      case "driver":
        this.checkDevice(item.device);
        actor = { name: name.text, kind: "driver", device: item.device.text, span: item.span };
        break;
      case "fork":
        actor = { name: name.text, kind: "fork", parent: item.actor?.text ?? "A", span: item.span };
        break;
      case "thread":
        actor = { name: name.text, kind: "thread", parent: item.of.text, span: item.span };
        break;
    }
    this.scene.addActor(actor, item.kind === "process" || item.kind === "driver");
  }

  private checkDevice(device: Name): void {
    const known = this.vocabulary.devices;
    if (!known || known.includes(device.text)) return;
    this.report(
      "unknown-device",
      `there is no device '${device.text}'${didYouMean(device.text, known)}`,
      device.span,
      `devices: ${known.join(", ")}`,
    );
  }

  private mayName(name: Name, what: string): boolean {
    const { text } = name;
    if (!reserved.has(text) && !isFailure(text)) return true;
    this.report("reserved-name", `'${text}' has a meaning of its own and cannot be the name of ${what}`, name.span);
    return false;
  }

  /** Who does a line. `kernel` comes on stage when it is first named. */
  private performer(name: Name | undefined): string | undefined {
    if (!name) return "A";
    const { text, span } = name;
    if (text === "kernel" && !this.scene.actor(text))
      this.scene.addActor({ name: "kernel", kind: "kernel", span }, true);
    const actor = this.scene.actor(text);
    if (!actor) {
      if (!this.scene.complainOfActor(text)) return undefined;
      const names = [...this.scene.actors.map((a) => a.name), "kernel"];
      this.report(
        "unknown-actor",
        `there is no actor '${text}'${didYouMean(text, names)}`,
        span,
        `process ${text}, fork ${text}, thread ${text} of A, driver ${text} on DEVICE`,
      );
      return undefined;
    }
    return this.isThere(actor, span) ? text : undefined;
  }

  private isThere(actor: Actor, span: Span): boolean {
    const { name } = actor;
    if (!this.scene.exists(name)) {
      const how = actor.kind === "fork" ? "forked" : "made";
      this.report("actor-not-there", `${name} does not exist yet; it is ${how} on line ${actor.span.line}`, span);
      return false;
    }
    const ended = this.scene.endedOn(name);
    if (ended !== undefined) {
      this.report("actor-not-there", `${name} ended on line ${ended}`, span);
      return false;
    }
    return true;
  }

  // --- lines

  /** @param owner whose lines these are, inside `faults` and in a branch of `parallel` */
  private items(items: readonly ItemSyntax[], place: Place, owner: string | undefined, scope: Scope = []): Step[] {
    const steps: Step[] = [];
    for (const item of items) {
      const step = this.item(item, place, owner, scope);
      if (step) steps.push(step);
    }
    return steps;
  }

  private item(item: ItemSyntax, place: Place, owner: string | undefined, scope: Scope): Step | undefined {
    const isClaim = item.kind === "claim" || item.kind === "scope";
    if (item.kind === "broken") {
      if (item.bind) this.bindUnknown(item.bind);
      if (item.lost === "name") this.scene.lostNames++;
      if (item.lost === "actor") this.scene.lostActors++;
      for (const name of item.mentions) this.scene.excused.add(name);
      return undefined;
    }
    if (isClaim) this.claimsBegan = true;
    else if (place === "scope") {
      this.report(
        "misplaced",
        "only claims depend on release, architecture or design; a step runs everywhere",
        item.span,
      );
      this.bindAll(item);
      return undefined;
    } else if (this.claimsBegan && !this.saidClaimsLast) {
      this.saidClaimsLast = true;
      this.report(
        "claims-last",
        "a step after the first claim; claims speak of the end, so they stand there",
        item.span,
      );
    }
    switch (item.kind) {
      case "claim":
        if (place !== "top" && place !== "scope") {
          this.report("misplaced", "claims stand at the end, not inside a block of steps", item.span);
          return undefined;
        }
        this.claim(item.actor, () => item, scope);
        return undefined;
      case "scope":
        if (place !== "top" && place !== "scope") {
          this.report("misplaced", "claims stand at the end, not inside a block of steps", item.span);
          return undefined;
        }
        this.scope(item, scope);
        return undefined;
      case "process":
      case "driver":
        if (place !== "top")
          this.report(
            "misplaced",
            `'${item.kind}' stands outside of blocks: ${item.name.text} exists from the start`,
            item.span,
          );
        return undefined;
      case "fork":
        return this.fork(item, place, owner);
      case "thread":
        return this.thread(item, place);
      case "parallel":
        if (place !== "top") {
          this.report("misplaced", "'parallel' stands outside of other blocks", item.span);
          item.branches.forEach((b) => b.body.items.forEach((i) => this.bindAll(i)));
          return undefined;
        }
        return this.parallel(item);
      case "faults":
        return this.faults(item, owner);
      case "call":
        return this.call(item, owner);
    }
  }

  private claim(actor: Name | undefined, item: () => Extract<ItemSyntax, { kind: "claim" }>, scope: Scope): void {
    let observer: string | undefined;
    if (actor) {
      observer = this.performer(actor);
      if (observer === undefined) return;
      const found = this.scene.actor(observer)!;
      if (classOf(found.kind) !== "process") {
        this.report(
          "wrong-actor",
          `${observer} is ${actorNoun(found.kind)}; observers are taken by a process`,
          actor.span,
        );
        return;
      }
    }
    this.claims.claim(item(), observer, scope);
  }

  private scope(item: ScopeSyntax, outer: Scope): void {
    const condition = this.condition(item.condition);
    this.items(item.body.items, "scope", undefined, condition ? [...outer, condition] : outer);
  }

  private condition(syntax: ConditionSyntax): Condition | undefined {
    switch (syntax.kind) {
      case "broken":
        return undefined;
      case "linux": {
        const { releases } = this.vocabulary;
        const release = syntax.release.text;
        if (syntax.op.text === "==" && releases && !releases.some((r) => compareReleases(r, release) === 0)) {
          this.report(
            "unknown-release",
            `no release ${release} is known, so this holds nowhere`,
            syntax.release.span,
            `releases: ${releases.join(", ")}`,
            "warning",
          );
        }
        return { kind: "linux", op: syntax.op.text as Extract<Condition, { kind: "linux" }>["op"], release };
      }
      case "arch": {
        const known = this.vocabulary.arches ?? arches;
        if (!known.includes(syntax.arch.text)) {
          this.report(
            "unknown-arch",
            `there is no architecture '${syntax.arch.text}'${didYouMean(syntax.arch.text, known)}`,
            syntax.arch.span,
            `architectures: ${known.join(", ")}`,
          );
        }
        return { kind: "arch", arch: syntax.arch.text };
      }
      case "with": {
        const { points } = this.vocabulary;
        const point = syntax.point.text;
        const choice = syntax.choice.text;
        if (points && !Object.hasOwn(points, point)) {
          this.report(
            "unknown-point",
            `there is no decision point '${point}'${didYouMean(point, Object.keys(points))}`,
            syntax.point.span,
          );
        } else if (points && !points[point].includes(choice)) {
          this.report(
            "unknown-choice",
            `'${point}' has no choice '${choice}'${didYouMean(choice, points[point])}`,
            syntax.choice.span,
            `${point}: ${points[point].join(" | ")}`,
          );
        }
        return { kind: "with", point, choice };
      }
    }
  }

  // --- steps

  private fork(item: ForkSyntax, place: Place, owner: string | undefined): Step | undefined {
    if (place === "branch") {
      this.report("misplaced", "'fork' stands outside of 'parallel'", item.span);
      return undefined;
    }
    const parent = item.actor
      ? this.performer(item.actor)
      : this.performer(owner === undefined ? undefined : { text: owner, span: item.span });
    const known = this.scene.actor(item.name.text);
    if (parent === undefined) {
      if (known?.kind === "fork") this.scene.bear(known.name);
      return undefined;
    }
    if (owner !== undefined && parent !== owner) {
      this.report("misplaced", `these lines belong to ${owner}`, item.span);
      return undefined;
    }
    const kind = this.scene.actor(parent)!.kind;
    if (classOf(kind) !== "process") {
      this.report("wrong-actor", `${parent} is ${actorNoun(kind)}; only a process forks`, item.actor!.span);
      return undefined;
    }
    if (!known || known.span.offset !== item.span.offset) return undefined;
    this.scene.bear(known.name);
    return { kind: "spawn", actor: parent, child: known.name, span: item.span };
  }

  private thread(item: ThreadSyntax, place: Place): Step | undefined {
    if (place !== "top") {
      this.report("misplaced", "'thread' stands outside of blocks", item.span);
      return undefined;
    }
    const known = this.scene.actor(item.name.text);
    const parent = this.performer(item.of);
    if (parent !== undefined && classOf(this.scene.actor(parent)!.kind) !== "process") {
      this.report(
        "wrong-actor",
        `${parent} is ${actorNoun(this.scene.actor(parent)!.kind)}; threads are a process's`,
        item.of.span,
      );
    }
    if (!known || known.span.offset !== item.span.offset) return undefined;
    this.scene.bear(known.name);
    return parent === undefined ? undefined : { kind: "spawn", actor: parent, child: known.name, span: item.span };
  }

  private parallel(item: ParallelSyntax): Step | undefined {
    const parallel = ++this.parallels;
    const branches: { actor: string; body: Step[] }[] = [];
    const seen = new Set<string>();
    for (const name of item.mentions) this.scene.excused.add(name);
    item.branches.forEach((branch, index) => {
      const actor = this.performer(branch.actor);
      if (actor !== undefined && seen.has(actor)) {
        this.report(
          "bound-twice",
          `${actor} has a branch already; what one actor does has one order`,
          branch.actor.span,
        );
      }
      if (actor === undefined || seen.has(actor)) {
        branch.body.items.forEach((i) => this.bindAll(i));
        return;
      }
      seen.add(actor);
      this.scene.where = { parallel, index, actor };
      branches.push({ actor, body: this.branch(branch, actor) });
      this.scene.where = undefined;
    });
    return { kind: "parallel", branches, span: item.span };
  }

  private branch(branch: BranchSyntax, actor: string): Step[] {
    return this.items(branch.body.items, "branch", actor);
  }

  private faults(item: FaultsSyntax, owner: string | undefined): Step | undefined {
    const actor = this.actorOf(item.actor, owner);
    if (actor === undefined) {
      this.bindAll(item);
      return undefined;
    }
    const { kind } = this.scene.actor(actor)!;
    if (classOf(kind) !== "process") {
      this.report(
        "wrong-actor",
        `${actor} is ${actorNoun(kind)}; only processes take faults`,
        item.actor?.span ?? item.span,
      );
      this.bindAll(item);
      return undefined;
    }
    const body = this.items(item.body.items, this.scene.where ? "branch" : "faults", actor);
    if (!item.bind) {
      this.report(
        "name-missing",
        "the number of faults needs a name",
        { ...item.span, end: item.span.offset + "faults".length },
        "n = faults { ... }",
      );
      return undefined;
    }
    if (!this.bind(item.bind, { kind: "number", unit: "faults" }, actor)) return undefined;
    return { kind: "faults", actor, bind: item.bind.text, body, span: item.span };
  }

  private call(item: CallItemSyntax, owner: string | undefined): CallStep | undefined {
    const actor = this.actorOf(item.actor, owner);
    const resolved = actor === undefined ? undefined : this.operationOf(item, actor);
    if (actor === undefined || !resolved) {
      if (item.bind) this.bindUnknown(item.bind);
      return undefined;
    }
    const { op, args } = resolved;
    let type: Type = args ? resultTypeOf(op, args, this.scene) : unknown;
    let good = args !== undefined;
    if (item.field) {
      const result = resultTypeOf(op, args, this.scene);
      const field = fieldType(result, `${op}()`, item.field.text, item.field.span, this.report);
      if (!field) good = false;
      type =
        !field || !args
          ? unknown
          : field.kind === "flags"
            ? { kind: "flags", words: flagWords(op, item.field.text) }
            : field;
      if (!item.bind) {
        this.report("name-missing", "the field's value needs a name", item.span, `x = ...${item.field.text}`);
        good = false;
      }
    }
    if (args) this.consume(op, item, actor, args);
    if (op === "exit" && good) this.scene.end(actor, item.span.line);
    if (item.bind && !this.bind(item.bind, type, actor)) good = false;
    if (!good || !args) return undefined;
    return {
      kind: "call",
      actor,
      op,
      args,
      ...(item.bind ? { bind: item.bind.text } : {}),
      ...(item.field ? { field: item.field.text } : {}),
      span: item.span,
    };
  }

  private operationOf(item: CallItemSyntax, actor: string): { op: OperationName; args?: CallStep["args"] } | undefined {
    const { op: name } = item.call;
    if (!Object.hasOwn(operations, name.text)) {
      if ((statementWords as readonly string[]).includes(name.text) || name.text === "faults") {
        const form = statementForms[name.text];
        this.report("unknown-operation", `'${name.text}' is no operation but a statement`, name.span, form);
      } else {
        this.report(
          "unknown-operation",
          `unknown operation '${name.text}'${didYouMean(name.text, operationNames)}`,
          name.span,
        );
      }
      return undefined;
    }
    const op = name.text as OperationName;
    const { by } = operation(op);
    const { kind } = this.scene.actor(actor)!;
    if (!by.includes(classOf(kind))) {
      const who = by.map((c) => (c === "kernel" ? "the kernel" : `a ${c}`)).join(" or ");
      this.report("wrong-actor", `${actor} is ${actorNoun(kind)}; ${op}() is done by ${who}`, name.span, signature(op));
      return undefined;
    }
    return { op, args: this.args.resolve(op, item.call, actor) };
  }

  private consume(op: OperationName, item: CallItemSyntax, actor: string, args: CallStep["args"]): void {
    for (const param of operation(op).consumes ?? []) {
      const arg = args[param];
      if (arg?.kind === "ref" && arg.field === undefined) this.scene.give(arg.name, actor, item.span.line);
    }
  }

  /** Inside a block every line is its owner's. */
  private actorOf(name: Name | undefined, owner: string | undefined): string | undefined {
    if (owner === undefined) return this.performer(name);
    if (name && name.text !== owner) {
      this.report("misplaced", `the lines of this block are ${owner}'s`, name.span);
      return undefined;
    }
    return this.isThere(this.scene.actor(owner)!, name?.span ?? this.scene.actor(owner)!.span) ? owner : undefined;
  }

  // --- names

  private bind(name: Name, type: Type, actor: string): boolean {
    if (!this.mayName(name, "a result")) return false;
    const had = this.scene.bindings.get(name.text);
    // A name that was complained of, or that a faulty line binds, gets its meaning here.
    if (had && had.type.kind !== "unknown") {
      this.report("bound-twice", `'${name.text}' is bound on line ${had.span.line} already`, name.span);
      return false;
    }
    if (this.scene.actor(name.text)) {
      this.report("bound-twice", `'${name.text}' is an actor`, name.span);
      return false;
    }
    this.scene.bind({ name: name.text, type, actor, span: name.span, where: this.scene.where });
    return true;
  }

  /** So that the lines that use it are not blamed. */
  private bindUnknown(name: Name): void {
    if (!this.scene.bindings.has(name.text))
      this.scene.bind({ name: name.text, type: unknown, actor: "A", span: name.span });
  }

  private bindAll(item: ItemSyntax): void {
    if ((item.kind === "call" || item.kind === "faults" || item.kind === "broken") && item.bind)
      this.bindUnknown(item.bind);
    if (item.kind === "faults" || item.kind === "scope") item.body.items.forEach((i) => this.bindAll(i));
    if (item.kind === "parallel") item.branches.forEach((b) => b.body.items.forEach((i) => this.bindAll(i)));
    if (item.kind === "fork" || item.kind === "thread") {
      const actor = this.scene.actor(item.name.text);
      if (actor && !this.scene.exists(actor.name)) this.scene.bear(actor.name);
    }
  }
}

const statementForms: Readonly<Record<string, string>> = {
  process: "process B",
  fork: "fork C",
  thread: "thread T of A",
  driver: "driver D on DEVICE",
  parallel: "parallel { ACTOR { ... } ACTOR { ... } }",
  faults: "n = faults { ... }",
};
