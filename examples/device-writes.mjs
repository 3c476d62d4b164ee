// A device imports a buffer and writes to it. What does the CPU read, before and after a sync?
// Run: node examples/device-writes.mjs
import { failed, Kernel, must } from "litmap/model";

const size = 64 * 1024;

for (const coherent of [true, false]) {
  const kernel = new Kernel();
  const app = kernel.process("app");
  const isp = kernel.device("isp", { iommu: true, coherent });

  const buffer = must(kernel.heap("system").alloc(app, size));
  const view = must(app.mmap(buffer, size));
  const attachment = must(isp.attach(buffer));
  const dma = must(attachment.map("from_device"));

  must(dma.write(0, [0x55, 0x55, 0x55, 0x55]));
  const before = must(view.load());
  must(buffer.begin("read"));
  const after = must(view.load());
  must(buffer.end("read"));

  const read = dma.read(0, 4);
  console.log(
    `${coherent ? "coherent" : "not coherent"}: 0x${before.toString(16)}, after a sync 0x${after.toString(16)}`,
  );
  console.log(`  the device reads against its direction: ${failed(read) ? read.name : "allowed"}`);
  dma.unmap();
  attachment.detach();
}
