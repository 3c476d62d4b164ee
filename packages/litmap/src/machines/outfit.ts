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

const edu = (options = ""): string[] => ["-device", `edu,addr=0x1e${options}`];
const kvm: ModuleRequest = { name: "kvm_amd" };
const common: readonly ModuleRequest[] = [disk, ...drmModules(cards), vivid, { name: "af_packet" }, kvm];

/** Everything that needs neither an IOMMU nor memory of a device, on one machine: it boots once for all of them. */
const devices: Outfit = {
  name: "devices",
  modules: common,
  devices: [...drmDevices(cards), ...edu()],
  cpuFeatures: ["+svm"],
  cmdline,
};

/**
 * For guests within: one processor. The first guest switches code of the scheduler in that
 * another processor may run meanwhile, and QEMU's emulation of that ends in an oops now and then.
 */
const guests: Outfit = { ...devices, name: "guests", cpus: 1 };

const sound: ModuleRequest = { name: "snd-ens1370" };
const soundCard = ["-device", "ES1370,addr=0x1c"];
const nvme: ModuleRequest = { name: "nvme", params: "use_cmb_sqes=0" };
const nvmeController = [
  "-device",
  "nvme,serial=litmap,cmb_size_mb=8,addr=0x1d,drive=nvm",
  "-blockdev",
  "driver=null-co,node-name=nvm,size=16777216,read-zeroes=on",
];
const vfio: readonly ModuleRequest[] = [{ name: "vfio_iommu_type1" }, { name: "vfio-pci", params: "ids=1234:11e8" }];
/** By itself edu knows addresses of 28 bits. */
const eduForVfio = edu(",dma_mask=0xffffffffffffffff");
const emulatedIommu = ["-machine", "q35", "-device", "intel-iommu,intremap=on"];

/** An emulated IOMMU, with a device behind it that user space drives and a sound card. */
const iommu: Outfit = {
  ...guests,
  name: "iommu",
  modules: [...common, sound, ...vfio],
  devices: [...emulatedIommu, ...drmDevices(cards), ...soundCard, ...eduForVfio],
  cmdline: [...cmdline, "intel_iommu=on"],
};

/** Devices whose memory user space maps: a sound card, and an NVMe controller with a memory buffer of its own. */
const deviceMemory: Outfit = {
  ...guests,
  name: "device-memory",
  modules: [...common, sound, nvme],
  devices: [...drmDevices(cards), ...soundCard, ...nvmeController, ...edu()],
};

/** The same with a device that user space drives: the IOMMU translates for that device alone. */
const deviceMemoryVfio: Outfit = {
  ...deviceMemory,
  name: "device-memory-vfio",
  modules: [...deviceMemory.modules, ...vfio],
  devices: [...emulatedIommu, ...drmDevices(cards), ...soundCard, ...nvmeController, ...eduForVfio],
  cmdline: [...cmdline, "intel_iommu=on", "iommu=pt"],
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
  if (needs.some((need) => WITHOUT_IOMMU.includes(need)))
    return needs.includes("vfio") ? deviceMemoryVfio : deviceMemory;
  if (needs.includes("vfio") || needs.some((need) => BEHIND_IOMMU.includes(need))) return iommu;
  if (needs.includes("kvm")) return guests;
  return needs.length === 0 ? plain : devices;
}

/** What the kernel itself drives directly, and what it drives behind an IOMMU: a machine has one kind or the other. */
const WITHOUT_IOMMU: readonly Need[] = ["sound", "p2pmem"];
const BEHIND_IOMMU: readonly Need[] = ["sound-iommu", "iommu"];

const named: Partial<Record<Need, string>> = {
  "sound": "pcm_open(es1370)",
  "p2pmem": "memory of an NVMe controller",
  "sound-iommu": "pcm_open(es1370_iommu)",
  "iommu": "a driver on a device behind an IOMMU",
};

/** Why no machine has what a test needs, or undefined. */
export function noMachine(needs: readonly Need[]): string | undefined {
  const direct = needs.find((need) => WITHOUT_IOMMU.includes(need));
  const behind = needs.find((need) => BEHIND_IOMMU.includes(need));
  if (direct === undefined || behind === undefined) return undefined;
  return `no machine has both ${named[direct]} and ${named[behind]}: its devices are all behind an IOMMU, or none is`;
}
