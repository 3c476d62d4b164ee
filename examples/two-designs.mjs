// The system heap as it is and as it was once proposed: what does direct I/O say, and what does smaps?
// Run: node examples/two-designs.mjs
import { failed, Kernel, must } from "litmap/model";

const size = 64 * 1024;

for (const design of ["remap-pfn-range", "insert-page"]) {
  const kernel = new Kernel({ release: "6.12", designs: { "system-heap.mmap": design } });
  const app = kernel.process("app");
  const buffer = must(kernel.heap("system").alloc(app, size));
  const view = must(app.mmap(buffer, size));
  must(view.touch("write"));

  // Whatever the library has no method for is an operation of the litmus language.
  const disk = must(app.call("open_disk", { mode: "direct" }));
  const written = app.call("pwrite", { fd: disk, address: view.address, length: 4096 });

  console.log(
    `${design}: O_DIRECT writes ${failed(written) ? written.name : `${written} bytes`}, Pss ${must(view.smaps()).Pss}`,
  );
  if (failed(written)) console.log(`  ${written.rule.id}: ${written.rule.sentence}`);
}
