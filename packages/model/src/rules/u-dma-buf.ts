/** u-dma-buf: what a driver may not do with pages of dma_alloc_coherent. */
import { rules } from "./rule.js";

const source = "udmabuf_driver_vma_fault, u-dma-buf.c";
const unproven = "the driver is in no kernel; read in its reports";

export const uDmaBufRules = rules("u-dma-buf", {
  "page": {
    sentence: "The fault handler gives the page with a reference, and the kernel maps it as an ordinary page.",
    kernel: source,
    unproven,
  },
  "first-reference": {
    sentence:
      "Frames behind the first of a block count no reference: the one that a fault takes is the only one, and with it munmap frees memory that the driver still has.",
    kernel: source,
    unproven,
  },
  "private": {
    sentence: "A mapping of bare frame numbers is not private: EINVAL.",
    kernel: source,
    unproven,
  },
});
