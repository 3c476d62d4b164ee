// A process with a machine in it, for tests of what is left when it dies: prints QEMU's pid, then waits.
import { Machine, VmTarget } from "@litmap/kernels";

const options = JSON.parse(process.argv[2]);
const machine = new Machine(new VmTarget(options));
const started = await machine.start();
if (!started.ok) {
  console.log(started.fault.message);
  process.exit(1);
}
console.log(started.value.pid);
await machine.run(Buffer.from("hang"), { timeoutMs: 60_000 });
