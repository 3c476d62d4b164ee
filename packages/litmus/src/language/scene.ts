/**
 * Who is on stage while the checker walks through a test: which actors exist, which names
 * are bound, whose address space and descriptor table they belong to, and what was given back.
 */
import type { DescriptorKind, Field, HandleKind } from "../operations/index.js";
import type { OperationName } from "../operations/index.js";
import type { Actor, ActorKind, Span } from "../test.js";

/** The type of a name. `unknown` when its line was faulty: no further diagnostics. */
export type Type =
  | { readonly kind: "status" }
  | { readonly kind: "descriptor"; readonly of?: DescriptorKind; readonly madeBy?: OperationName }
  | { readonly kind: "address" }
  | { readonly kind: "number"; readonly unit?: string }
  | { readonly kind: "flags"; readonly words?: readonly string[] }
  | { readonly kind: "word" }
  | { readonly kind: "text" }
  | { readonly kind: "handle"; readonly of: HandleKind }
  | { readonly kind: "record"; readonly op: OperationName; readonly fields: Readonly<Record<string, Field>> }
  | { readonly kind: "unknown" };

export interface Binding {
  readonly name: string;
  readonly type: Type;
  readonly actor: string;
  readonly span: Span;
  readonly where?: Branch;
}

/** A branch of a `parallel` block. */
export interface Branch {
  readonly parallel: number;
  readonly index: number;
  readonly actor: string;
}

interface Event {
  readonly line: number;
  readonly where?: Branch;
}

export type ActorClassName = "process" | "driver" | "kernel";

export function classOf(kind: ActorKind): ActorClassName {
  return kind === "driver" || kind === "kernel" ? kind : "process";
}

export class Scene {
  readonly actors: Actor[] = [];
  readonly bindings = new Map<string, Binding>();
  /** The branch that is being read. */
  where: Branch | undefined;

  private readonly byName = new Map<string, Actor>();
  /** Actors that exist from the start, or whose spawning has been read. */
  private readonly born = new Set<string>();
  private readonly ended = new Map<string, Event>();
  /** By space: the names whose descriptors and addresses mean something in it. */
  private readonly known = new Map<string, Set<string>>();
  /** By space: what was given back, and on which line. */
  private readonly given = new Map<string, Map<string, Event>>();

  addActor(actor: Actor, exists: boolean): void {
    this.actors.push(actor);
    this.byName.set(actor.name, actor);
    if (exists) this.bear(actor.name);
  }

  actor(name: string): Actor | undefined {
    return this.byName.get(name);
  }

  /** The actor whose address space this one uses: a thread's is its process's. */
  space(name: string): string {
    let actor = this.byName.get(name);
    for (let i = 0; actor?.kind === "thread" && actor.parent && i < 1000; i++) actor = this.byName.get(actor.parent);
    return actor?.name ?? name;
  }

  /** Lines that bind a name that was lost; the first names that nothing binds are taken for theirs. */
  lostNames = 0;
  lostActors = 0;
  /** Names that a faulty line may have been about to declare, and actors that were complained of already. */
  readonly excused = new Set<string>();

  /**
   * Whether to complain that nothing binds a name: once, and not when a line lost its name.
   * From then on it counts as bound.
   */
  complainOf(name: string, actor: string, span: Span): boolean {
    this.bind({ name, type: { kind: "unknown" }, actor, span, where: undefined });
    if (this.excused.has(name)) return false;
    if (this.lostNames === 0) return true;
    this.lostNames--;
    return false;
  }

  /** The same for an actor that nothing declares. */
  complainOfActor(name: string): boolean {
    if (this.excused.has(name)) return false;
    this.excused.add(name);
    if (this.lostActors === 0) return true;
    this.lostActors--;
    return false;
  }

  /** From now on the actor exists; a fork knows what its parent knows. */
  bear(name: string): void {
    this.born.add(name);
    const actor = this.byName.get(name)!;
    if (actor.kind === "thread") return;
    const parent = actor.kind === "fork" && actor.parent ? this.space(actor.parent) : undefined;
    this.known.set(name, new Set(parent ? this.known.get(parent) : []));
    this.given.set(name, new Map(parent ? this.given.get(parent) : []));
  }

  exists(name: string): boolean {
    return this.born.has(name);
  }

  /** The line on which the actor's process ended. */
  endedOn(name: string): number | undefined {
    const event = this.ended.get(this.space(name));
    return event && this.sees(event.where) ? event.line : undefined;
  }

  end(name: string, line: number): void {
    const space = this.space(name);
    if (!this.ended.has(space)) this.ended.set(space, { line, where: this.where });
  }

  bind(binding: Binding): void {
    this.bindings.set(binding.name, binding);
    this.known.get(this.space(binding.actor))?.add(binding.name);
  }

  /** Whether the name's descriptor or address means anything to the actor. */
  isKnownTo(name: string, actor: string): boolean {
    return this.known.get(this.space(actor))?.has(name) ?? true;
  }

  /** Whether the name is bound by another branch of the `parallel` that is being read. */
  races(binding: Binding): boolean {
    return !this.sees(binding.where);
  }

  give(name: string, actor: string, line: number): void {
    this.given.get(this.givenSpace(actor))?.set(name, { line, where: this.where });
  }

  /** The line on which the actor's copy of it was given back. */
  givenOn(name: string, actor: string): number | undefined {
    const event = this.given.get(this.givenSpace(actor))?.get(name);
    return event && this.sees(event.where) ? event.line : undefined;
  }

  /** Drivers share one table of what they gave back. */
  private givenSpace(actor: string): string {
    const found = this.byName.get(actor);
    if (found && classOf(found.kind) !== "process") {
      if (!this.given.has("")) this.given.set("", new Map());
      return "";
    }
    return this.space(actor);
  }

  private sees(where: Branch | undefined): boolean {
    return !where || !this.where || where.parallel !== this.where.parallel || where.index === this.where.index;
  }
}
