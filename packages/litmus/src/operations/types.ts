/**
 * The form of an operation's declaration, and the types that follow from it: what a
 * handler in the model or a compiler for the kernel gets for each parameter.
 */

/** What a descriptor stands for. `receive`, `dup` and `reopen` keep the kind of their argument. */
export type DescriptorKind =
  | "dma-buf"
  | "memfd"
  | "file"
  | "disk"
  | "pipe"
  | "sync-file"
  | "drm"
  | "v4l2"
  | "ring"
  | "pci-bar"
  | "pcm"
  | "p2pmem"
  | "chardev"
  | "kvm"
  | "vfio";

/**
 * Things that are neither numbers nor descriptors; each is made by one operation and wanted by
 * others. Drivers hold most of them; a `gem-handle` is a process's name for an object of a DRM file.
 */
export type HandleKind =
  | "attachment"
  | "sg-table"
  | "kernel-map"
  | "gem"
  | "pages"
  | "notifier"
  | "gem-handle"
  | "region";

/** Words that a parameter takes, each with one line of documentation. */
export type Words = Readonly<Record<string, string>>;

export type ParamType =
  /** A descriptor of any kind; `typical` is for hover text. A bare integer is taken as it is (a bad descriptor). */
  | {
      readonly kind: "descriptor";
      readonly typical: readonly DescriptorKind[];
      /** Only a name that this operation bound will do: it stands for more than one descriptor. */
      readonly madeBy?: string;
    }
  /** What can be mapped: a descriptor, or one of the words. */
  | { readonly kind: "object"; readonly words: Words }
  /** An address of a process; for drivers also a `kernel-map`. */
  | { readonly kind: "address" }
  /** Bytes. */
  | { readonly kind: "size" }
  /** A 64-bit word: an IOVA, a signed position. */
  | { readonly kind: "integer" }
  /** An integer of a narrower field; `check` refuses what is outside. */
  | ({ readonly kind: "bounded" } & Bounds)
  /** Exactly one word. */
  | { readonly kind: "word"; readonly words: Words }
  /** Any combination with `|`, or `none`. */
  | { readonly kind: "flags"; readonly words: Words }
  | { readonly kind: "string" }
  | { readonly kind: "handle"; readonly of: HandleKind /** Another kind that will do. */; readonly or?: HandleKind }
  /** A dma-buf's descriptor or a GEM object's handle. */
  | { readonly kind: "buffer" }
  /** The name of a process, fork or thread of the test. */
  | { readonly kind: "actor" }
  /** `[[m, 0, 4K], [m, 8K, 4K]]`: a list of tuples. */
  | { readonly kind: "tuples"; readonly of: readonly { readonly name: string; readonly type: ParamType }[] }
  /** The parameter may be left out: `none` when it is. */
  | { readonly kind: "optional"; readonly of: ParamType };

/** What a bounded integer may be. */
export type Bounds =
  | { readonly range: readonly [least: number, most: number] }
  | { readonly among: readonly number[] }
  /** It has to fit, signed or unsigned, into as many bytes as another parameter says. */
  | { readonly bytesIn: string };

export interface Param {
  readonly type: ParamType;
  /** In the language's own notation; a parameter without a default must be given. */
  readonly default?: string;
  readonly doc: string;
}

export type ResultType =
  /** 0 on success: the outcome says `ok`. */
  | { readonly kind: "status" }
  | { readonly kind: "descriptor"; readonly of: DescriptorKind | "same" }
  | { readonly kind: "address" }
  /** A number as it is: bytes moved, pages, a node, a loaded value. */
  | {
      readonly kind: "number";
      readonly unit: string /** Differs from machine to machine: the outcome says `ok`. */;
      readonly opaque?: boolean;
    }
  /** A set of flag words. */
  | { readonly kind: "flags" }
  | { readonly kind: "word" }
  | { readonly kind: "handle"; readonly of: HandleKind }
  /** Fields are numbers unless they stand in `flags` or `text`. */
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, Field>> };

export interface Field {
  readonly kind: "number" | "flags" | "word" | "text";
  readonly doc: string;
  /** Left out of a whole-record comparison unless a claim names it, and why. */
  readonly onlyIfNamed?: string;
}

