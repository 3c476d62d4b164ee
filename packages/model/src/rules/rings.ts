/** Rings that sockets and io_uring map, and IO memory by sysfs. */
import { rules } from "./rule.js";

const packet = "net/packet/af_packet.c";

export const packetRules = rules("packet", {
  "ring-limit": {
    sentence: "A ring whose table of blocks is larger than what kmalloc gives (4 MiB) is refused with ENOMEM.",
    kernel: `alloc_pg_vec, ${packet}`,
  },
  "no-memory": {
    sentence: "A ring for which there are not enough pages is refused with ENOMEM, and what it had is freed.",
    kernel: `alloc_pg_vec, ${packet}`,
  },
  "offset": {
    sentence: "A ring is mapped from its beginning: any other offset is refused with EINVAL.",
    kernel: `packet_mmap, ${packet}`,
  },
  "no-ring": {
    sentence: "A packet socket without a ring cannot be mapped: EINVAL.",
    kernel: `packet_mmap, ${packet}`,
  },
  "whole-ring": {
    sentence: "A mapping of a ring is exactly as long as the ring: any other length is refused with EINVAL.",
    kernel: `packet_mmap, ${packet}`,
  },
  "mapped": {
    sentence:
      "mmap inserts every page of the ring at once, as pages with references (VM_MIXEDMAP); nothing forbids the mapping to grow (no VM_DONTEXPAND), and there is no fault handler.",
    kernel: `packet_mmap, ${packet}`,
  },
  "not-bound": {
    sentence: "Sending through a packet socket that is bound to no device fails with ENXIO.",
    kernel: `packet_snd, ${packet}`,
  },
  "waits": {
    sentence: "Reading from a packet socket waits for a packet.",
    kernel: `packet_recvmsg, ${packet}`,
  },
  "frame-ready": {
    sentence:
      "The socket polls as readable when the frame before the ring's head no longer belongs to the kernel, and user space can write that word.",
    kernel: `packet_poll, ${packet}`,
  },
});

const memmap = "io_uring/memmap.c (io_uring/io_uring.c up to 6.9)";

export const ringRules = rules("io-uring-ring", {
  "address": {
    sentence:
      "The kernel chooses where a ring is mapped: any address that the caller asks for, by hint or fixed, is refused with EINVAL.",
    kernel: `io_uring_get_unmapped_area, ${memmap}`,
  },
  "no-such-offset": {
    sentence:
      "Only the offsets of the rings and of the submission entries can be mapped; what another gives depends on where it is noticed.",
    kernel: `io_uring_validate_mmap_request, ${memmap}`,
  },
  "too-long": {
    sentence: "A mapping that is longer than the allocation behind it is refused with EINVAL.",
    kernel: "io_uring_validate_mmap_request, fs/io_uring.c",
  },
  "pages": {
    sentence:
      "mmap inserts the pages that there are (VM_MIXEDMAP) and forbids the mapping to grow; the rest of a longer mapping stays empty, and a fault there is a SIGBUS.",
    kernel: `io_uring_mmap, ${memmap}`,
  },
  "pfns": {
    sentence: "mmap puts the frames in by remap_pfn_range, as memory without struct pages.",
    kernel: "io_uring_mmap, fs/io_uring.c",
  },
});

export const barRules = rules("pci-bar", {
  "fits": {
    sentence: "A mapping that does not lie within the BAR is refused with EINVAL.",
    kernel: "pci_mmap_fits, drivers/pci/mmap.c",
  },
  "mapped": {
    sentence:
      "A BAR is mapped by one remap_pfn_range over the whole mapping, so that private mappings are let through; the mapping's offset becomes the physical address.",
    kernel: "pci_mmap_resource_range, drivers/pci/mmap.c",
  },
  "revoked": {
    sentence:
      "A driver that claims a device's regions has mappings of its BARs through sysfs zapped, private copies too; further accesses get SIGBUS. What a device was given of the BAR stays reachable for it.",
    kernel: "revoke_iomem, kernel/resource.c",
  },
  "no-data": {
    sentence: "The file of a memory BAR can be mapped, but neither read nor written: EIO.",
    kernel: "sysfs_kf_bin_read, fs/sysfs/file.c",
  },
  "write-beyond": {
    sentence: "A write that begins behind the end of a sysfs file of known size is refused with EFBIG.",
    kernel: "sysfs_kf_bin_write, fs/sysfs/file.c",
  },
  "poll-unread": {
    sentence: "A sysfs file polls with an error until it has been read, even if reading it failed.",
    kernel: "kernfs_generic_poll, fs/kernfs/file.c",
  },
  "truncate-too-big": {
    sentence:
      "A sysfs file keeps its size whatever ftruncate is asked for, but a size past the file system's limit is refused with EFBIG.",
    kernel: "inode_newsize_ok, fs/attr.c",
  },
  "access": {
    sentence:
      "What get_user_pages refuses, /proc/PID/mem and ptrace reach through a mapping of their own of the physical memory, in one piece also past the end of the page and of the mapping.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "access-not-mapped": {
    sentence: "There must be an entry, and a writable one for writing: else EINVAL.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "access-no-io": {
    sentence:
      "The access method of a mapping of IO memory refuses a page of RAM in it, such as a private copy, with EINVAL; the reader sees EIO.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "access-ram": {
    sentence: "A private copy of IO memory is RAM, which ioremap refuses with a warning: ENOMEM.",
    kernel: "__ioremap_caller, arch/x86/mm/ioremap.c",
  },
});
