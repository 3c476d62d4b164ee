/** Huge pages of hugetlb files. */
import { rules } from "./rule.js";

export const hugetlbRules = rules("hugetlb", {
  "pool-empty": {
    sentence: "A mapping of a hugetlb file sets its pages aside at mmap: ENOMEM when the pool has too few.",
    kernel: "hugetlb_reserve_pages, mm/hugetlb.c",
  },
  "beyond-eof": {
    sentence: "A fault past the end of a hugetlb file ends in SIGBUS.",
    kernel: "hugetlb_no_page, mm/hugetlb.c",
  },
  "size-unaligned": {
    sentence: "The size of a hugetlb file is a multiple of its page size: EINVAL otherwise.",
    kernel: "hugetlbfs_setattr, fs/hugetlbfs/inode.c",
  },
  "offset-unaligned": {
    sentence: "A mapping of a hugetlb file begins at a multiple of its page size: EINVAL otherwise.",
    kernel: "hugetlbfs_file_mmap, fs/hugetlbfs/inode.c; hugetlb_get_unmapped_area, fs/hugetlbfs/inode.c",
  },
  "length-unaligned": {
    sentence:
      "A length of a hugetlb mapping that is no multiple of its page size is refused with EINVAL; mmap itself rounds it up before.",
    kernel: "hugetlb_get_unmapped_area, fs/hugetlbfs/inode.c",
  },
  "split-unaligned": {
    sentence: "A hugetlb mapping is split only between huge pages: EINVAL otherwise.",
    kernel: "hugetlb_vm_op_split, mm/hugetlb.c",
  },
  "no-read-write": {
    sentence: "A hugetlb file cannot be written to by write(): EINVAL.",
    kernel: "hugetlbfs_file_operations, fs/hugetlbfs/inode.c",
  },
});
