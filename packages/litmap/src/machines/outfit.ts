/** What a virtual machine is fitted out with, by what a test needs: modules, devices, command line. */
import { drmNodeRow, drmNodes } from "@litmap/litmus";
import type { DrmNodeName, Isa } from "@litmap/litmus";
import type { Need } from "@litmap/linux";
import type { ModuleRequest } from "@litmap/kernels";

export interface Outfit {
  readonly name: string;
  readonly modules: readonly ModuleRequest[];
  /** Arguments to QEMU. */
  readonly devices: readonly string[];
  readonly cpuFeatures: readonly string[];
  readonly cmdline: readonly string[];
  readonly cpus?: number;
}

/** A disk that tests may overwrite, in the guest's memory. */
export const ramdisk = "ram0";

/** As many 2 MiB pages as the model has. */
const cmdline = ["hugepages=32"];
/** Where pages of 16 KiB make larger ones the default. */
const cmdlineArm = ["default_hugepagesz=2M", "hugepagesz=2M", "hugepages=32"];
const disk: ModuleRequest = { name: "brd", params: "rd_nr=1 rd_size=16384" };

/** Does what drivers and the kernel itself do (module/), with the allocators that it finds loaded. */
const testModule: readonly ModuleRequest[] = [
  { name: "videobuf2-vmalloc" },
  { name: "videobuf2-dma-contig" },
  { name: "videobuf2-dma-sg" },
  { name: "drm_dma_helper" },
  { name: "litmap" },
];

const vivid: ModuleRequest = { name: "vivid", params: "n_devs=2 allocators=0,1 node_types=0x1,0x1" };

const plain: Outfit = { name: "plain", modules: [disk], devices: [], cpuFeatures: [], cmdline };

/** The DRM devices that QEMU has, in the order of their cards. */
const cards = (Object.keys(drmNodes) as DrmNodeName[])
  .map(drmNodeRow)
  .filter(({ modelOnly }) => modelOnly === undefined);
const cardsArm = cards.filter(({ x86Only }) => x86Only !== true);

type Cards = typeof cards;

const drmModules = (among: Cards): ModuleRequest[] =>
  among.flatMap(({ modules = [] }) => modules.map((name) => ({ name })));
const drmDevices = (among: Cards): string[] =>
  among.flatMap(({ qemu }) => (qemu === undefined ? [] : ["-device", qemu]));

/** Everything that tests can name, on one machine: it boots once for all of them. */
const devices: Outfit = {
  name: "devices",
  modules: [disk, ...drmModules(cards), vivid, { name: "af_packet" }, { name: "kvm_amd" }],
  devices: [...drmDevices(cards), "-device", "edu,addr=0x1e"],
  cpuFeatures: ["+svm"],
  cmdline,
};

/**
 * For guests within: one processor. The first guest switches code of the scheduler in that
 * another processor may run meanwhile, and QEMU's emulation of that ends in an oops now and then.
 */
const guests: Outfit = { ...devices, name: "guests", cpus: 1 };

/** An emulated IOMMU, and a device behind it that user space drives. */
const iommu: Outfit = {
  name: "iommu",
  modules: [
    disk,
    { name: "vgem" },
    vivid,
    { name: "kvm_amd" },
    { name: "vfio_iommu_type1" },
    { name: "vfio-pci", params: "ids=1234:11e8" },
  ],
  // By itself edu knows addresses of 28 bits.
  devices: [
    "-machine",
    "q35",
    "-device",
    "intel-iommu,intremap=on",
    "-device",
    "edu,addr=0x1e,dma_mask=0xffffffffffffffff",
  ],
  cpuFeatures: ["+svm"],
  cmdline: [...cmdline, "intel_iommu=on"],
  cpus: 1,
};

const sound: ModuleRequest = { name: "snd-ens1370" };

/** Devices whose memory user space maps: a sound card, and an NVMe controller with a memory buffer of its own. */
const deviceMemory: Outfit = {
  name: "device-memory",
  modules: [disk, { name: "vgem" }, { name: "kvm_amd" }, sound, { name: "nvme", params: "use_cmb_sqes=0" }],
  devices: [
    "-device",
    "ES1370,addr=0x1c",
    "-device",
    "nvme,serial=litmap,cmb_size_mb=8,addr=0x1d,drive=nvm",
    "-blockdev",
    "driver=null-co,node-name=nvm,size=16777216,read-zeroes=on",
  ],
  cpuFeatures: ["+svm"],
  cmdline,
  cpus: 1,
};

/**
 * A sound card behind an emulated IOMMU; apart from the device that user space drives, whose group's number it would
 * change.
 */
const deviceMemoryIommu: Outfit = {
  ...deviceMemory,
  name: "device-memory-iommu",
  devices: ["-machine", "q35", "-device", "intel-iommu,intremap=on", "-device", "ES1370,addr=0x1c"],
  cmdline: [...cmdline, "intel_iommu=on"],
};

const plainArm: Outfit = { ...plain, cmdline: cmdlineArm };

/** What virtual machines of arm and arm64 can be given: nothing is for guests of their own. */
const devicesArm: Outfit = {
  name: "devices",
  modules: [disk, ...drmModules(cardsArm), vivid, { name: "af_packet" }],
  devices: [...drmDevices(cardsArm), "-device", "edu,addr=0x1e"],
  cpuFeatures: [],
  cmdline: cmdlineArm,
};

/** The outfit that has what a test needs. */
export function outfitFor(needs: readonly Need[], isa: Isa = "x86_64"): Outfit {
  let outfit = machineFor(
    needs.filter((need) => need !== "module" && need !== "cma"),
    isa,
  );
  if (needs.includes("module"))
    outfit = { ...outfit, name: `${outfit.name} with the test module`, modules: [...outfit.modules, ...testModule] };
  if (isa !== "x86_64") return outfit;
  // Freed pages of the area end up in other files, where they cannot be pinned for long: only tests of its heap have
  // one.
  const contiguous = needs.includes("cma");
  return {
    ...outfit,
    name: contiguous ? `${outfit.name} with contiguous memory` : outfit.name,
    cmdline: [...outfit.cmdline, contiguous ? "cma=64M" : "cma=0"],
  };
}

function machineFor(needs: readonly Need[], isa: Isa): Outfit {
  if (isa !== "x86_64") return needs.length === 0 ? plainArm : devicesArm;
  if (needs.includes("sound") || needs.includes("p2pmem")) return deviceMemory;
  if (needs.includes("sound-iommu")) return deviceMemoryIommu;
  if (needs.includes("vfio") || needs.includes("iommu")) return iommu;
  if (needs.includes("kvm")) return guests;
  return needs.length === 0 ? plain : devices;
}
