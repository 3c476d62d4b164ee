/** Rules of panthor's objects in shmem, which its shrinker evicts. */
import { rules } from "./rule.js";

const gem = "drivers/gpu/drm/panthor/panthor_gem.c";
const unproven = "from source: QEMU has no Mali GPU";

export const panthorRules = rules("panthor", {
  "mmap-private": {
    sentence: "A private writable mapping of an object is refused with EINVAL.",
    kernel: `panthor_gem_mmap, ${gem}`,
    unproven,
  },
  "mmap-lazy": {
    sentence: "A mapping takes no pages: each fault fetches those of the whole object when they are not there.",
    kernel: `panthor_gem_any_fault, ${gem}`,
    unproven,
  },
  "fault-beyond": {
    sentence:
      "A fault takes the object's page by its distance from the mapping's beginning; past the object's end it is a SIGBUS.",
    kernel: `panthor_gem_any_fault, ${gem}`,
    unproven,
  },
  "no-swap": {
    sentence: "Without swap nothing is evicted: there is no mark that contents may be lost.",
    kernel: `panthor_gem_shrinker_scan, ${gem}`,
    unproven,
  },
  "evicted": {
    sentence:
      "Eviction empties all mappings, then drops the pages; their contents stay in the shmem file, and the next use fetches them.",
    kernel: `panthor_gem_try_evict_no_resv_wait, ${gem}`,
    unproven,
  },
  "evict-skips": {
    sentence: "Objects that are pinned, locked or without pages are not evicted.",
    kernel: `panthor_gem_update_reclaim_state_locked, ${gem}`,
    unproven,
  },
});
