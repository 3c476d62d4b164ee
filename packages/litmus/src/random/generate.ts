/**
 * Random tests from the operation table. Arguments are resources that earlier steps made, of
 * the type that is wanted and with lengths that fit more often than not, so that programs get
 * past the first checks and reach deep states. The same seed gives the same text for ever.
 */
import { heapRow, heaps } from "../catalogue.js";
import { operation, operations } from "../operations/index.js";
import type { HeapName } from "../catalogue.js";
import type { ActorClass, OperationName, OperationShape, ParamType, ResultType, Subject } from "../operations/index.js";
import { sizeText } from "../language/numbers.js";
import { wordOf } from "./probes.js";
import { Random } from "./prng.js";

export interface RandomOptions {
  /** Steps before the observers at the end; 12 unless told. */
  readonly steps?: number;
  /** Whose operations are used; processes' unless told. */
  readonly by?: readonly ActorClass[];
  /** Only these operations, and those without which they have nothing to work on. */
  readonly only?: readonly OperationName[];
  /** Not these; {@link seldomUseful} unless told. */
  readonly without?: readonly OperationName[];
  /** What the machine cannot do, as probes name it: such operations and words are not used. */
  readonly lacking?: ReadonlySet<string>;
  /** Whether other processes and forks may appear; they may unless told. */
  readonly processes?: boolean;
  /** Ends with a `parallel` block of two actors; none unless told. */
  readonly parallel?: boolean;
  /** Looks at every mapping at the end; yes unless told. */
  readonly observe?: boolean;
}

const needsDevice: ReadonlySet<Subject> = new Set(["DRM", "V4L2", "rings and IO memory", "virtualisation"]);

/** Operations that few machines have, or whose results depend on the rest of the machine. */
export const seldomUseful: readonly OperationName[] = (Object.keys(operations) as OperationName[]).filter(
  (op) => needsDevice.has(operation(op).subject) || operation(op).seldomUseful === true,
);

/** Words for what few machines have: a program with one is unsupported nearly everywhere. */
const fewHave: ReadonlySet<string> = new Set(
  (Object.keys(heaps) as HeapName[]).filter((name) => heapRow(name).lacking !== undefined),
);

/** Something that a step made and later steps may use. */
interface Resource {
  readonly name: string;
  readonly type: ResultType;
  readonly madeBy: OperationName;
  /** Length of a mapping, size of a file or buffer. */
  readonly bytes: number;
  /** Actors to whom it means something. */
  readonly knownTo: Set<string>;
  /** The branch of `parallel` that binds it. */
  readonly branch?: string;
}

const page = 4096;

/** How often an operation is tried, by subject; what makes resources is tried more often. */
const subjectWeight: Readonly<Record<Subject, number>> = {
  "memory": 4,
  "memfd and files": 1.5,
  "dma-buf": 1.5,
  "processes": 0.5,
  "reaching into a mapping": 2.5,
  "observers": 1,
  "DRM": 0,
  "V4L2": 0,
  "rings and IO memory": 0,
  "virtualisation": 0,
  "drivers": 3,
  "kernel": 2,
};

const operationWeight: Partial<Record<OperationName, number>> = {
  mmap: 14,
  memfd_create: 6,
  dma_heap_alloc: 7,
  udmabuf_create: 8,
  udmabuf_create_list: 3,
  open_disk: 2,
  touch: 8,
  munmap: 3,
  attach: 6,
  map_attachment: 6,
  gem_create: 4,
};

/** A random test as text; it parses, perhaps with warnings. */
export function randomTest(seed: number, options: RandomOptions = {}): string {
  return new Generator(seed, options).test();
}

class Generator {
  private readonly random: Random;
  private readonly seed: number;
  private readonly options: RandomOptions;
  private readonly lines: string[] = [];
  private readonly resources: Resource[] = [];
  private readonly numbers = new Map<string, number>();
  /** Processes that exist now. */
  private readonly processes = ["A"];
  private readonly drivers = new Map<string, string>();
  private readonly table: readonly (readonly [OperationName, number])[];
  private branch: string | undefined;
  /** Whose block of counted faults is being written. */
  private within: string | undefined;

