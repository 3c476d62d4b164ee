/** videobuf2's dma-sg allocator. */
import { rules } from "./rule.js";

const sg = "drivers/media/common/videobuf2/videobuf2-dma-sg.c";
const unproven = "no device that QEMU has is served by a driver with this allocator";

export const vb2SgRules = rules("vb2-dma-sg", {
  "pages": {
    sentence: "A buffer is of as large blocks as fit, split into pages that each have a reference of their own.",
    kernel: `vb2_dma_sg_alloc_compacted, ${sg}`,
  },
  "map-pages": {
    sentence:
      "Mapping inserts every page at once by vm_map_pages, from the page offset on: VM_MIXEDMAP, page references, RSS; a mapping past the buffer gives ENXIO.",
    kernel: `vb2_dma_sg_mmap, ${sg}`,
  },
  "may-grow": {
    sentence:
      "Without VM_DONTEXPAND mremap makes the mapping longer than the buffer; touching what was added is SIGBUS.",
    kernel: `vb2_dma_sg_mmap, ${sg}`,
    unproven: "the releases that are asked here have it",
  },
  "userptr-error": {
    sentence: "Whatever keeps user memory from being used, the answer is ENOMEM.",
    kernel: `vb2_dma_sg_get_userptr, ${sg}`,
    unproven,
  },
  "import-short": {
    sentence: "A dma-buf shorter than the length it is queued with gives EFAULT.",
    kernel: `vb2_dma_sg_attach_dmabuf, ${sg}`,
    unproven,
  },
  "import-sg": {
    sentence: "A dma-buf whose exporter gives no sg table cannot be imported: EINVAL.",
    kernel: `vb2_dma_sg_map_dmabuf, ${sg}`,
    unproven,
  },
});
