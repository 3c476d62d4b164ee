/** corpus/matrix: every question about a mapping, put to every kind of memory that the catalogue has. */
import {
  account,
  advised,
  afterMoves,
  duplicates,
  forked,
  layout,
  moves,
  protections,
  questions,
  reached,
  zapped,
} from "./questions.js";
import { answerTo } from "./generated.js";
import type { Cell } from "./generated.js";
import { kinds } from "./kinds.js";
import type { Family, Kind } from "./kinds.js";

/** A mapping of a kind's object, as its lines. */
interface Mapping {
  readonly binding?: string;
  readonly object?: number;
  readonly length?: string;
  readonly prot?: string;
  readonly flags?: string;
}

/** A new object and a mapping of it. */
function mapping(kind: Kind, family: Family, { binding = "va", object = 0, ...how }: Mapping = {}): string[] {
  const size = kind.bytes?.object?.includes(family) ? "16K" : "4p";
  const { file, offset } = kind.mapped(object);
  const args = [file, how.length ?? "4p", how.prot ?? "rw", how.flags ?? "shared", ...(offset ? [offset] : [])];
  return [...kind.object(object, size), `${binding} = mmap(${args.join(", ")})`];
}

const callLength = (kind: Kind, family: Family): string => (kind.bytes?.calls?.includes(family) ? "4K" : "1p");

/** One mapping of four pages, and steps on it. */
const onOne =
  (family: Family, steps: (kind: Kind) => readonly string[]) =>
  (kind: Kind): string[] => [...kind.setup, ...mapping(kind, family), ...steps(kind)];

function dontneed(kind: Kind): string[] {
  const before = [...kind.setup, ...mapping(kind, "dontneed"), ...zapped];
  return [...before, ...protections(answerTo(before, "ld") !== "ok", ["rp", "wp", "xp"])];
}

function moved(kind: Kind): string[] {
  const lines = moves.flatMap(({ on, call }, object) => [
    ...mapping(kind, "moved", { binding: on, object }),
    `touch(${on}, 4p, write)`,
    ...(kind.walled && on === "a" ? ["wall = mmap(anon, 1p, none, private, at: a + 4p)"] : []),
    call,
  ]);
  const before = [...kind.setup, ...lines];
  const grown = answerTo(before, "grow") === "ok" ? ["past = load(grow + 4p)"] : [];
  const duplicated = answerTo(before, "dup") === "ok" ? duplicates : [];
  return [...before, ...grown, ...duplicated, ...afterMoves("seen")];
}

function populate(kind: Kind): string[] {
  return [
    ...kind.setup,
    ...mapping(kind, "populate", { length: "1p", flags: "shared|populate" }),
    "p = pagemap(va)",
    ...mapping(kind, "populate", { binding: "vl", object: 1, length: "1p", flags: "shared|locked" }),
    "s = smaps(vl)",
    "pl = pagemap(vl)",
  ];
}

/** The longest private mapping that there is, up to two pages, is read and written. */
function privately(kind: Kind): string[] {
  const map = (binding: string, object: number, length: string, prot: string): string[] =>
    mapping(kind, "private", { binding, object, length, prot, flags: "private" });
  const before = [...kind.setup, ...map("r1", 0, "1p", "r"), ...map("r2", 1, "2p", "r"), ...map("w2", 2, "2p", "rw")];
  const length = ["2p", "1p"].find((pages) => answerTo([...before, ...map("va", 3, pages, "rw")], "va") === "ok");
  if (length === undefined) return [...before, ...map("va", 3, "1p", "rw")];
  return [
    ...before,
    ...map("va", 3, length, "rw"),
    `touch(va, ${length}, read)`,
    "seen = smaps(va)",
    "here = pagemap(va)",
    "store(va, 0x77)",
    "own = smaps(va)",
    "mine = pagemap(va)",
    "vm = process_vm_readv(va, 16)",
  ];
}

/** Questions about a mapping, with the word that test names have for each. */
const families: Readonly<Record<Family, { question(what: string): string; steps(kind: Kind): readonly string[] }>> = {
  account: { question: questions.account, steps: onOne("account", () => account) },
  advised: { question: questions.advised, steps: onOne("advised", () => advised) },
  dontneed: { question: questions.zapped, steps: dontneed },
  forked: {
    question: questions.forked,
    steps: onOne("forked", (kind) => forked("4p", callLength(kind, "forked"), true)),
  },
  layout: { question: questions.layout, steps: onOne("layout", () => layout(0)) },
  moved: { question: questions.moved, steps: moved },
  populate: { question: questions.populate, steps: populate },
  private: { question: questions.private, steps: privately },
  reach: { question: questions.reached, steps: onOne("reach", (kind) => reached(callLength(kind, "reach"), "n")) },
};

