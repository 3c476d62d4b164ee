/**
 * The systems that the threads argue about, and how a test is known to be about one: by the
 * operations that it names, by the device that a driver acts for, or by rules that it comes to.
 */
import type { CallStep, Step, Test } from "@litmap/litmus";

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
  /** Where it lies in the kernel. */
  readonly source: string;
  readonly calls?: readonly Named[];
  readonly devices?: readonly string[];
  /** Subjects of the rule book, or single rules. */
  readonly rules?: readonly string[];
}

export const systems: readonly System[] = [
  { name: "system heap", threads: [1, 2, 3], source: "drivers/dma-buf/heaps/system_heap.c", calls: [{ op: "dma_heap_alloc", word: "system" }], rules: ["system-heap"] },
  { name: "CMA heap", threads: [2, 5], source: "drivers/dma-buf/heaps/cma_heap.c", calls: [{ op: "dma_heap_alloc", word: "cma" }], rules: ["cma"] },
  { name: "udmabuf", threads: [2, 3], source: "drivers/dma-buf/udmabuf.c", calls: [{ op: "udmabuf_create" }, { op: "udmabuf_create_list" }], rules: ["udmabuf"] },
  { name: "dma-buf core", threads: [1, 2, 3, 4], source: "drivers/dma-buf/dma-buf.c", rules: ["dma-buf"] },
  { name: "GEM core and PRIME", threads: [2, 4], source: "drivers/gpu/drm/drm_gem.c, drm_prime.c", rules: ["gem"] },
  { name: "drm-shmem", threads: [4], source: "drivers/gpu/drm/drm_gem_shmem_helper.c", rules: ["drm-shmem"] },
  { name: "vgem", threads: [4], source: "drivers/gpu/drm/vgem", calls: [{ op: "drm_open", word: "vgem" }] },
  { name: "virtio-gpu", threads: [4], source: "drivers/gpu/drm/virtio", calls: [{ op: "drm_open", word: "virtio_gpu" }] },
  { name: "bochs", threads: [2], source: "drivers/gpu/drm/tiny/bochs.c", calls: [{ op: "drm_open", word: "bochs" }] },
  { name: "qxl", threads: [2], source: "drivers/gpu/drm/qxl", calls: [{ op: "drm_open", word: "qxl" }] },
  { name: "vkms", threads: [4], source: "drivers/gpu/drm/vkms", calls: [{ op: "drm_open", word: "vkms" }] },
  { name: "TTM", threads: [2], source: "drivers/gpu/drm/ttm", rules: ["ttm"] },
  { name: "vb2-vmalloc", threads: [2, 5], source: "drivers/media/common/videobuf2/videobuf2-vmalloc.c", rules: ["vb2-vmalloc"] },
  { name: "vb2-dma-contig", threads: [5], source: "drivers/media/common/videobuf2/videobuf2-dma-contig.c", rules: ["vb2-dma-contig"] },
  { name: "frame vectors", threads: [5], source: "drivers/media/common/videobuf2/frame_vector.c", rules: ["frame-vector"] },
  { name: "AF_PACKET ring", threads: [2], source: "net/packet/af_packet.c", calls: [{ op: "packet_ring" }], rules: ["packet"] },
  { name: "io_uring ring", threads: [2], source: "io_uring/memmap.c", calls: [{ op: "io_uring_ring" }], rules: ["io-uring-ring"] },
  { name: "PCI BAR", threads: [2, 5], source: "drivers/pci/mmap.c", calls: [{ op: "pci_bar" }], rules: ["pci-bar"] },
  { name: "KVM", threads: [5], source: "virt/kvm/kvm_main.c", rules: ["kvm"] },
  { name: "VFIO", threads: [5], source: "drivers/vfio/vfio_iommu_type1.c", rules: ["vfio"] },
  { name: "fences of user space", threads: [1], source: "drivers/dma-buf/sw_sync.c", calls: [{ op: "sw_sync_fence" }] },
  { name: "get_user_pages, FOLL_LONGTERM", threads: [2, 5], source: "mm/gup.c", rules: ["gup", "gup-fast", "pin"] },
];

/** Whether a test is about a system; `rules` are those that it comes to on some release. */
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
  return word === undefined || Object.values(call.args).some((argument) => argument.kind === "words" && argument.words.includes(word));
}

function* callsOf(steps: readonly Step[]): Generator<CallStep> {
  for (const step of steps) {
    if (step.kind === "call") yield step;
    else if (step.kind === "faults") yield* callsOf(step.body);
    else if (step.kind === "parallel") for (const branch of step.branches) yield* callsOf(branch.body);
  }
}
