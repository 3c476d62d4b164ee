/**
 * The systems that the threads argue about, and how a test is known to be about one: by the
 * operations that it names, by the device that a driver acts for, or by rules that it reaches.
 */
import { callsOf, systems as catalogue, uses } from "@litmap/litmus";
import type { CallStep, Test } from "@litmap/litmus";

/** The threads, by number. */
export const threads = [
  { title: "dma-buf: heaps: Map system heap pages as managed by linux vm", when: "January 2021" },
  { title: "dma-buf: Require VM_PFNMAP vma for mmap", when: "February 2021" },
  { title: "udmabuf: cancel mmap page fault, direct map it", when: "August 2024" },
  { title: "drm/shmem-helper: vmap and vunmap by pin and unpin, for a shrinker", when: "April 2025" },
  { title: "mm/frame-vec: use FOLL_LONGTERM", when: "October 2020" },
] as const;

/** A call of an operation; with `word`, one that has this word among its arguments. */
export interface Named {
  readonly op: CallStep["op"];
  readonly word?: string;
}

export interface System {
  readonly name: string;
  /** Numbers of {@link threads}, from 1. */
  readonly threads: readonly number[];
  /** Its place in the kernel source. */
  readonly source: string;
  readonly calls?: readonly Named[];
  readonly devices?: readonly string[];
  /** Subjects of the rule book, or single rules. */
  readonly rules?: readonly string[];
}

/** The exporters' rows of the catalogue, with the words by which tests name them. */
const exporters: readonly System[] = Object.entries(catalogue).map(([name, { source, threads: about, rules }]) => {
  const named = uses.filter(({ system }) => system === name);
  return {
    name,
    source,
    threads: about,
    rules,
    calls: named.flatMap(({ op, word }) => (op === undefined ? [] : [{ op, word }])),
    devices: named.flatMap(({ op, word }) => (op === undefined ? [word] : [])),
  };
});

export const systems: readonly System[] = [
  ...exporters,
  {
    name: "udmabuf",
    threads: [2, 3],
    source: "drivers/dma-buf/udmabuf.c",
    calls: [{ op: "udmabuf_create" }, { op: "udmabuf_create_list" }],
    rules: ["udmabuf"],
  },
  { name: "dma-buf core", threads: [1, 2, 3, 4], source: "drivers/dma-buf/dma-buf.c", rules: ["dma-buf"] },
  {
    name: "mapping primitives",
    threads: [1, 2],
    source: "mm/memory.c",
    calls: [{ op: "chardev" }],
    rules: ["insert", "chardev"],
  },
  {
    name: "GEM core and PRIME",
    threads: [2, 4],
    source: "drivers/gpu/drm/drm_gem.c, drm_prime.c",
    rules: ["gem", "gem-driver"],
  },
  { name: "PAT and page attributes", threads: [2], source: "arch/x86/mm/pat", rules: ["pat"] },
  {
    name: "frame vectors",
    threads: [5],
    source: "drivers/media/common/videobuf2/frame_vector.c",
    rules: ["frame-vector"],
  },
  {
    name: "AF_PACKET ring",
    threads: [2],
    source: "net/packet/af_packet.c",
    calls: [{ op: "packet_ring" }],
    rules: ["packet"],
  },
  {
    name: "io_uring ring",
    threads: [2],
    source: "io_uring/memmap.c",
    calls: [{ op: "io_uring_ring" }],
    rules: ["io-uring-ring"],
  },
  { name: "PCI BAR", threads: [2, 5], source: "drivers/pci/mmap.c", calls: [{ op: "pci_bar" }], rules: ["pci-bar"] },
  { name: "P2P DMA", threads: [2, 5], source: "drivers/pci/p2pdma.c", calls: [{ op: "p2pmem" }], rules: ["p2pdma"] },
  { name: "KVM", threads: [5], source: "virt/kvm/kvm_main.c", rules: ["kvm", "secondary-mmu"] },
  { name: "VFIO", threads: [5], source: "drivers/vfio/vfio_iommu_type1.c", rules: ["vfio"] },
  { name: "fences of user space", threads: [1], source: "drivers/dma-buf/sw_sync.c", calls: [{ op: "sw_sync_fence" }] },
  {
    name: "memory registration",
    threads: [5],
    source: "drivers/infiniband/core/umem.c, umem_odp.c",
    calls: [{ op: "reg_mr" }],
    rules: ["mr", "hmm"],
  },
  {
    name: "get_user_pages, FOLL_LONGTERM",
    threads: [2, 5],
    source: "mm/gup.c",
    rules: ["gup", "gup-fast", "pin", "gup-test"],
  },
  { name: "core dumps", threads: [2], source: "fs/coredump.c", calls: [{ op: "core_dump" }], rules: ["coredump"] },
  {
    name: "charging of buffers",
    threads: [1],
    source: "drivers/dma-buf, mm/memcontrol.c (proposed)",
    calls: [{ op: "xfer_charge" }, { op: "charged" }],
  },
];

/** Whether a test is about a system; `rules` are those that it reaches on some release. */
export function isAbout(system: System, test: Test, rules: ReadonlySet<string>): boolean {
  const { calls = [], devices = [] } = system;
  if (test.actors.some(({ device }) => device !== undefined && devices.includes(device))) return true;
  if ([...rules].some((rule) => hasRule(system, rule))) return true;
  return calls.length > 0 && [...callsOf(test.steps)].some((call) => calls.some((named) => names(call, named)));
}

/** Whether a rule is one of a system's own. */
export function hasRule({ rules = [] }: System, rule: string): boolean {
  return rules.includes(rule) || rules.includes(rule.split("/")[0]);
}

function names(call: CallStep, { op, word }: Named): boolean {
  if (call.op !== op) return false;
  return (
    word === undefined ||
    Object.values(call.args).some((argument) => argument.kind === "words" && argument.words.includes(word))
  );
}