  constructor(seed: number, options: RandomOptions) {
    this.seed = seed;
    this.options = options;
    this.random = new Random(seed);
    const by = options.by ?? ["process"];
    const without = options.without ?? seldomUseful;
    this.table = (Object.keys(operations) as OperationName[])
      .filter(
        (op) => !without.includes(op) && !options.lacking?.has(op) && operation(op).by.some((c) => by.includes(c)),
      )
      .filter((op) => !options.only || options.only.includes(op) || operationWeight[op] !== undefined)
      .map((op) => [
        op,
        (operationWeight[op] ?? subjectWeight[operation(op).subject]) *
          (options.only && !options.only.includes(op) ? 0.3 : 1),
      ]);
  }

  test(): string {
    const { random, options } = this;
    const name = `random-${Math.abs(Math.trunc(this.seed))}`;
    const header = [`test ${name}`, `  "What does program ${this.seed} do?"`, ""];
    const actors: string[] = [];
    if (options.processes !== false && random.chance(0.35)) {
      actors.push("process B");
      this.processes.push("B");
    }
    if (options.by?.includes("driver")) {
      actors.push("driver D on dma", "driver S on shmem");
      this.drivers.set("D", "dma").set("S", "shmem");
    }
    const steps = options.steps ?? 12;
    const forkAt = options.processes !== false && random.chance(0.35) ? 2 + random.below(Math.max(1, steps - 2)) : -1;
    for (let i = 0; i < steps; i++) {
      if (i === forkAt) this.fork();
      if (random.chance(0.06)) i += this.faults(this.lines, Math.min(2, steps - i)) - 1;
      else this.step(this.lines);
    }
    if (options.parallel) this.parallel();
    if (options.observe !== false) this.observe();
    return `${[...header, ...actors, ...this.lines].join("\n")}\n`;
  }

  private fork(): void {
    const parent = this.random.pick(this.processes);
    this.lines.push(parent === "A" ? "fork C" : `${parent}: fork C`);
    for (const r of this.resources) if (r.knownTo.has(parent)) r.knownTo.add("C");
    this.processes.push("C");
  }

  private parallel(): void {
    const second = this.processes.find((p) => p !== "A");
    const partner = second ?? "T";
    if (!second) {
      this.lines.push("thread T of A");
      for (const r of this.resources) if (r.knownTo.has("A")) r.knownTo.add("T");
    }
    this.lines.push("parallel {");
    for (const actor of ["A", partner]) {
      this.branch = actor;
      const body: string[] = [];
      for (let i = 1 + this.random.below(3); i > 0; i--) this.step(body, actor);
      this.lines.push(`  ${actor} {`, ...body.map((l) => `    ${l}`), "  }");
    }
    this.branch = undefined;
    this.lines.push("}");
  }

  /** A few steps of one process whose faults are counted. Gives how many. */
  private faults(out: string[], most: number): number {
    const actor = this.random.chance(0.7) ? "A" : this.random.pick(this.processes);
    const body: string[] = [];
    this.within = actor;
    const steps = 1 + this.random.below(most);
    for (let i = 0; i < steps; i++) this.step(body, actor);
    this.within = undefined;
    const n = (this.numbers.get("f") ?? 0) + 1;
    this.numbers.set("f", n);
    out.push(`${actor === "A" ? "" : `${actor}: `}f${n} = faults {`, ...body.map((line) => `  ${line}`), "}");
    return steps;
  }

  /** One operation with arguments, by whoever can do it. */
  private step(out: string[], only?: string): void {
    for (let tries = 0; tries < 40; tries++) {
      const op = this.random.weighted(this.table);
      const actor = only ?? this.performer(op);
      if (actor === undefined || !this.mayDo(actor, op)) continue;
      if (this.write(out, op, actor)) return;
    }
  }

