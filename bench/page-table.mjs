// Page tables of the model against a bare typed-array loop of this machine.
import { Kernel } from "../packages/model/dist/kernel.js";
import { handleMmFault } from "../packages/model/dist/mm/fault.js";
import { remapPfnRange, vmfInsertPfn } from "../packages/model/dist/mm/insert.js";
import { VM, Vma } from "../packages/model/dist/mm/vma.js";
import { runAlone } from "../packages/model/dist/sched/path.js";
import { measured } from "./measured.mjs";

const GiB = 2 ** 30;
const page = 4096;
const at = 0x1_0000_0000;

function mapping(bytes, flags = 0) {
  // Room for buffers of any size that is measured.
  const k = new Kernel({ release: "6.12", memory: 2 ** 40 });
  const task = k.process("A");
  const vma = new Vma(task.mm, at, at + bytes, VM.READ | VM.WRITE | VM.SHARED | VM.MAYREAD | VM.MAYWRITE | flags, 0);
  return { k, task, vma };
}

/** Milliseconds of one call that maps so much. */
function remap(bytes) {
  const { k, vma } = mapping(bytes);
  const began = performance.now();
  if (remapPfnRange(k, vma, at, 0, bytes) !== 0) throw new Error("refused");
  const ms = performance.now() - began;
  if (k.counters.ptes !== bytes / page) throw new Error(`${k.counters.ptes} entries`);
  return ms;
}

/** The same stores into the same kinds of arrays, and nothing else. */
function bare(bytes) {
  const n = bytes / page;
  const began = performance.now();
  const pfns = new Int32Array(n);
  const bits = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    pfns[i] = i;
    bits[i] = 55;
  }
  const ms = performance.now() - began;
  if (pfns[n - 1] !== n - 1 || bits[n - 1] !== 55) throw new Error("not stored");
  return ms;
}

const best = (times, work) => Math.min(...Array.from({ length: times }, work));

const whole = 64 * GiB;

// First, while the process owns nothing else.
{
  const used = () => {
    globalThis.gc?.();
    return process.memoryUsage().rss;
  };
  const before = used();
  const { k, vma } = mapping(whole);
  remapPfnRange(k, vma, at, 0, whole);
  measured("process memory per mapped page", (used() - before) / (whole / page), "bytes", "<=", 24);
  if (k.counters.ptes === 0) throw new Error("nothing was mapped");
}

remap(GiB);
bare(GiB);
const loop = best(3, () => bare(whole));
const model = best(3, () => remap(whole));
measured("remap_pfn_range of 64 GiB: stores per second, of a bare loop's", loop / model, "x", ">=", 0.25);

{
  const bytes = 4 * GiB;
  const run = () => {
    const { k, task, vma } = mapping(bytes, VM.PFNMAP);
    vma.ops = {
      *fault(vmf) {
        return vmfInsertPfn(k, vmf.vma, vmf.address, vmf.pgoff);
      },
    };
    const began = performance.now();
    for (let address = at; address < at + bytes; address += page)
      runAlone(handleMmFault(k, task.mm, vma, address, 1, task));
    const ms = performance.now() - began;
    if (k.counters.faults !== bytes / page) throw new Error(`${k.counters.faults} faults`);
    return ms;
  };
  run();
  measured("faults one at a time, per second", bytes / page / (best(3, run) / 1000) / 1e6, "million", ">=", 5);
}

// Small mappings are kept, so that each pays for memory that the process did not have, as the large one does.
// What is large comes first once without being counted: a virtual machine gets memory from its host at the first touch.
const perPage = (bytes, times) => {
  const kept = [];
  let ms = 0;
  for (let i = 0; i < times; i++) {
    const { k, vma } = mapping(bytes);
    kept.push(vma);
    const began = performance.now();
    remapPfnRange(k, vma, at, 0, bytes);
    ms += performance.now() - began;
  }
  kept.length = 0;
  globalThis.gc?.();
  return ms / times / (bytes / page);
};
perPage(256 * GiB, 1);
const small = best(3, () => perPage(GiB, 64));
const large = best(3, () => perPage(256 * GiB, 1));
measured("cost per page at 256 GiB, of that at 1 GiB", large / small, "x", "<=", 1.3);
