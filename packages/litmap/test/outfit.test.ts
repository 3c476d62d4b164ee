import type { Need } from "@litmap/linux";
import { describe, expect, test } from "vitest";
import { noMachine, outfitFor } from "../src/machines/outfit.js";

describe("a machine for what a test needs", () => {
  const named = (...needs: Need[]): string => outfitFor(needs).name;

  test("has the devices together", () => {
    expect(named()).toBe("plain");
    expect(named("vivid", "qxl")).toBe("devices");
    expect(named("kvm", "bochs")).toBe("guests");
    expect(named("vfio", "virtio_gpu", "vivid", "edu", "kvm")).toBe("iommu");
    expect(named("vfio", "sound-iommu")).toBe("iommu");
    expect(named("p2pmem", "vivid", "edu", "qxl")).toBe("device-memory");
    expect(named("sound", "vfio")).toBe("device-memory-vfio");
  });

  test("names the combination that none has", () => {
    expect(noMachine(["sound", "vfio", "vivid"])).toBeUndefined();
    expect(noMachine(["sound-iommu", "vfio"])).toBeUndefined();
    expect(noMachine(["p2pmem", "iommu"])).toBe(
      "no machine has both memory of an NVMe controller and a driver on a device behind an IOMMU: " +
        "its devices are all behind an IOMMU, or none is",
    );
  });
});
