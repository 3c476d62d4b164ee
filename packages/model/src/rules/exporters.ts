/** The exporters: system heap, udmabuf, GEM objects in shmem. */
import { rules } from "./rule.js";

const heap = "drivers/dma-buf/dma-heap.c";
const system = "drivers/dma-buf/heaps/system_heap.c";
const udmabuf = "drivers/dma-buf/udmabuf.c";
const shmem = "drivers/gpu/drm/drm_gem_shmem_helper.c";

export const heapRules = rules("system-heap", {
  "ioctl-fd": {
    sentence: "The fd field of the allocation request must be 0 on entry: EINVAL.",
    kernel: `dma_heap_ioctl_allocate, ${heap}`,
  },
  "ioctl-fd-flags": {
    sentence: "The request's fd_flags may hold an access mode and O_CLOEXEC, nothing else: EINVAL.",
    kernel: `dma_heap_ioctl_allocate, ${heap}`,
  },
  "ioctl-heap-flags": {
    sentence: "No heap flags are defined; any gives EINVAL.",
    kernel: `dma_heap_ioctl_allocate, ${heap}`,
  },
  "length-zero": {
    sentence: "A length that is 0 once it is rounded up to pages, also by running over, gives EINVAL.",
    kernel: `dma_heap_ioctl_allocate, ${heap}`,
  },
  "no-cap": {
    sentence: "The heap has no limit: a request for more than there is allocates until the machine is out of memory.",
    kernel: `system_heap_allocate, ${system}`,
  },
  "orders": {
    sentence:
      "Memory comes in chunks of 1 MiB, 64 KiB and 4 KiB, the largest that still fits and is not larger than the one before.",
    kernel: `alloc_largest_available, ${system}`,
  },
  "remap": {
    sentence:
      "Mapping fills the page table at once by remap_pfn_range: VM_IO and VM_PFNMAP, no page references, no faults later.",
    kernel: `system_heap_mmap, ${system}`,
  },
  "fault-page": {
    sentence: "The fault handler returns the page: an ordinary shared mapping with references and RSS.",
    kernel: "dma_heap_vm_fault, drivers/dma-buf/heaps/heap-helpers.c",
    unproven: "no distribution kernel of that age builds the heap",
  },
  "private": {
    sentence: "The heap maps shared memory only: MAP_PRIVATE gives EINVAL.",
    kernel: "dma_heap_mmap, drivers/dma-buf/heaps/heap-helpers.c",
    unproven: "no distribution kernel of that age builds the heap",
  },
  "insert-page": {
    sentence: "Mapping inserts the pages themselves: VM_MIXEDMAP, a reference and a map count each, RSS and PSS.",
    kernel: `system_heap_mmap, ${system}`,
    unproven: "a proposal; no mainline release maps the heap by vm_insert_page",
  },
});