/** Calls on the descriptor of a dma-buf, and the size of the buffer. */
const onDescriptor = [
  {
    name: "file-calls",
    question: (what: string) => `Which file operations work on ${what}?`,
    size: "16K",
    steps: [
      "a = mmap(anon, 4K, rw, private)",
      "e0 = lseek(fd, 0, end)",
      "e1 = lseek(fd, 1, end)",
      "s0 = lseek(fd, 0, set)",
      "s1 = lseek(fd, 1, set)",
      "c0 = lseek(fd, 0, cur)",
      "rd = read(fd, a, 16)",
      "wr = write(fd, a, 16)",
      "pr = pread(fd, a, 16, 0)",
      "tr = ftruncate(fd, 4K)",
      "fa = fallocate(fd, allocate, 0, 4K)",
      "fs = fsync(fd)",
      "re = reopen(fd, rw)",
      "un = ioctl(fd, 0x6250)",
    ],
  },
  {
    name: "mmap-calls",
    question: (what: string) => `Which ranges of ${what} can be mapped, and how?`,
    size: "4p",
    steps: [
      "big = mmap(fd, 5p, rw, shared)",
      "off = mmap(fd, 1p, rw, shared, 4p)",
      "last = mmap(fd, 1p, rw, shared, 3p)",
      "part = mmap(fd, 100, rw, shared)",
      "un = mmap(fd, 1p, rw, shared, 100)",
      "rwx = mmap(fd, 4p, rwx, shared)",
      "syn = mmap(fd, 4p, rw, shared_validate|sync)",
    ],
  },
  {
    name: "sync-calls",
    question: (what: string) => `Which dma-buf ioctls does ${what} support?`,
    size: "16K",
    steps: [
      "z = dma_buf_sync(fd, start)",
      "b8 = dma_buf_sync(fd, start|bit3)",
      "eo = dma_buf_sync(fd, end)",
      "e1 = dma_buf_sync(fd, end|read|write)",
      "s1 = dma_buf_sync(fd, start|read|write)",
      "s2 = dma_buf_sync(fd, start|read|write)",
      "e2 = dma_buf_sync(fd, end|read|write)",
      "e3 = dma_buf_sync(fd, end|read|write)",
      "sr = dma_buf_sync(fd, start|read)",
      "ew = dma_buf_sync(fd, end|write)",
      "nl = ioctl(fd, 0x40086200)",
      'n31 = dma_buf_set_name(fd, "0123456789012345678901234567890")',
      'n32 = dma_buf_set_name(fd, "01234567890123456789012345678901")',
      'n0 = dma_buf_set_name(fd, "")',
      'nf = dma_buf_set_name(fd, "foo")',
      "nn = ioctl(fd, 0x40086201)",
      "x0 = dma_buf_export_sync_file(fd, none)",
      "xb = dma_buf_export_sync_file(fd, end)",
      "xr = dma_buf_export_sync_file(fd, read)",
      "xw = dma_buf_export_sync_file(fd, read|write)",
      "iw = dma_buf_import_sync_file(fd, xr, write)",
      "im = dma_buf_import_sync_file(fd, fd, write)",
      "i0 = dma_buf_import_sync_file(fd, xr, none)",
    ],
  },
];

/** bochs exports by the same drm_gem_prime code as vgem. */
const undescribed = new Set(["bochs-prime"]);

/** What a question is about, where it is not a mapping of the memory. */
const subject: Partial<Record<string, string>> = { dontneed: "pages of ", private: "" };

function ofMappings(kind: Kind): Cell[] {
  if (kind.like !== undefined) return [];
  return Object.entries(families).map(([family, { question, steps }]) => ({
    name: `${family}-of-${kind.name}`,
    question: question(subject[family] === undefined ? `a mapping of ${kind.what}` : `${subject[family]}${kind.what}`),
    steps: steps(kind),
  }));
}

function ofDescriptors({ name, what, dmaBuf }: Kind): Cell[] {
  if (dmaBuf === undefined || undescribed.has(name)) return [];
  return onDescriptor.map((family) => ({
    name: `${family.name}-${name}`,
    question: family.question(what),
    steps: [...dmaBuf(family.size), ...family.steps],
  }));
}

/** All tests of the folder. */
export const matrix = (): Cell[] => kinds.flatMap((kind) => [...ofMappings(kind), ...ofDescriptors(kind)]);
