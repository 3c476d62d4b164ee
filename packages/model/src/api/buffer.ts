/** A dma-buf, as a process holds it. */
import { FileHandle } from "./file-handle.js";
import type { Result } from "./result.js";

export interface BufferInfo {
  /** Bytes. */
  readonly size: number;
  /** References of the file. */
  readonly count: number;
  readonly exp_name: string;
  /** Empty when none was set. */
  readonly name: string;
}

export class Buffer extends FileHandle {
  /** /proc/self/fdinfo. */
  info(): Result<BufferInfo> {
    return this.process.call("fdinfo", { fd: this.fd }) as unknown as Result<BufferInfo>;
  }

  /** DMA_BUF_SET_NAME: at most 31 bytes. */
  setName(name: string): Result<number> {
    return this.process.call("dma_buf_set_name", { fd: this.fd, name }) as Result<number>;
  }

  /** DMA_BUF_IOCTL_SYNC with START: caches are made valid for the CPU, and fences waited for. */
  begin(...access: ("read" | "write")[]): Result<number> {
    return this.process.call("dma_buf_sync", { fd: this.fd, flags: ["start", ...access] }) as Result<number>;
  }

  /** DMA_BUF_IOCTL_SYNC with END: what the CPU wrote becomes visible to devices. */
  end(...access: ("read" | "write")[]): Result<number> {
    return this.process.call("dma_buf_sync", { fd: this.fd, flags: ["end", ...access] }) as Result<number>;
  }
}