export const udmabufRules = rules("udmabuf", {
  "list-too-long": {
    sentence: "A list has at most 1024 items: EINVAL.",
    kernel: `udmabuf_ioctl_create_list, ${udmabuf}`,
  },
  "unaligned": {
    sentence: "Offset and size of every item must be multiples of the page size: EINVAL.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "too-large": {
    sentence: "All items together may not exceed size_limit_mb: EINVAL.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "empty": {
    sentence: "A buffer of no pages gives EINVAL.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "no-memory": {
    sentence: "The array of the buffer's pages cannot be allocated: ENOMEM.",
    kernel: `init_udmabuf, ${udmabuf}`,
  },
  "not-a-memfd": {
    sentence: "A descriptor that is not open, or whose file is neither shmem nor hugetlb, gives EBADFD.",
    kernel: `check_memfd_seals, ${udmabuf}`,
  },
  "no-shrink-seal": {
    sentence: "The memfd must be sealed against shrinking: EINVAL.",
    kernel: `check_memfd_seals, ${udmabuf}`,
  },
  "write-sealed": {
    sentence: "A memfd that is sealed against writing is refused with EINVAL: the buffer would be written through it.",
    kernel: `check_memfd_seals, ${udmabuf}`,
  },
  "seal-race": {
    sentence: "Seals are checked without the inode lock: one that is added before the pages are held goes unnoticed.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "seal-locked": {
    sentence: "Seals are checked and pages pinned under the inode lock, which adding a seal takes too.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "mode-ignored": {
    sentence: "The memfd's access mode is not looked at: the buffer is readable and writable.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "beyond-eof": {
    sentence: "A range that reaches past the end of the memfd gives EINVAL.",
    kernel: `udmabuf_create, ${udmabuf}`,
  },
  "hugetlb-hole": {
    sentence: "A huge page that nobody has touched yet is not allocated for the buffer: EINVAL.",
    kernel: `udmabuf_create, ${udmabuf}`,
    unproven: "no distribution kernel of that age builds udmabuf",
  },
  "private": {
    sentence: "A udmabuf maps shared only: MAP_PRIVATE gives EINVAL.",
    kernel: `mmap_udmabuf, ${udmabuf}`,
  },
  "fault-page": {
    sentence: "The fault handler returns the page: an ordinary mapping with references, RSS and PSS.",
    kernel: `udmabuf_vm_fault, ${udmabuf}`,
  },
  "fault-pfn": {
    sentence: "Each fault inserts the frame number of the page it hit into a VM_PFNMAP mapping.",
    kernel: `udmabuf_vm_fault, ${udmabuf}`,
  },
  "prefault-error": {
    sentence:
      "An error while the first fault maps the rest of a udmabuf ends that, and is hidden: the page that was asked for is there, the others fault by themselves.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
    unproven: "only fault injection shows it, which no kernel here is built with",
  },
  "fault-all": {
    sentence: "The first fault inserts the page it hit and then the rest of the mapping: one fault for all.",
    kernel: `udmabuf_vm_fault, ${udmabuf}`,
  },
  "map-at-mmap": {
    sentence: "Mapping fills the whole page table by remap_pfn_range: no faults later.",
    kernel: `mmap_udmabuf, ${udmabuf}`,
    unproven: "a proposal; no mainline release fills the mapping at mmap",
  },
  "fault-beyond": {
    sentence: "A fault past the buffer's last page gives SIGBUS.",
    kernel: `udmabuf_vm_fault, ${udmabuf}`,
  },
  "end-before-begin": {
    sentence: "Ending CPU access that was never begun gives EINVAL: there is no sg table yet.",
    kernel: `end_cpu_udmabuf, ${udmabuf}`,
  },
  "begin-maps": {
    sentence: "The first begin of CPU access builds the buffer's own sg table and keeps it.",
    kernel: `begin_cpu_udmabuf, ${udmabuf}`,
  },
  "vmap-heads": {
    sentence: "The kernel mapping takes the first page of each page's folio: wrong data for large folios.",
    kernel: `vmap_udmabuf, ${udmabuf}`,
  },
});

export const shmemRules = rules("drm-shmem", {
  "size": {
    sentence: "A GEM object's size is rounded up to pages; one of no bytes is refused with EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "mmap-private": {
    sentence: "A private writable mapping of a GEM shmem object is refused with EINVAL.",
    kernel: `drm_gem_shmem_mmap, ${shmem}`,
  },
  "fault-index": {
    sentence:
      "A fault takes the object's page by its distance from the mapping's beginning, whatever part of the object the mapping is: after a split the second part shows the wrong pages.",
    kernel: `drm_gem_shmem_fault, ${shmem}`,
  },
  "fault-beyond": {
    sentence: "A fault past the object's end, or in an object that was purged, is a SIGBUS.",
    kernel: `drm_gem_shmem_fault, ${shmem}`,
  },
  "write-notify": {
    sentence:
      "The first write to each page through a shared mapping takes a fault of its own, which marks the folio dirty.",
    kernel: `drm_gem_shmem_pfn_mkwrite, ${shmem}`,
  },
  "pages-counted": {
    sentence: "Pages are taken for the first user and put after the last.",
    kernel: `drm_gem_shmem_get_pages_locked, ${shmem}`,
  },
  "purged": {
    sentence: "An object that was purged stays purged: madvise gives 0 for it ever after.",
    kernel: `drm_gem_shmem_madvise_locked, ${shmem}`,
  },
  "not-purgeable": {
    sentence: "Only an object marked as not needed, mapped for its device and held by nobody else is purged.",
    kernel: "drm_gem_shmem_is_purgeable, include/drm/drm_gem_shmem_helper.h",
  },
  "purge": {
    sentence:
      "Purging unmaps the object from its device, puts its pages, zaps user mappings and drops the pages from the file.",
    kernel: `drm_gem_shmem_purge_locked, ${shmem}`,
  },
  "shrinker-trylock": {
    sentence: "A shrinker never waits for a reservation lock: an object whose lock is taken is passed over.",
    kernel: "drm_gem_lru_scan, drivers/gpu/drm/drm_gem.c",
  },
  "vmap-counted": {
    sentence: "A kernel mapping takes a use of the pages, so that they stay while it is there.",
    kernel: `drm_gem_shmem_vmap_locked, ${shmem}`,
  },
  "vunmap-unmapped": {
    sentence: "Taking back a kernel mapping that is not there is a warning and nothing else.",
    kernel: `drm_gem_shmem_vunmap_locked, ${shmem}`,
  },
  "vmap-uncounted": {
    sentence: "A kernel mapping neither takes a use of the pages nor keeps the object from being purged.",
    kernel: `drm_gem_shmem_vmap_locked, ${shmem}`,
    unproven: "a design for comparison; no release does so",
  },
  "vmap-reserved": {
    sentence: "A kernel mapping is good only while its user holds the reservation lock, from vmap to vunmap.",
    kernel: `drm_gem_shmem_vmap_locked, ${shmem}`,
    unproven: "a proposal; no release does so",
  },
});

