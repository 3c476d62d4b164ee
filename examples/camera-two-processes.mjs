// A camera's buffer that two processes map: how much memory does each of them seem to use?
// Run: node examples/camera-two-processes.mjs
import { Kernel, must } from "litmap/model";

const size = 64 * 1024;

for (const release of ["6.1", "6.12", "7.3"]) {
  const kernel = new Kernel({ release });
  const camera = kernel.process("camera");
  const encoder = kernel.process("encoder");

  // must() takes the result out of a call that cannot fail here; failed() asks whether one did.
  const frames = must(camera.memfd(size, "seal_shrink"));
  const buffer = must(camera.udmabuf(frames, 0, size));
  const shared = must(encoder.receive(buffer));

  const written = must(camera.mmap(buffer, size));
  const read = must(encoder.mmap(shared, size, { prot: "r" }));
  must(written.touch("write"));
  must(written.store(0, 0xcafe));
  must(read.touch("read"));

  const pss = [written, read].map((mapping) => must(mapping.smaps()).Pss);
  const holders = must(buffer.info()).count;
  console.log(
    `linux ${release}: the encoder reads 0x${must(read.load()).toString(16)}, Pss ${pss.join(" + ")}, ${holders} ` +
      "references",
  );
}
