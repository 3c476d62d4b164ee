/** The kinds of memory that a process can map, from the catalogue: what a kernel of a distribution has. */
import { cameraRow, cameras, drmNodeRow, drmNodes, heapRow, heaps } from "@litmap/litmus";
import type { CameraName, DrmNodeName, HeapName } from "@litmap/litmus";

/** One kind of memory, and how a test gets a new object of it. */
export interface Kind {
  /** As test names have it. */
  readonly name: string;
  /** As questions have it. */
  readonly what: string;
  /** Once a test. */
  readonly setup: readonly string[];
  /** Object number `i`, whose descriptor is called `fd` where a test names it. */
  object(i: number, size: string): readonly string[];
  /** What mmap takes of object number `i`. */
  mapped(i: number): { readonly file: string; readonly offset?: string };
  /** A dma-buf: the same object as lines that bind it to `fd`. */
  dmaBuf?(size: string): readonly string[];
  /** Sizes in bytes where they were first written so: other steps would be another test, without its evidence. */
  readonly bytes?: { readonly object?: readonly Family[]; readonly calls?: readonly Family[] };
  /** Not in these tables: another kind has the same mmap and answers alike. */
  readonly like?: string;
  /** A page behind the mapping, so that mremap has to move it to grow. */
  readonly walled?: true;
}

export type Family =
  | "account"
  | "advised"
  | "dontneed"
  | "forked"
  | "layout"
  | "moved"
  | "populate"
  | "private"
  | "reach";

/** Kinds whose twin is in the tables. */
const twins: Readonly<Record<string, string>> = {
  "virtio-gpu": "vgem",
  "bochs-prime": "bochs",
  "qxl-prime": "qxl",
  "virtio-gpu-prime": "vgem-prime",
};

/** A question about one object of `size` bytes. */
const inBytes = { object: ["private"] } as const;

function heapKind(word: HeapName): Kind {
  const name = `${word}-heap`;
  return {
    name,
    what: `a ${name} buffer`,
    setup: [],
    object: (i, size) => [`b${i} = dma_heap_alloc(${word}, ${size})`],
    mapped: (i) => ({ file: `b${i}` }),
    dmaBuf: (size) => [`fd = dma_heap_alloc(${word}, ${size})`],
  };
}

function dumbKinds(word: DrmNodeName): Kind[] {
  const name = word.replaceAll("_", "-");
  const setup = [`card = drm_open(${word})`];
  return [
    {
      name,
      what: `a ${name} dumb buffer`,
      setup,
      object: (i, size) => [`h${i} = dumb_create(card, ${size})`, `o${i} = dumb_map(card, h${i})`],
      mapped: (i) => ({ file: "card", offset: `o${i}` }),
      bytes: inBytes,
      like: twins[name],
    },
    {
      name: `${name}-prime`,
      what: `a ${name} dma-buf`,
      setup,
      object: (i, size) => [`h${i} = dumb_create(card, ${size})`, `b${i} = prime_export(card, h${i})`],
      mapped: (i) => ({ file: `b${i}` }),
      dmaBuf: (size) => [...setup, `h = dumb_create(card, ${size})`, "fd = prime_export(card, h)"],
      bytes: inBytes,
      like: twins[`${name}-prime`],
    },
  ];
}

/** How questions name the buffers of a camera, and tests the allocator. */
const allocators: Readonly<Record<string, string>> = {
  "vb2-vmalloc": "vmalloc",
  "vb2-dma-contig": "contiguous",
  "vb2-dma-sg": "scatter-gather",
};

function cameraKinds(word: CameraName): Kind[] {
  const name = cameraRow(word).system;
  const setup = [`cam = v4l2_open(${word})`, "count = reqbufs(cam, mmap, 6)"];
  const buffer = `${allocators[name]} camera buffer`;
  return [
    {
      name,
      what: `a ${buffer}`,
      setup,
      object: (i) => [`o${i} = querybuf(cam, ${i})`],
      mapped: (i) => ({ file: "cam", offset: `o${i}` }),
      bytes: { calls: ["reach"] },
    },
    {
      name: `${name}-export`,
      what: `an exported ${buffer}`,
      setup,
      object: (i) => [`b${i} = expbuf(cam, ${i})`],
      mapped: (i) => ({ file: `b${i}` }),
      bytes: { calls: ["reach"] },
    },
  ];
}

const udmabuf: Kind = {
  name: "udmabuf",
  what: "a udmabuf",
  setup: [],
  object: (i, size) => [`m${i} = memfd_create(${size}, seal_shrink)`, `b${i} = udmabuf_create(m${i}, 0, ${size})`],
  mapped: (i) => ({ file: `b${i}` }),
  dmaBuf: (size) => [`m = memfd_create(${size}, seal_shrink)`, `fd = udmabuf_create(m, 0, ${size})`],
  bytes: inBytes,
};

/** What is no exporter, for comparison. */
const others: readonly Kind[] = [
  {
    name: "memfd",
    what: "a memfd",
    setup: [],
    object: (i, size) => [`m${i} = memfd_create(${size})`],
    mapped: (i) => ({ file: `m${i}` }),
    bytes: { object: ["advised", "layout", "reach"], calls: ["reach"] },
  },
  {
    name: "packet-ring",
    what: "a packet ring",
    setup: [],
    object: (i, size) => [`ring${i} = packet_ring(${size})`],
    mapped: (i) => ({ file: `ring${i}` }),
    walled: true,
  },
  {
    name: "pci-bar",
    what: "a PCI BAR",
    setup: [],
    object: (i) => [`bar${i} = pci_bar(edu)`],
    mapped: (i) => ({ file: `bar${i}` }),
    bytes: { calls: ["forked", "reach"] },
  },
];

/** What every kernel of a distribution has, on a machine that QEMU has. */
const common = (row: { readonly modelOnly?: string; readonly lacking?: string }): boolean =>
  row.modelOnly === undefined && row.lacking === undefined;

const names = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

export const kinds: readonly Kind[] = [
  ...names(heaps)
    .filter((word) => common(heapRow(word)))
    .map(heapKind),
  ...names(drmNodes)
    .filter((word) => common(drmNodeRow(word)))
    .flatMap(dumbKinds),
  ...names(cameras)
    .filter((word) => common(cameraRow(word)))
    .flatMap(cameraKinds),
  udmabuf,
  ...others,
];
