/** What every driver checks before it makes a buffer. */
import { rules } from "./rule.js";

export const exportRules = rules("driver-buffer", {
  "no-size": {
    sentence: "Drivers refuse buffers of no bytes: EINVAL.",
    kernel: "vb2_dma_sg_alloc, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "what a driver makes by itself cannot be asked for from user space",
  },
  "no-memory": {
    sentence: "There is no buffer larger than memory: ENOMEM.",
    kernel: "__alloc_pages_noprof, mm/page_alloc.c",
    unproven: "what a driver makes by itself cannot be asked for from user space",
  },
});
