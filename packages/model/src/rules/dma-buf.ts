/** The dma-buf core: the file, its ioctls, fences, attachments, kernel mappings. */
import { rules } from "./rule.js";

const core = "drivers/dma-buf/dma-buf.c";

export const dmaBufRules = rules("dma-buf", {
  "merge-not-a-sync-file": {
    sentence: "A sync file is merged with another sync file only: ENOENT.",
    kernel: "sync_file_ioctl_merge, drivers/dma-buf/sync_file.c",
  },
  "timeline-ended": {
    sentence: "When the last descriptor of a sw_sync timeline is closed, its fences signal with an error.",
    kernel: "sw_sync_debugfs_release, drivers/dma-buf/sw_sync.c",
  },
  "bad-descriptor": {
    sentence: "A descriptor that is not open is refused with EBADF.",
    kernel: `dma_buf_get, ${core}`,
  },
  "not-a-dma-buf": {
    sentence: "An importer that is given a file which is no dma-buf refuses it with EINVAL.",
    kernel: `dma_buf_get, ${core}`,
  },
  "unknown-ioctl": {
    sentence: "A request number that a file does not know gives ENOTTY.",
    kernel: `dma_buf_ioctl, ${core}`,
  },
  "no-sync-file-ioctls": {
    sentence: "A core without the sync-file ioctls gives ENOTTY for them.",
    kernel: `dma_buf_ioctl, ${core}`,
  },
  "null-argument": {
    sentence: "An ioctl whose argument is a null pointer gives EFAULT.",
    kernel: `dma_buf_ioctl, ${core}`,
  },
  "mmap-unsupported": {
    sentence: "A buffer whose exporter has no mmap operation cannot be mapped: EINVAL.",
    kernel: `dma_buf_mmap_internal, ${core}`,
  },
  "mmap-beyond": {
    sentence: "A mapping that would reach past the buffer's last page is refused with EINVAL.",
    kernel: `dma_buf_mmap_internal, ${core}`,
  },
  "mmap-guard": {
    sentence:
      "The core refuses with EINVAL a mapping that the exporter made without the VM flags that the design demands.",
    kernel: `dma_buf_mmap_internal, ${core}`,
    unproven: "a proposal; no mainline release checks VM flags here",
  },
  "mmap-guard-warns": {
    sentence: "The core warns about a mapping without VM_PFNMAP and lets it stand.",
    kernel: `dma_buf_mmap_internal, ${core}`,
    unproven: "a proposal; no mainline release checks VM flags here",
  },
  "mmap-unchecked": {
    sentence: "The core looks at a mapping's offset and length only; flags and sharing are the exporter's business.",
    kernel: `dma_buf_mmap_internal, ${core}`,
  },
  "llseek": {
    sentence: "Only the end and the beginning can be asked for: any other origin or a distance gives EINVAL.",
    kernel: `dma_buf_llseek, ${core}`,
  },
  "reopen": {
    sentence: "An anonymous inode cannot be opened again through /proc/self/fd: ENXIO.",
    kernel: "no_open, fs/inode.c",
  },
  "sync-flags": {
    sentence: "DMA_BUF_IOCTL_SYNC refuses undefined flag bits with EINVAL.",
    kernel: `dma_buf_ioctl, ${core}`,
  },
  "sync-direction": {
    sentence: "DMA_BUF_IOCTL_SYNC needs READ, WRITE or both; neither gives EINVAL.",
    kernel: `dma_buf_ioctl, ${core}`,
  },
  "sync-unpaired": {
    sentence: "Begin and end of CPU access are not paired by the core: each call stands for itself.",
    kernel: `dma_buf_begin_cpu_access, ${core}`,
  },
  "sync-waits": {
    sentence:
      "Beginning CPU access waits for the buffer's fences without a limit: a reader for writers, a writer for everybody.",
    kernel: `__dma_buf_begin_cpu_access, ${core}`,
  },
  "name-too-long": {
    sentence: "A name takes at most 31 bytes; a longer one gives EINVAL.",
    kernel: `dma_buf_set_name, ${core}`,
  },
  "name-while-attached": {
    sentence: "A buffer that devices are attached to cannot be renamed: EBUSY.",
    kernel: `dma_buf_set_name, ${core}`,
    unproven: "old releases only; read in the source",
  },
  "sync-file-flags": {
    sentence: "The sync-file ioctls take READ, WRITE or both; anything else gives EINVAL.",
    kernel: `dma_buf_export_sync_file, ${core}`,
  },
  "sync-file-idle": {
    sentence: "Exporting the fences of an idle buffer gives a sync file that has signalled already.",
    kernel: `dma_buf_export_sync_file, ${core}`,
  },
  "not-a-sync-file": {
    sentence: "Importing from a descriptor that is no sync file gives EINVAL.",
    kernel: `dma_buf_import_sync_file, ${core}`,
  },
  "poll-idle": {
    sentence: "A buffer without unsignalled fences is ready for reading and writing.",
    kernel: `dma_buf_poll, ${core}`,
  },
  "poll-busy": {
    sentence: "Reading is ready once writers' fences have signalled, writing once all but bookkeeping fences have.",
    kernel: `dma_buf_poll, ${core}`,
  },
  "poll-armed": {
    sentence:
      "While one poller's callback waits on a fence, the next poller of that direction sees the buffer as not ready.",
    kernel: `dma_buf_poll, ${core}`,
  },
  "attach-maps": {
    sentence:
      "An attachment whose importer and exporter differ in being dynamic is pinned and mapped when it is attached, for both directions.",
    kernel: `dma_buf_dynamic_attach, ${core}`,
  },
  "map-pins": {
    sentence:
      "Mapping a static importer's attachment pins an exporter that can move its buffers, for as long as it is mapped.",
    kernel: `dma_buf_map_attachment, ${core}`,
  },
  "map-cached": {
    sentence: "The first mapping of an attachment is kept and given to everyone who maps it later.",
    kernel: `dma_buf_map_attachment, ${core}`,
  },
  "map-cached-direction": {
    sentence:
      "A kept mapping is not given out for another direction than it was made for: EBUSY, unless it is bidirectional.",
    kernel: `dma_buf_map_attachment, ${core}`,
  },
  "map-waits": {
    sentence: "A static importer waits for the kernel's own fences before it gets its mapping.",
    kernel: `dma_buf_map_attachment, ${core}`,
  },
  "map-hides-pages": {
    sentence: "With CONFIG_DMABUF_DEBUG an importer gets DMA addresses only: the table's page pointers are hidden.",
    kernel: `dma_buf_wrap_sg_table, ${core}`,
  },
  "map-mangles-pages": {
    sentence:
      "With CONFIG_DMABUF_DEBUG the page pointers of the exporter's own table are made unusable until it is unmapped.",
    kernel: `mangle_sg_table, ${core}`,
    unproven: "no distribution sets CONFIG_DMABUF_DEBUG on such a release",
  },
  "pin-static": {
    sentence: "Only a dynamic importer may pin; a static one makes the kernel warn.",
    kernel: `dma_buf_pin, ${core}`,
  },
  "vmap-unsupported": {
    sentence: "A buffer whose exporter has no vmap operation has no kernel mapping: EINVAL.",
    kernel: `dma_buf_vmap, ${core}`,
  },
  "vmap-counted": {
    sentence:
      "A buffer has one kernel mapping that is counted; the exporter makes it for the first and removes it after the last.",
    kernel: `dma_buf_vmap, ${core}`,
  },
  "vunmap-unmapped": {
    sentence: "Taking back a kernel mapping that is not there is a BUG.",
    kernel: `dma_buf_vunmap, ${core}`,
  },
  "release-vmapped": {
    sentence: "Freeing a buffer that still has a kernel mapping is a BUG.",
    kernel: `dma_buf_release, ${core}`,
  },
  "revoke": {
    sentence: "An exporter that moves or purges a buffer zaps every mapping of its file; the next access faults.",
    kernel: "unmap_mapping_range, mm/memory.c",
  },
  "move-notify": {
    sentence:
      "Importers that cope with it are told before the exporter moves the buffer: their sg tables are no longer good.",
    kernel: "dma_buf_move_notify, drivers/dma-buf/dma-buf.c",
    unproven: "from source: no test module imports on a real kernel yet",
  },
});