  private performer(op: OperationName): string | undefined {
    const { by } = operation(op);
    const who = this.random.pick(by);
    if (who === "kernel") return this.options.by?.includes("kernel") ? "kernel" : undefined;
    if (who === "driver")
      return this.drivers.size ? (op.startsWith("gem_") ? "S" : this.random.chance(0.85) ? "D" : "S") : undefined;
    // A does most of it.
    return this.random.chance(0.55) ? "A" : this.random.pick(this.processes);
  }

  private mayDo(actor: string, op: OperationName): boolean {
    const who: ActorClass = actor === "kernel" ? "kernel" : this.drivers.has(actor) ? "driver" : "process";
    return operation(op).by.includes(who);
  }

  private write(out: string[], op: OperationName, actor: string): boolean {
    const shape = operation(op);
    const made = new Arguments(this, op, actor, shape).make();
    if (!made) return false;
    const { text, bytes } = made;
    const prefix = actor === "A" || this.branch || this.within ? "" : `${actor}: `;
    const name = this.name(shape.result);
    out.push(`${prefix}${name} = ${op}(${text.join(", ")})`);
    const inherited =
      shape.result.kind === "descriptor" && shape.result.of === "same"
        ? (made.source?.type ?? shape.result)
        : shape.result;
    this.resources.push({
      name,
      type: inherited,
      madeBy: op,
      bytes,
      knownTo: new Set(actor === "T" || (actor === "A" && this.branch) ? ["A", "T"] : [actor]),
      ...(this.branch ? { branch: this.branch } : {}),
    });
    for (const param of shape.consumes ?? []) {
      const gone = made.byParam.get(param);
      if (gone) gone.knownTo.delete(actor);
    }
    return true;
  }

  /** Every result gets a name, since what is bound is compared. */
  private name(type: ResultType): string {
    const stem = stemOf(type);
    const n = (this.numbers.get(stem) ?? 0) + 1;
    this.numbers.set(stem, n);
    return `${stem}${n}`;
  }

  private observe(): void {
    const mappings = this.resources.filter((r) => r.type.kind === "address").slice(-6);
    for (const r of mappings) {
      const actor = [...r.knownTo].find((a) => this.processes.includes(a));
      if (actor === undefined) continue;
      const prefix = actor === "A" ? "" : `${actor}: `;
      this.lines.push(`${prefix}${this.name({ kind: "record", fields: {} })} = smaps(${r.name})`);
      if (this.random.chance(0.5))
        this.lines.push(`${prefix}${this.name({ kind: "record", fields: {} })} = pagemap(${r.name})`);
    }
  }

  // --- what arguments are made of

  lacks(word: string): boolean {
    return this.options.lacking?.has(word) === true;
  }

  get rng(): Random {
    return this.random;
  }

  get living(): readonly string[] {
    return this.processes;
  }

  isProcess(actor: string): boolean {
    return actor !== "kernel" && !this.drivers.has(actor);
  }

  /** A resource of the kind wanted that the actor knows; the newest most often. */
  resource(actor: string, wanted: (r: Resource) => boolean, anyOwner = false): Resource | undefined {
    const free = this.drivers.has(actor) || actor === "kernel" || anyOwner;
    const found = this.resources.filter(
      (r) =>
        wanted(r) &&
        (free || r.knownTo.has(actor)) &&
        (r.branch === undefined || r.branch === this.branch || !this.branch),
    );
    if (!found.length) return undefined;
    return this.random.chance(0.6) ? found[found.length - 1] : this.random.pick(found);
  }
}

