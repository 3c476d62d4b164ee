/** videobuf1's dma-contig: history. */
import { rules } from "./rule.js";

const contig = "drivers/media/v4l2-core/videobuf-dma-contig.c";
const unproven = "no device that QEMU has was served by a driver with it; gone by 6.12";

export const videobufRules = rules("videobuf", {
  "mmap-error": {
    sentence: "Whatever mapping a buffer fails with, the answer is ENOMEM.",
    kernel: `__videobuf_mmap_mapper, ${contig}`,
    unproven,
  },
  "physical": {
    sentence: "A buffer is mapped by its DMA address, which without an IOMMU is that of the memory.",
    kernel: `__videobuf_mmap_mapper, ${contig}`,
    unproven,
  },
  "bus-address": {
    sentence: "A DMA address behind an IOMMU is none of memory: what is mapped by it is something else.",
    kernel: `__videobuf_mmap_mapper, ${contig}`,
    unproven,
  },
  "user-range": {
    sentence: "User memory must lie in one mapping: EINVAL.",
    kernel: `videobuf_dma_contig_user_get, ${contig}`,
    unproven,
  },
  "user-scattered": {
    sentence: "User memory must be of frames in a row: EFAULT.",
    kernel: `videobuf_dma_contig_user_get, ${contig}`,
    unproven,
  },
  "user-frames": {
    sentence:
      "User memory is read out of the page table as frame numbers: only mappings of bare frames have any, and nothing keeps what they are frames of.",
    kernel: `videobuf_dma_contig_user_get, ${contig}`,
    unproven,
  },
});
