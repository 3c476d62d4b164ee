import { soundCards, wordsOf } from "../catalogue.js";
import { word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

/**
 * Memory of devices that user space maps by a node of its own: buffers of sound cards, and memory of a device itself.
 */
export const deviceMemory = {
  pcm_open: {
    subject: "rings and IO memory",
    doc:
      "Opens a sound card's playback stream with a buffer of 64 KiB for mmap (SNDRV_PCM_IOCTL_HW_PARAMS), all " +
      "zeros: memory from dma_alloc_coherent, mapped by dma_mmap_coherent. Nothing is played. EBUSY while it is " +
      "open already. No machine has es1370, p2pmem() or nvme_open() together with es1370_iommu or a driver behind an " +
      "IOMMU: on kernels such a test is unsupported.",
    kernel: "snd_pcm_mmap_data, sound/core/pcm_native.c",
    by: process,
    params: {
      device: {
        type: word(wordsOf(soundCards)),
        default: "es1370",
        doc: "which card",
      },
    },
    result: { kind: "descriptor", of: "pcm" },
  },
  p2pmem: {
    subject: "rings and IO memory",
    doc:
      "The sysfs file `p2pmem/allocate` of an NVMe controller with 8 MiB of memory of its own: each shared mmap at " +
      "offset 0 allocates its length from it, and pages are freed with their last reference. The memory is not " +
      "cleared: store before you load.",
    kernel: "p2pmem_alloc_mmap, drivers/pci/p2pdma.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "p2pmem" },
  },
  nvme_open: {
    subject: "rings and IO memory",
    doc:
      "Opens the block device of the same NVMe controller with O_DIRECT: 16 MiB with 512-byte sectors that keep " +
      "nothing. Reads give zeros, writes are lost.",
    kernel: "blkdev_open, block/fops.c; nvme_pci_supports_pci_p2pdma, drivers/nvme/host/pci.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "disk" },
  },
} as const satisfies Record<string, OperationShape>;