/** Parameters that generic choices would rarely get right. */
const typicalWords: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  "mmap.prot": [
    ["rw", 12],
    ["r", 3],
    ["none", 1],
    ["w", 1],
    ["rx", 1],
    ["rwx", 0.5],
  ],
  "mmap.sharing": [
    ["shared", 10],
    ["private", 5],
    ["shared|populate", 2],
    ["private|populate", 1],
    ["shared|locked", 1],
    ["private|locked", 0.5],
    ["shared_validate", 0.5],
    ["shared|noreserve", 0.3],
    ["populate", 0.1],
  ],
  "memfd_create.seals": [
    ["seal_shrink", 10],
    ["none", 3],
    ["seal_shrink|seal_grow", 1],
    ["seal_shrink|seal_write", 1],
    ["seal_grow", 0.5],
    ["seal_shrink|seal_future_write", 0.5],
  ],
  "memfd_create.flags": [
    ["none", 9],
    ["no_sealing", 1],
  ],
  "mremap.flags": [
    ["maymove", 8],
    ["none", 2],
    ["maymove|dontunmap", 2],
  ],
  "dma_buf_sync.flags": [
    ["start|read", 3],
    ["start|write", 2],
    ["start|read|write", 3],
    ["end|read", 2],
    ["end|read|write", 3],
    ["start", 0.5],
    ["bit3|read", 0.3],
  ],
  "dma_heap_alloc.mode": [
    ["rw", 6],
    ["r", 1],
    ["w", 0.5],
    ["rw_cloexec", 2],
    ["rw_nonblock", 0.3],
  ],
};

class Arguments {
  private readonly generator: Generator;
  private readonly random: Random;
  private readonly op: OperationName;
  private readonly actor: string;
  private readonly shape: OperationShape;
  readonly byParam = new Map<string, Resource>();
  /** What lengths and offsets refer to: the mapping, file or buffer that was chosen last. */
  private bytes = 0;
  private length = 0;
  source: Resource | undefined;

  constructor(generator: Generator, op: OperationName, actor: string, shape: OperationShape) {
    this.generator = generator;
    this.random = generator.rng;
    this.op = op;
    this.actor = actor;
    this.shape = shape;
  }

  make(): { text: string[]; bytes: number; byParam: Map<string, Resource>; source: Resource | undefined } | undefined {
    const text: string[] = [];
    let skipped = false;
    for (const [name, param] of Object.entries(this.shape.params)) {
      if (param.default !== undefined && this.random.chance(this.keepDefault(name))) {
        skipped = true;
        continue;
      }
      const value = this.value(name, param.type);
      if (value === undefined) {
        if (param.default === undefined) return undefined;
        skipped = true;
        continue;
      }
      text.push(skipped ? `${name}: ${value}` : value);
    }
    return { text, bytes: this.length || this.bytes, byParam: this.byParam, source: this.source };
  }

  private keepDefault(name: string): number {
    const key = `${this.op}.${name}`;
    if (key === "memfd_create.seals") return 0.1;
    if (name === "heap_flags" || name === "fd" || name === "repeat") return 0.97;
    if (name === "at" || name === "to") return 0.8;
    return 0.75;
  }