const gem = "drivers/gpu/drm/drm_gem.c";
const prime = "drivers/gpu/drm/drm_prime.c";

export const gemRules = rules("gem", {
  "dumb-size": {
    sentence: "A dumb buffer without a line, or of 4 GiB and more, is refused with EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "no-handle": {
    sentence: "An object is asked for by a handle that this open file of the device does not have: ENOENT.",
    kernel: `drm_gem_object_lookup, ${gem}`,
  },
  "close-unknown": {
    sentence: "Closing a handle that the file does not have gives EINVAL.",
    kernel: `drm_gem_handle_delete, ${gem}`,
  },
  "map-imported": {
    sentence: "An object that was imported has no fake offset: EINVAL.",
    kernel: `drm_gem_dumb_map_offset, ${gem}`,
  },
  "no-such-offset": {
    sentence:
      "An mmap of the device finds an object only at its exact fake offset and only up to its size, else EINVAL.",
    kernel: `drm_vma_offset_exact_lookup_locked, include/drm/drm_vma_manager.h`,
  },
  "not-allowed": {
    sentence: "An object is mapped only by open files that have a handle of it, else EACCES.",
    kernel: `drm_vma_node_is_allowed, drivers/gpu/drm/drm_vma_manager.c`,
  },
  "not-a-drm-file": {
    sentence: "A file of no DRM device does not know its ioctls: ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
  "mmap-offset": {
    sentence:
      "A mapping of the dma-buf is made as one of the device: the object's fake offset is added to its page offset.",
    kernel: `drm_gem_prime_mmap, ${prime}`,
  },
  "no-prime": {
    sentence: "A driver that did not ask for PRIME has no export and no import: ENOSYS.",
    kernel: `drm_prime_handle_to_fd_ioctl, ${prime}`,
  },
  "no-prime-mmap": {
    sentence: "The dma-buf of a driver without a PRIME mmap cannot be mapped: ENOSYS.",
    kernel: `drm_gem_dmabuf_mmap, ${prime}`,
  },
  "first-export": {
    sentence: "As long as an object has a dma-buf, every export gives that one: the first decides the access mode.",
    kernel: `drm_gem_prime_handle_to_dmabuf, ${prime}`,
  },
  "import-own": {
    sentence: "A device's own dma-buf gives the object that it came from.",
    kernel: `drm_gem_prime_import_dev, ${prime}`,
  },
  "no-import": {
    sentence: "A driver without an import of sg tables takes no buffers of others.",
    kernel: `drm_gem_prime_import_dev, ${prime}`,
  },
  "import-unmapped": {
    sentence: "The shmem helper only attaches to another's buffer: its exporter is not asked for an sg table.",
    kernel: `drm_gem_shmem_prime_import_no_map, ${shmem}`,
  },
  "attach-no-table": {
    sentence: "An exporter that cannot make an sg table refuses attachments with ENOSYS.",
    kernel: `drm_gem_map_attach, ${prime}`,
  },
});

export const kernelMapRules = rules("vmap", {
  "not-mapped": {
    sentence: "An access to a kernel address that nothing is mapped at is an oops.",
    kernel: "page_fault_oops, arch/x86/mm/fault.c",
  },
  "use-after-free": {
    sentence: "An access through a kernel mapping to a page that was freed under it touches somebody else's memory.",
    kernel: "free_pages_prepare, mm/page_alloc.c",
  },
});
