/** A sound card's playback stream and its buffer in user space (sound/core/pcm_native.c, sound/core/memalloc.c). */
import { errnos } from "@litmap/litmus";
import { dmaAllocAttrs, dmaMmapAttrs } from "../dma/alloc.js";
import { File, Inode } from "../vfs/file.js";
import { VM } from "../mm/vma.js";
import { NotModelled } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { DmaMemory } from "../dma/alloc.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

/** By whether an IOMMU is before it. */
const cards = slot(() => new Map<string, SoundCard>());

const rule = rules({
  "pcm/busy": {
    sentence: "open of a playback substream in use with O_NONBLOCK gives EBUSY.",
    kernel: "snd_pcm_open, sound/core/pcm_native.c",
  },
  "pcm/waits": {
    sentence: "open of a playback substream in use without O_NONBLOCK waits until it is free.",
    kernel: "snd_pcm_open, sound/core/pcm_native.c",
  },
  "pcm/cleared": {
    sentence: "hw_params clears the buffer of the substream.",
    kernel: "snd_pcm_hw_params, sound/core/pcm_native.c",
  },
  "pcm/mapped": {
    sentence: "mmap uses the DMA API's mmap for the device, with VM_DONTEXPAND and VM_DONTDUMP, shared or private.",
    kernel: "snd_pcm_lib_default_mmap, sound/core/pcm_native.c",
  },
  "pcm/access": {
    sentence: "A mapping of a playback buffer must be readable or writable, else EINVAL.",
    kernel: "snd_pcm_mmap_data, sound/core/pcm_native.c",
  },
  "pcm/beyond": {
    sentence: "A mapping past the end of the buffer gives EINVAL.",
    kernel: "snd_pcm_mmap_data, sound/core/pcm_native.c",
  },
});

/** The buffer, allocated when the driver is loaded. Bytes. */
const BUFFER = 64 * 2 ** 10;

export class SoundCard {
  readonly inode: Inode;
  readonly memory: DmaMemory;
  open = false;

  constructor(
    readonly k: Kernel,
    iommu: boolean,
  ) {
    this.inode = new Inode(k.id(), "pcm");
    this.inode.mode = 0o600;
    const memory = dmaAllocAttrs(k, k.device("es1370", { iommu, coherent: true }), BUFFER);
    if (typeof memory === "number") throw new Error("no memory for a sound card");
    this.memory = memory;
  }
}

/** snd_pcm_open, and its parameters set: an open stream, or -EBUSY. */
export function openPcm(k: Kernel, iommu: boolean): File | number {
  const name = iommu ? "iommu" : "direct";
  let card = cards(k).get(name);
  if (card === undefined) cards(k).set(name, (card = new SoundCard(k, iommu)));
  if (card.open) return k.refuse(rule["pcm/busy"], errnos.EBUSY, "playback");
  card.open = true;
  for (const pfn of card.memory.pfns) k.frames.writable(pfn).fill(0);
  k.note(rule["pcm/cleared"]);
  return new File(card.inode, streamOps(card), true, true, false, card);
}

/** snd_pcm_open without O_NONBLOCK: it waits until nobody has the stream open. */
function* waitForPcm(card: SoundCard): Path<number> {
  card.k.note(rule["pcm/waits"]);
  yield { kind: "wait", object: "a sound stream that is in use", ready: () => !card.open };
  throw new NotModelled("a sound stream that is opened again");
}

/** snd_pcm_f_ops for playback. */
function streamOps(card: SoundCard): FileOps {
  return {
    mmap: (_file, vma) => sndPcmMmapData(card, vma),
    reopen: () => waitForPcm(card),
    *poll(_file, events) {
      return [...(events.includes("out") ? ["out"] : []), "err"];
    },
    *release() {
      card.open = false;
    },
    path: () => "/dev/snd/pcmC0D0p",
  };
}

/** snd_pcm_mmap_data and snd_pcm_lib_default_mmap: 0, -EINVAL, or what the DMA API says. */
function* sndPcmMmapData({ k, memory }: SoundCard, vma: Vma): Path<number> {
  if (!vma.has(VM.READ | VM.WRITE)) return k.refuse(rule["pcm/access"], errnos.EINVAL);
  const bytes = vma.end - vma.start;
  if (bytes > BUFFER || vma.pgoff * k.pageSize > BUFFER - bytes)
    return k.refuse(rule["pcm/beyond"], errnos.EINVAL, `page ${vma.pgoff}, ${bytes} bytes`);
  vma.flags |= VM.DONTEXPAND | VM.DONTDUMP;
  vma.ops = { name: "snd_pcm_vm_ops_data" };
  k.note(rule["pcm/mapped"]);
  return dmaMmapAttrs(k, vma, memory);
}