export type Subject =
  | "memory"
  | "memfd and files"
  | "dma-buf"
  | "processes"
  | "reaching into a mapping"
  | "observers"
  | "DRM"
  | "V4L2"
  | "rings and IO memory"
  | "virtualisation"
  | "drivers"
  | "kernel";

export type ActorClass = "process" | "driver" | "kernel";

export interface OperationShape {
  readonly subject: Subject;
  /** One line. Helpers that stand for several calls say so here. */
  readonly doc: string;
  /** Where the kernel decides: function, then file. */
  readonly kernel: string;
  /** Who may call it. */
  readonly by: readonly ActorClass[];
  /** In order of position. */
  readonly params: Readonly<Record<string, Param>>;
  readonly result: ResultType;
  /** Parameters whose resource is gone afterwards. */
  readonly consumes?: readonly string[];
  /**
   * Parameters that go in a register, or in a field as wide as one: on 32-bit machines the rest of them is cut off.
   * Other sizes are file positions and fields of structs, which are 64 bits wide everywhere.
   */
  readonly registers?: readonly string[];
  /** Random programs leave it out: few machines have it, or its result depends on the rest of the machine. */
  readonly seldomUseful?: true;
  /**
   * A process's call names each object that it touches before it touches it, so that the explorer need not try another
   * order at its beginning. A list: only with one of these words.
   */
  readonly namesTouches?: true | readonly string[];
}

/**
 * A value as a handler gets it, by parameter type; a word is exact, unsigned, and as wide as the register or field that
 * it goes into. `D` is the host's descriptor, `H` its driver handle.
 */
export type ParamValue<T extends ParamType, D, H> = T extends { kind: "descriptor" }
  ? D
  : T extends { kind: "object"; words: infer W }
    ? D | (keyof W & string)
    : T extends { kind: "address" | "size" | "integer" }
      ? bigint
      : T extends { kind: "bounded" }
        ? number
        : T extends { kind: "word"; words: infer W }
          ? keyof W & string
          : T extends { kind: "flags"; words: infer W }
            ? readonly (keyof W & string)[]
            : T extends { kind: "string" | "actor" }
              ? string
              : T extends { kind: "handle" }
                ? H
                : T extends { kind: "buffer" }
                  ? D | H
                  : T extends { kind: "tuples" }
                    ? readonly (readonly (bigint | D)[])[]
                    : T extends { kind: "optional"; of: infer U extends ParamType }
                      ? ParamValue<U, D, H> | undefined
                      : never;

export type ArgsOf<O extends OperationShape, D, H> = {
  readonly [P in keyof O["params"]]: ParamValue<O["params"][P]["type"], D, H>;
};

// Shorthands for the declarations.
export const address = { kind: "address" } as const;
export const size = { kind: "size" } as const;
export const integer = { kind: "integer" } as const;
/** A 32-bit field of a struct or a register that the kernel takes as an int; signed or unsigned. */
export const int32 = { kind: "bounded", range: [-(2 ** 31), 2 ** 32 - 1] } as const;
export const range = (least: number, most: number) => ({ kind: "bounded", range: [least, most] }) as const;
/** Bytes that one load or store moves. */
export const accessWidth = { kind: "bounded", among: [1, 2, 4] } as const;
export const string = { kind: "string" } as const;
export const actor = { kind: "actor" } as const;
export const descriptor = <const K extends readonly DescriptorKind[]>(...typical: K) =>
  ({ kind: "descriptor", typical }) as const;
/** What `maker` gave, not a copy of it. */
export const original = <const K extends DescriptorKind>(kind: K, maker: string) =>
  ({ kind: "descriptor", typical: [kind], madeBy: maker }) as const;
export const object = <const W extends Words>(words: W) => ({ kind: "object", words }) as const;
export const word = <const W extends Words>(words: W) => ({ kind: "word", words }) as const;
export const flags = <const W extends Words>(words: W) => ({ kind: "flags", words }) as const;
export const handle = <const K extends HandleKind>(of: K, or?: HandleKind) => ({ kind: "handle", of, or }) as const;
export const buffer = { kind: "buffer" } as const;
export const optional = <const T extends ParamType>(of: T) => ({ kind: "optional", of }) as const;
export const status = { kind: "status" } as const;
export const bytes = { kind: "number", unit: "bytes" } as const;
export const number = (unit: string) => ({ kind: "number", unit }) as const;
