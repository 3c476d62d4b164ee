// Adds a kernel from another process: store folder, name, image, and modules.
import { KernelStore } from "@litmap/kernels";

const [folder, name, image, modules] = process.argv.slice(2);
const added = await new KernelStore(folder).addImage(name, image, modules);
console.log(added.ok ? "added" : added.fault.message);
