/** Memory of PCI devices that has struct pages, and sound cards' buffers. */
import { rules } from "./rule.js";

const p2p = "drivers/pci/p2pdma.c";

export const p2pRules = rules("p2pdma", {
  "shared": {
    sentence: "Memory of a PCI device is mapped shared: a private mapping gives EINVAL.",
    kernel: `p2pmem_alloc_mmap, ${p2p}`,
  },
  "offset": {
    sentence: "Each mapping is an allocation of its own, so that the offset must be 0: EINVAL.",
    kernel: `p2pmem_alloc_mmap, ${p2p}`,
  },
  "exhausted": {
    sentence: "The device has no range free that is long enough: ENOMEM.",
    kernel: `p2pmem_alloc_mmap, ${p2p}`,
  },
  "inserted": {
    sentence:
      "The pages are inserted by vm_insert_page: VM_MIXEDMAP, page references, RSS; the mapping holds the only reference, and no fault handler refills what is zapped.",
    kernel: `p2pmem_alloc_mmap, ${p2p}`,
  },
  "freed": {
    sentence: "With its last reference a page of a PCI device goes back to the device's pool, one by one.",
    kernel: `p2pdma_folio_free, ${p2p}`,
  },
  "gup": {
    sentence:
      "get_user_pages gives memory of a PCI device only to who asks for it by FOLL_PCI_P2PDMA, as block devices do that can reach it: everybody else gets EREMOTEIO.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "not-longterm": {
    sentence:
      "Memory of a PCI device is not pinned for long, because the device may be unplugged: FOLL_LONGTERM with FOLL_PCI_P2PDMA warns and gives EINVAL.",
    kernel: "is_valid_gup_args, mm/gup.c",
    unproven: "nothing that user space can call asks for both",
  },
  "no-node": {
    sentence: "move_pages says of memory of a PCI device that it is not there: ENOENT.",
    kernel: "do_pages_stat_array, mm/migrate.c",
  },
});

export const pcmRules = rules("pcm", {
  "busy": {
    sentence: "A playback stream that somebody has open gives EBUSY.",
    kernel: "snd_pcm_open, sound/core/pcm_native.c",
  },
  "waits": {
    sentence: "Who opens a playback stream in use without O_NONBLOCK waits until it is free.",
    kernel: "snd_pcm_open, sound/core/pcm_native.c",
  },
  "cleared": {
    sentence: "Setting a stream's parameters clears its buffer.",
    kernel: "snd_pcm_hw_params, sound/core/pcm_native.c",
  },
  "mapped": {
    sentence:
      "The buffer is mapped by what the DMA API has for its device, with VM_DONTEXPAND and VM_DONTDUMP, shared or private.",
    kernel: "snd_pcm_lib_default_mmap, sound/core/pcm_native.c",
  },
  "access": {
    sentence: "A mapping of a playback buffer must be readable or writable: EINVAL.",
    kernel: "snd_pcm_mmap_data, sound/core/pcm_native.c",
  },
  "beyond": {
    sentence: "A mapping that reaches past the buffer gives EINVAL.",
    kernel: "snd_pcm_mmap_data, sound/core/pcm_native.c",
  },
});
