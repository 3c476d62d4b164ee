/** Rules of TTM: objects that move between memory and video memory. */
import { rules } from "./rule.js";

const vm = "drivers/gpu/drm/ttm/ttm_bo_vm.c";
const bo = "drivers/gpu/drm/ttm/ttm_bo.c";
const pool = "drivers/gpu/drm/ttm/ttm_pool.c";
const noMachine = "from source: qxl and bochs, the TTM devices that QEMU has, use cached pages only";
const byDriver = "from source: no test module makes TTM objects on a real kernel yet";

export const ttmRules = rules("ttm", {
  "mmap-private": {
    sentence: "A private writable mapping of a TTM object is refused with EINVAL.",
    kernel: `ttm_bo_mmap_obj, ${vm}`,
  },
  "mmap-mixedmap": {
    sentence: "A mapping of a TTM object is VM_MIXEDMAP and VM_IO, private ones included.",
    kernel: `ttm_bo_mmap_vma_setup, ${vm}`,
  },
  "prefault": {
    sentence: "A fault maps its page and up to 15 that follow, to the end of the mapping.",
    kernel: `ttm_bo_vm_fault_reserved, ${vm}`,
  },
  "fault-vram": {
    sentence: "A fault on an object in video memory maps the device's own frames, which have no struct page.",
    kernel: `ttm_bo_vm_fault_reserved, ${vm}`,
  },
  "fault-beyond": {
    sentence: "A fault past the object's end is a SIGBUS.",
    kernel: `ttm_bo_vm_fault_reserved, ${vm}`,
  },
  "fault-no-memory": {
    sentence: "A fault that cannot have the object's pages allocated ends in SIGBUS.",
    kernel: `ttm_bo_vm_fault_reserved, ${vm}`,
    unproven: "no test runs a machine out of memory",
  },
  "fault-imported": {
    sentence: "A fault on an object that was imported is a SIGBUS: its pages are another driver's.",
    kernel: `ttm_bo_vm_reserve, ${vm}`,
    unproven: byDriver,
  },
  "insert-failed": {
    sentence: "A fault whose page cannot be inserted is not reported: it is taken again for ever.",
    kernel: `ttm_bo_vm_fault_reserved, ${vm}`,
    unproven: "no mainline release comes to it: vmf_insert_pfn takes every page",
  },
  "dummy-page": {
    sentence: "After the device was unplugged a fault fills the whole mapping with one page of zeros.",
    kernel: `ttm_bo_vm_dummy_page, ${vm}`,
    unproven: byDriver,
  },
  "no-table": {
    sentence: "qxl makes no sg tables: other devices can attach to its buffers, but not map them (ENOSYS).",
    kernel: "qxl_gem_prime_get_sg_table, drivers/gpu/drm/qxl/qxl_prime.c",
  },
  "access": {
    sentence: "ptrace and /proc/PID/mem reach a TTM object through its access method, page by page.",
    kernel: `ttm_bo_vm_access, ${vm}`,
  },
  "access-beyond": {
    sentence: "The access method refuses what reaches past the object with EIO.",
    kernel: `ttm_bo_vm_access, ${vm}`,
  },
  "access-vram": {
    sentence: "The access method reaches video memory only where the driver copies for it, else EIO.",
    kernel: `ttm_bo_vm_access, ${vm}`,
  },
  "no-memory": {
    sentence: "An object's pages cannot be allocated: ENOMEM.",
    kernel: `ttm_pool_alloc, ${pool}`,
    unproven: "no test runs a machine out of memory",
  },
  "moved": {
    sentence: "An object that moves is unmapped everywhere, then copied; the next access maps it where it is now.",
    kernel: `ttm_bo_handle_move_mem, ${bo}`,
  },
  "move-pinned": {
    sentence: "A pinned object does not move: EINVAL.",
    kernel: `ttm_bo_validate, ${bo}`,
    unproven: byDriver,
  },
  "evicts": {
    sentence:
      "Where video memory is full the object that was used longest ago goes to system memory, until there is room.",
    kernel: `ttm_bo_mem_force_space, ${bo}`,
  },
  "evict-pinned": {
    sentence: "A pinned object is passed over when room is made.",
    kernel: `ttm_bo_evict_swapout_allowable, ${bo}`,
  },
  "vram-full": {
    sentence: "An object that does not fit into video memory even when all others have left it gives ENOMEM.",
    kernel: `ttm_bo_validate, ${bo}`,
  },
  "unpin-unpinned": {
    sentence: "Taking back a pin that is not there is a warning and nothing else.",
    kernel: `ttm_bo_unpin, ${bo}`,
    unproven: byDriver,
  },
  "swapped-out": {
    sentence: "Swapping out unmaps an object and copies its pages into a shmem file; the pool gets the pages.",
    kernel: `ttm_tt_swapout, drivers/gpu/drm/ttm/ttm_tt.c`,
    unproven: byDriver,
  },
  "backed-up": {
    sentence:
      "Backing up unmaps an object and moves its pages into a shmem file; the pages become write-back and go to the system, not to the pool.",
    kernel: `ttm_pool_backup, ${pool}`,
    unproven: byDriver,
  },
  "swapped-in": {
    sentence: "An object that was swapped out gets pages and its contents back when it is used.",
    kernel: "ttm_tt_populate, drivers/gpu/drm/ttm/ttm_tt.c",
    unproven: byDriver,
  },
  "swap-skips": {
    sentence: "Only an object in system memory that has pages, is not pinned and not locked is swapped out.",
    kernel: `ttm_bo_evict_swapout_allowable, ${bo}`,
    unproven: byDriver,
  },
  "pool-converts": {
    sentence: "Fresh pages for an object that is not cached get its mode in the kernel's linear map, all by one call.",
    kernel: `ttm_pool_apply_caching, ${pool}`,
    unproven: noMachine,
  },
  "pool-keeps": {
    sentence:
      "Pages that are not cached are zeroed and kept in the pool, in their mode, when their object is done with them.",
    kernel: `ttm_pool_type_give, ${pool}`,
    unproven: noMachine,
  },
  "pool-reused": {
    sentence: "Pages of the same mode and order come from the pool first: nothing has to be flushed for them.",
    kernel: `ttm_pool_type_take, ${pool}`,
    unproven: noMachine,
  },
  "pool-shrinks": {
    sentence: "Past its limit, and when memory is short, the pool makes pages write-back and frees them.",
    kernel: `ttm_pool_shrink, ${pool}`,
    unproven: noMachine,
  },
  "page-gone": {
    sentence:
      "A page of a block that is not compound has no reference but what a mapping takes: the last unmapping frees it under its owner.",
    kernel: `ttm_pool_alloc_page, ${pool}`,
    unproven: "a defect of 5.11 to 5.13 on architectures without special entries; found by reports from Arm machines",
  },
  "map-moves": {
    sentence:
      "Mapping the object for an importer brings it into memory that every device reaches, unless it is pinned.",
    kernel: "amdgpu_dma_buf_map, drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c",
    unproven: "QEMU has no device with a dynamic exporter",
  },
  "qxl-size": {
    sentence: "An object of no bytes is refused with EINVAL; a size is 32 bits.",
    kernel: "qxl_alloc_ioctl, drivers/gpu/drm/qxl/qxl_ioctl.c",
  },
  "not-qxl": {
    sentence: "Another driver does not know qxl's requests: EINVAL.",
    kernel: "drm_ioctl, drivers/gpu/drm/drm_ioctl.c",
  },
});
