/**
 * What a test needs beyond what every machine has: devices, which the runner attaches, and memory set aside for them.
 */
import { callsOf, deviceRow, heapRow, soundCards } from "@litmap/litmus";
import type { Argument, CallStep, DrmNodeName, HeapName, SoundCardName, Test } from "@litmap/litmus";

/** A device, by the driver that serves it; `cma` is contiguous memory for the heap of that name. */
export type Need =
  | DrmNodeName
  | "vivid"
  | "edu"
  | "kvm"
  | "vfio"
  | "packet"
  | "sound"
  | "sound-iommu"
  | "p2pmem"
  | "module"
  | "iommu"
  | "cma";

/** The devices that a test's operations name, sorted. */
export function needsOf(test: Test): Need[] {
  const needs = new Set<Need>();
  if (test.actors.some(({ kind }) => kind === "driver" || kind === "kernel")) needs.add("module");
  for (const { device } of test.actors) {
    const need = device === undefined ? undefined : deviceRow(device)?.needs;
    if (need !== undefined) needs.add(need);
  }
  for (const call of [...callsOf(test.steps), ...test.observers.map((observer) => observer.call)]) {
    const need = needOf(call);
    if (need !== undefined) needs.add(need);
  }
  return [...needs].sort();
}

/**
 * Whether a test leaves a device in another state than it found it: edu's memory decoding stays on once VFIO has opened
 * the device, its registers keep what was written, video memory of qxl is given out again as it is, and an IOMMU keeps
 * the addresses of a table that was mapped twice or detached while mapped. Memory of an NVMe controller is given out
 * again as well: a test must store before it loads.
 */
export function changesDevices(test: Test): boolean {
  let mapped = 0;
  for (const { op, args } of callsOf(test.steps)) {
    if (op === "vfio_dma" || (op === "drm_open" && word(args.device) === "qxl")) return true;
    if (op === "map_attachment") mapped++;
    if ((op === "detach" || mapped > 1) && mapped > 0 && behindIommu(test)) return true;
  }
  return false;
}

function behindIommu(test: Test): boolean {
  return test.actors.some(({ device }) => device !== undefined && deviceRow(device)?.needs === "iommu");
}

function needOf(call: CallStep): Need | undefined {
  switch (call.op) {
    case "cache_mode":
      return "module";
    case "dma_heap_alloc":
      return heapRow(word(call.args.heap) as HeapName).needs;
    case "chardev":
      return word(call.args.memory) === "cma" ? "cma" : undefined;
    case "drm_open":
      return word(call.args.device) as DrmNodeName;
    case "v4l2_open":
      return "vivid";
    case "packet_ring":
      return "packet";
    case "pcm_open":
      return soundCards[word(call.args.device) as SoundCardName].needs;
    case "p2pmem":
    case "nvme_open":
      return "p2pmem";
    case "pci_bar":
      return "edu";
    case "kvm_create":
      return "kvm";
    case "vfio_open":
      return "vfio";
    default:
      return undefined;
  }
}

/** A word that the operation has a default for is always there. */
function word(argument: Argument | undefined): string | undefined {
  return argument?.kind === "words" ? argument.words[0] : undefined;
}