  private value(name: string, type: ParamType): string | undefined {
    const typical = typicalWords[`${this.op}.${name}`]?.filter(
      ([word]) => !this.generator.lacks(wordOf(this.op, name, word)),
    );
    if (typical?.length && this.random.chance(0.95)) return this.random.weighted(typical);
    switch (type.kind) {
      case "descriptor":
        return this.descriptor(name, type.typical, type.madeBy);
      case "object":
        return this.random.chance(0.2) ? Object.keys(type.words)[0] : this.descriptor(name, ["dma-buf", "memfd"]);
      case "address":
        return this.address(name);
      case "size":
        return this.size(name);
      case "integer":
      case "bounded":
        return this.integer(name);
      case "word": {
        const words = Object.keys(type.words).filter((word) => !fewHave.has(word) || this.random.chance(0.02));
        const able = words.filter((word) => !this.generator.lacks(wordOf(this.op, name, word)));
        return able.length === 0 ? undefined : this.random.pick(able);
      }
      case "flags": {
        const words = Object.keys(type.words);
        const chosen = words.filter(() => this.random.chance(1.2 / words.length)).slice(0, 3);
        return chosen.length ? chosen.join("|") : this.random.chance(0.3) ? "none" : this.random.pick(words);
      }
      case "string":
        return `"${"camera-buffer-of-the-first-sensor".slice(0, 1 + this.random.below(33))}"`;
      case "handle":
        return this.named(name, (r) => r.type.kind === "handle" && (r.type.of === type.of || r.type.of === type.or));
      case "buffer":
        return this.actor === "S" && this.random.chance(0.7)
          ? this.named(name, (r) => r.type.kind === "handle" && r.type.of === "gem")
          : this.descriptor(name, ["dma-buf"]);
      case "actor":
        return this.random.pick(this.generator.living);
      case "tuples": {
        const tuples: string[] = [];
        for (let i = 1 + this.random.below(3); i > 0; i--) {
          const values = type.of.map((t) => this.value(t.name, t.type));
          if (values.some((v) => v === undefined)) return undefined;
          tuples.push(`[${values.join(", ")}]`);
        }
        return `[${tuples.join(", ")}]`;
      }
      case "optional":
        return this.value(name, type.of);
    }
  }

  private named(param: string, wanted: (r: Resource) => boolean): string | undefined {
    const r = this.generator.resource(this.actor, wanted);
    if (!r) return undefined;
    this.byParam.set(param, r);
    this.source = r;
    return r.name;
  }

  private descriptor(param: string, typical: readonly string[], madeBy?: string): string | undefined {
    const original = madeBy !== undefined;
    if (!original && this.random.chance(0.01)) return "-1";
    const any = !original && this.random.chance(0.08);
    const others = this.op === "receive";
    const r = this.generator.resource(
      this.actor,
      (x) =>
        x.type.kind === "descriptor" &&
        (any || typical.includes(x.type.of)) &&
        (!original || x.madeBy === madeBy) &&
        (!others || !x.knownTo.has(this.actor) || this.random.chance(0.1)),
      others,
    );
    if (!r) return undefined;
    this.byParam.set(param, r);
    this.source ??= r;
    this.bytes = r.bytes;
    return r.name;
  }

  private address(param: string): string | undefined {
    if (this.random.chance(0.005)) return "0";
    const byCpu = (this.op === "load" || this.op === "store") && !this.generator.isProcess(this.actor);
    const r = this.generator.resource(this.actor, (x) =>
      byCpu ? x.type.kind === "handle" && x.type.of === "kernel-map" : x.type.kind === "address",
    );
    if (!r) return undefined;
    if (param === "at" || param === "to") return this.beside(r);
    this.byParam.set(param, r);
    this.bytes = r.bytes;
    const pages = Math.max(1, Math.floor(r.bytes / page));
    if (pages > 1 && this.random.chance(0.25)) {
      const skip = (1 + this.random.below(pages - 1)) * page;
      this.bytes = r.bytes - skip;
      return `${r.name} + ${sizeText(skip)}`;
    }
    if (this.random.chance(0.03)) return `${r.name} + ${this.random.pick(["1", "8", "2K"])}`;
    return r.name;
  }

  /** The address of a fixed mapping: beside another one, a hole away from it, or over it. */
  private beside(r: Resource): string {
    const { random } = this;
    const after = Math.ceil(r.bytes / page) * page;
    const own = Math.ceil((this.length || this.bytes || page) / page) * page;
    return random.weighted([
      [`${r.name} + ${sizeText(after)}`, 5],
      [`${r.name} - ${sizeText(own)}`, 4],
      [`${r.name} + ${sizeText(after + page)}`, 2],
      [r.name, 1],
      [`${r.name} + ${sizeText(page * random.below(after / page + 1))}`, 1],
      [`${r.name} + ${sizeText(2 * 1024 * 1024 - page)}`, 0.7],
      [`${r.name} + 1`, 0.1],
    ]);
  }

