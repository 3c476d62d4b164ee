// Adds a Debian kernel from another process: store folder, release, apt folder.
import { KernelStore } from "@litmap/kernels";

const [folder, release, aptFolder] = process.argv.slice(2);
const added = await new KernelStore(folder).addDebian(release, { aptFolder });
console.log(added.ok ? "added" : added.fault.message);
