/** Requests of io_submit. */
import { rules } from "./rule.js";

export const aioRules = rules("aio", {
  "negative": {
    sentence: "io_submit refuses a length whose sign bit is set, and a negative offset, with EINVAL.",
    kernel: "io_submit_one, fs/aio.c; rw_verify_area, fs/read_write.c",
  },
  "bad-file": {
    sentence: "A descriptor that is not open, or not for this, is EBADF to io_submit.",
    kernel: "__io_submit_one, aio_read, aio_write, fs/aio.c",
  },
  "no-method": {
    sentence:
      "Files without read_iter or write_iter, as dma-bufs, DRM devices and cameras, take no asynchronous I/O: EINVAL.",
    kernel: "aio_read, aio_write, fs/aio.c",
  },
  "past-user-space": {
    sentence: "io_submit checks that what can move at once lies in the user's half of the address space: EFAULT.",
    kernel: "aio_setup_rw, fs/aio.c",
  },
});