  private size(name: string): string {
    const { random } = this;
    if (takesExtremes.has(this.op) && random.chance(0.06)) return random.pick(extremes);
    if (name === "offset" || name === "old_offset") {
      const pages = Math.max(1, Math.floor(this.bytes / page));
      return random.weighted([
        ["0", 6],
        [sizeText(random.below(pages) * page), 3],
        [sizeText(this.bytes), 0.4],
        ["1", 0.3],
        ["512", 0.5],
        ["4095", 0.1],
        [sizeText(this.bytes + page), 0.2],
        ["0x7ffffffffffff000", 0.05],
      ]);
    }
    const own = this.bytes || page * random.pick([1, 1, 2, 4, 4, 16]);
    const pages = Math.max(1, Math.floor(own / page));
    const bytes = random.weighted([
      [own, 8],
      [page, 3],
      [(1 + random.below(pages)) * page, 3],
      [own + page, 0.8],
      [0, 0.2],
      [1, 0.2],
      [own > page ? own - 1 : 100, 0.2],
      [page + 1, 0.1],
      [own + 1, 0.1],
      [2 * 1024 * 1024, 0.1],
    ]);
    this.length = bytes;
    return sizeText(bytes);
  }

  private integer(name: string): string {
    const { random } = this;
    switch (name) {
      case "width":
        return random.pick(["1", "2", "4"]);
      case "byte":
        return String(random.below(256));
      case "value":
        return `0x${(random.below(0xff) + 1).toString(16)}`;
      case "pgoff":
        return String(random.below(4));
      case "repeat":
      case "by":
        return String(1 + random.below(3));
      case "flags":
        return random.chance(0.8) ? "1" : String(random.below(4));
      case "offset":
        return random.weighted([
          ["0", 5],
          ["1", 1],
          ["-1", 0.5],
          ["4K", 1],
          [random.pick(extremes), 0.5],
        ]);
      default:
        return String(random.below(4));
    }
  }
}

/** Lengths, offsets and positions past every address space, and at the end of a word. */
const extremes = [
  "0x8000000000000",
  "0x20000000000001",
  "0x7ffffffffffff000",
  "0x7fffffffffffffff",
  "0x8000000000000000",
  "0xffffffffffe00000",
  "0xfffffffffffff000",
  "0xfffffffffffff001",
  "0xffffffffffffffff",
] as const;

/** Calls that refuse such a length or offset, or stop at the first hole: no machine works for long at it. */
const takesExtremes: ReadonlySet<OperationName> = new Set<OperationName>([
  "mmap",
  "munmap",
  "mprotect",
  "mremap",
  "mlock",
  "munlock",
  "msync",
  "ftruncate",
  "userfaultfd_register",
  "udmabuf_create",
]);

function stemOf(type: ResultType): string {
  switch (type.kind) {
    case "status":
      return "r";
    case "descriptor":
      return (
        {
          "dma-buf": "buf",
          "memfd": "m",
          "file": "f",
          "disk": "disk",
          "pipe": "pipe",
          "sync-file": "sync",
          "drm": "drm",
          "v4l2": "cam",
          "ring": "ring",
          "pci-bar": "bar",
          "pcm": "pcm",
          "p2pmem": "p2p",
          chardev: "dev",
          "kvm": "vm",
          "vfio": "vfio",
          "same": "fd",
        } as const
      )[type.of];
    case "address":
      return "va";
    case "number":
      return "n";
    case "flags":
      return "set";
    case "word":
      return "w";
    case "handle":
      return (
        {
          "attachment": "att",
          "sg-table": "sgt",
          "kernel-map": "map",
          "gem": "bo",
          "pages": "pages",
          "notifier": "mn",
          "gem-handle": "bo",
          "region": "mr",
        } as const
      )[type.of];
    case "record":
      return "s";
  }
}
