/** Tables of corpus/chardev: the same questions about memory of a driver's character device, one row a way to map it. */
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

/** One way in which a driver maps its memory. */
interface Way {
  readonly what: string;
  /** Arguments of chardev() after the size. */
  readonly args: string;
  /** A child's memory is read in bytes: as it was first written. */
  readonly bytes?: true;
}

const ways: Readonly<Record<string, Way>> = {
  "fault-page": { what: "pages from a fault handler", args: "fault_page", bytes: true },
  "fault-page-io": { what: "pages from a fault handler with VM_IO", args: "fault_page, flags: io", bytes: true },
  "fault-page-mixedmap": {
    what: "pages from a fault handler with VM_MIXEDMAP",
    args: "fault_page, flags: mixedmap",
  },
  "remap-pfn-range": { what: "memory mapped by remap_pfn_range", args: "remap_pfn_range" },
  "vm-insert-page": { what: "pages mapped by vm_insert_page", args: "vm_insert_page" },
  "vm-insert-page-io": { what: "pages mapped by vm_insert_page with VM_IO", args: "vm_insert_page, flags: io" },
  "vmf-insert-mixed": { what: "memory mapped by vmf_insert_mixed", args: "vmf_insert_mixed" },
  "vmf-insert-mixed-iomem": { what: "I/O memory mapped by vmf_insert_mixed", args: "vmf_insert_mixed, iomem" },
  "vmf-insert-pfn": { what: "memory mapped by vmf_insert_pfn", args: "vmf_insert_pfn" },
  "vmf-insert-pfn-iomem": { what: "I/O memory mapped by vmf_insert_pfn", args: "vmf_insert_pfn, iomem" },
};

const device = ({ args }: Way, size: string): string[] => [
  "driver D on chardev",
  `D: dev = chardev(${size}, ${args})`,
  "fd = receive(dev)",
];

const mapped = (way: Way): string[] => [...device(way, "4p"), "va = mmap(fd, 4p, rw, shared)"];

function dontneed(way: Way): string[] {
  const before = [...mapped(way), ...zapped];
  return [...before, ...protections(answerTo(before, "ld") !== "ok", ["r", "w", "x"])];
}

/** Every mapping is of other pages; the first ends where the device does. */
function mremap(way: Way): string[] {
  const offsets = [", 16p", ", 4p", ", 8p", ", 12p", ""];
  const lines = moves.flatMap(({ on, call }, i) => [
    `${on} = mmap(fd, 4p, rw, shared${offsets[i]})`,
    `touch(${on}, 4p, write)`,
    call,
  ]);
  const before = [...device(way, "20p"), ...lines];
  const grown = answerTo(before, "grow") === "ok" ? ["beyond = load(grow + 4p)"] : [];
  const duplicated = answerTo(before, "dup") === "ok" ? duplicates : [];
  return [...before, ...grown, ...duplicated, ...afterMoves("moved")];
}

const populate = (way: Way): string[] => [
  ...device(way, "4p"),
  "va = mmap(fd, 1p, rw, shared|populate)",
  "p = pagemap(va)",
  "vl = mmap(fd, 1p, rw, shared|locked, 1p)",
  "s = smaps(vl)",
  "pl = pagemap(vl)",
];

/** The longest private mapping that there is, up to two pages, is read and written. */
function privately(way: Way): string[] {
  const before = [
    ...device(way, "8p"),
    "r1 = mmap(fd, 1p, r, private)",
    "r2 = mmap(fd, 2p, r, private, 2p)",
    "w2 = mmap(fd, 2p, rw, private, 4p)",
  ];
  const map = (length: string): string => `va = mmap(fd, ${length}, rw, private, 6p)`;
  const length = ["2p", "1p"].find((pages) => answerTo([...before, map(pages)], "va") === "ok");
  if (length === undefined) return [...before, map("1p")];
  return [
    ...before,
    map(length),
    "load(va)",
    "seen = smaps(va)",
    "here = pagemap(va)",
    "store(va, 0x77)",
    "own = smaps(va)",
    "mine = pagemap(va)",
    "vm = process_vm_readv(va, 16)",
    "both = mmap(fd, 1p, r, shared, 6p)",
    "orig = load(both)",
  ];
}

/** Questions, with the word that test names have for each. */
const families: Readonly<Record<string, { question(what: string): string; steps(way: Way): readonly string[] }>> = {
  account: { question: questions.account, steps: (way) => [...mapped(way), ...account] },
  advice: { question: questions.advised, steps: (way) => [...mapped(way), ...advised] },
  dontneed: { question: questions.zapped, steps: dontneed },
  fork: {
    question: questions.forked,
    steps: (way) => [...mapped(way), ...forked("1p", way.bytes ? "4K" : "1p", false)],
  },
  layout: { question: questions.layout, steps: (way) => [...mapped(way), ...layout(1)] },
  mremap: { question: questions.moved, steps: mremap },
  populate: { question: questions.populate, steps: populate },
  private: { question: questions.private, steps: privately },
  reach: { question: questions.reached, steps: (way) => [...mapped(way), ...reached("4K", "b")] },
};

/** The tests of the folder that are rows of these tables; the others are written by hand. */
export const chardev = (): Cell[] =>
  Object.entries(families).flatMap(([family, { question, steps }]) =>
    Object.entries(ways).map(([name, way]) => ({
      name: `${family}-${name}`,
      question: question(way.what),
      steps: steps(way),
    })),
  );
