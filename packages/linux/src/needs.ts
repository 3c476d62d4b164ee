/** What a test needs beyond what every machine has: devices, which the runner attaches, and memory set aside for them. */
import { callsOf } from "@litmap/litmus";
import type { Argument, CallStep, Test } from "@litmap/litmus";

/** A device, by the driver that serves it; `cma` is contiguous memory for the heap of that name. */
export type Need =
  | "vgem"
  | "virtio_gpu"
  | "bochs"
  | "qxl"
  | "vkms"
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
    if (device === "pci-iommu") needs.add("iommu");
    if (device === "cma") needs.add("cma");
  }
  for (const call of callsOf(test.steps)) {
    const need = needOf(call);
    if (need !== undefined) needs.add(need);
  }
  return [...needs].sort();
}

function needOf(call: CallStep): Need | undefined {
  switch (call.op) {
    case "dma_heap_alloc":
      return word(call.args.heap) === "cma" ? "cma" : undefined;
    case "drm_open":
      return word(call.args.device) as Need | undefined;
    case "v4l2_open":
      return "vivid";
    case "packet_ring":
      return "packet";
    case "pcm_open":
      return word(call.args.device) === "es1370_iommu" ? "sound-iommu" : "sound";
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

function word(argument: Argument | undefined): string | undefined {
  return argument?.kind === "words" ? argument.words[0] : undefined;
}
