/** Camera buffers: videobuf2, its allocators, the frame vectors of USERPTR, and vivid. */
import { rules } from "./rule.js";

const core = "drivers/media/common/videobuf2/videobuf2-core.c";
const v4l2 = "drivers/media/common/videobuf2/videobuf2-v4l2.c";
const vmalloc = "drivers/media/common/videobuf2/videobuf2-vmalloc.c";
const contig = "drivers/media/common/videobuf2/videobuf2-dma-contig.c";
const memops = "drivers/media/common/videobuf2/videobuf2-memops.c";
const frames = "drivers/media/common/videobuf2/frame_vector.c";

const userptrDrivers = "vivid takes no USERPTR with this allocator";

export const vb2Rules = rules("vb2", {
  "not-a-queue": {
    sentence: "Only a video device's file answers the ioctls of V4L2; any other gives ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
  "io-modes": {
    sentence:
      "A queue takes only the memory types that its driver allows: vivid on vb2-dma-contig takes no USERPTR, EINVAL.",
    kernel: `vb2_verify_memory_type, ${core}`,
  },
  "owned": {
    sentence: "The open file that asked for the buffers owns the queue; every other one gets EBUSY.",
    kernel: `vb2_ioctl_reqbufs, ${v4l2}`,
  },
  "streaming": {
    sentence: "Buffers cannot be asked for or freed while the queue streams: EBUSY.",
    kernel: `vb2_core_reqbufs, ${core}`,
  },
  "orphans": {
    sentence:
      "Freeing a queue's buffers orphans those that are mapped or exported: they live until the last mapping and dma-buf are gone.",
    kernel: `vb2_core_reqbufs, ${core}`,
  },
  "count": {
    sentence: "The number of buffers is raised to what the driver needs and cut to what it can have.",
    kernel: `vb2_core_reqbufs, ${core}`,
  },
  "no-buffer": {
    sentence: "There is no buffer of that index: EINVAL.",
    kernel: `vb2_qbuf, ${v4l2}`,
  },
  "memory-type": {
    sentence: "A buffer is queued with the memory type that the buffers were asked for with: EINVAL.",
    kernel: `vb2_queue_or_prepare_buf, ${v4l2}`,
  },
  "not-dequeued": {
    sentence: "A buffer that is queued already cannot be queued again: EINVAL.",
    kernel: `vb2_core_qbuf, ${core}`,
  },
  "too-short": {
    sentence: "Memory that is given must hold an image: EINVAL.",
    kernel: `__prepare_userptr, ${core}`,
  },
  "not-a-dma-buf": {
    sentence:
      "What is queued as DMABUF must be a dma-buf's descriptor; anything else, also a closed one, gives EINVAL.",
    kernel: `__prepare_dmabuf, ${core}`,
  },
  "kept": {
    sentence:
      "Memory that was queued before at the same address or as the same dma-buf, with the same length, is not acquired again: the pages stay those of the first time.",
    kernel: `__prepare_userptr, ${core}`,
  },
  "attach-leaks": {
    sentence:
      "When the allocator refuses a dma-buf at attachment, the reference taken for it is never dropped: the buffer lives for ever.",
    kernel: `__prepare_dmabuf, ${core}`,
  },
  "expbuf-memory": {
    sentence: "Only MMAP buffers can be exported: EINVAL.",
    kernel: `vb2_core_expbuf, ${core}`,
  },
  "exported": {
    sentence:
      "An exported buffer is mapped by the allocator itself: what vb2_mmap checks of sharing, protection and offsets is not asked.",
    kernel: `vb2_core_expbuf, ${core}`,
  },
  "stream-empty": {
    sentence: "A queue without buffers cannot stream: EINVAL.",
    kernel: `vb2_core_streamon, ${core}`,
  },
  "stream-off": {
    sentence: "A queue that does not stream gives no buffers back: EINVAL.",
    kernel: `__vb2_wait_for_done_vb, ${core}`,
  },
  "waits": {
    sentence: "Taking a buffer back waits for a frame, without end when nothing is queued.",
    kernel: `__vb2_wait_for_done_vb, ${core}`,
  },
  "mmap-shared": {
    sentence: "A queue's buffers are mapped shared and through a descriptor open for writing, nothing else: EINVAL.",
    kernel: `vb2_mmap, ${core}`,
  },
  "mmap-read": {
    sentence: "A capture queue's buffers are mapped with PROT_READ: EINVAL without it.",
    kernel: `vb2_mmap, ${core}`,
  },
  "mmap-memory": {
    sentence: "Only a queue whose buffers are MMAP can be mapped: EINVAL.",
    kernel: `__find_plane_by_offset, ${core}`,
  },
  "mmap-offset": {
    sentence: "The offset of a mapping names a buffer, as QUERYBUF says it; one that names none gives EINVAL.",
    kernel: `__find_plane_by_offset, ${core}`,
  },
  "mmap-cookie": {
    sentence: "The offset only names the buffer: the mapping begins at its first page, and its own offset becomes 0.",
    kernel: `vb2_mmap, ${core}`,
  },
  "mmap-long": {
    sentence: "A mapping is at most as long as the buffer: EINVAL.",
    kernel: `vb2_mmap, ${core}`,
  },
  "read-write": {
    sentence:
      "A capture node without VB2_WRITE cannot be written: EINVAL; with buffers asked for it cannot be read: EBUSY.",
    kernel: `vb2_fop_write, ${v4l2}`,
  },
  "poll-error": {
    sentence: "Polling a queue that does not stream, or that nothing was queued to, gives an error event.",
    kernel: `vb2_core_poll, ${core}`,
  },
  "counted": {
    sentence: "Every mapping holds a reference on its buffer, also those that fork and splitting make.",
    kernel: `vb2_common_vm_open, ${memops}`,
  },
});

export const vb2VmallocRules = rules("vb2-vmalloc", {
  "insert-page": {
    sentence:
      "Mapping inserts every page at once by vm_insert_page: VM_MIXEDMAP, page references, RSS; no fault handler refills what is zapped.",
    kernel: `vb2_vmalloc_mmap, ${vmalloc}`,
  },
  "offset-ignored": {
    sentence:
      "The mapping begins at the buffer's first page whatever the offset says: through a dma-buf a mapping with an offset shows the wrong pages.",
    kernel: `vb2_vmalloc_mmap, ${vmalloc}`,
  },
  "userptr": {
    sentence: "User memory is pinned for long and mapped into the kernel.",
    kernel: `vb2_vmalloc_get_userptr, ${vmalloc}`,
  },
  "import-short": {
    sentence: "A dma-buf shorter than the length it is queued with gives EFAULT.",
    kernel: `vb2_vmalloc_attach_dmabuf, ${vmalloc}`,
  },
  "import-vmap": {
    sentence: "A dma-buf is reached by its exporter's vmap; whatever that refuses with becomes EFAULT.",
    kernel: `vb2_vmalloc_map_dmabuf, ${vmalloc}`,
  },
});

export const vb2ContigRules = rules("vb2-dma-contig", {
  "remap": {
    sentence:
      "Mapping is one remap_pfn_range over the whole VMA: VM_IO and VM_PFNMAP, and MAP_PRIVATE of a dma-buf is accepted at any length.",
    kernel: `vb2_dc_mmap, ${contig}`,
  },
  "beyond": {
    sentence: "A mapping that reaches past the allocation gives ENXIO.",
    kernel: "dma_direct_mmap, kernel/dma/direct.c",
  },
  "import-short": {
    sentence: "A dma-buf shorter than the length it is queued with gives EFAULT.",
    kernel: `vb2_dc_attach_dmabuf, ${contig}`,
  },
  "import-sg": {
    sentence: "A dma-buf whose exporter gives no sg table cannot be imported: EINVAL.",
    kernel: `vb2_dc_map_dmabuf, ${contig}`,
  },
  "import-scattered": {
    sentence: "A dma-buf must be one range of DMA addresses as long as the length it is queued with: EFAULT.",
    kernel: `vb2_dc_map_dmabuf, ${contig}`,
  },
});

export const vb2ContigUserptrRules = rules("vb2-dma-contig-userptr", {
  "unaligned": {
    sentence: "User memory must begin and end at cache lines where devices do not look into caches: EINVAL.",
    kernel: `vb2_dc_get_userptr, ${contig}`,
    unproven: userptrDrivers,
  },
  "scattered": {
    sentence: "User memory must be one range of DMA addresses: EFAULT; an IOMMU makes one of any pages.",
    kernel: `vb2_dc_get_userptr, ${contig}`,
    unproven: userptrDrivers,
  },
  "pinned": {
    sentence: "User memory is pinned and mapped for the device.",
    kernel: `vb2_dc_get_userptr, ${contig}`,
    unproven: userptrDrivers,
  },
  "frames": {
    sentence: "Bare frame numbers in a row are given to the device as they are.",
    kernel: `vb2_dc_get_userptr, ${contig}`,
    unproven: userptrDrivers,
  },
});

export const frameVectorRules = rules("frame-vector", {
  "partial": {
    sentence: "All pages must be pinned; when some cannot, the others are let go: EFAULT.",
    kernel: `vb2_create_framevec, ${memops}`,
  },
  "pinned": {
    sentence:
      "The pages are pinned by pin_user_pages_fast with FOLL_LONGTERM; what has no page references cannot be used.",
    kernel: `get_vaddr_frames, ${frames}`,
  },
  "forced": {
    sentence:
      "The pages are pinned with FOLL_FORCE and FOLL_WRITE, whichever way the data goes: what only may become writable is taken too.",
    kernel: `get_vaddr_frames, ${frames}`,
  },
  "followed": {
    sentence: "What cannot be pinned is read out of the page table as bare frame numbers that nothing keeps.",
    kernel: "get_vaddr_frames, mm/frame_vector.c",
    unproven: "stable kernels took it out before any that is asked here",
  },
});
