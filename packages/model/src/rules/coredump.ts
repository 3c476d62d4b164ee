/** What the kernel writes into a core file. */
import { rules } from "./rule.js";

const file = "fs/coredump.c";

export const coredumpRules = rules("coredump", {
  "dontdump": {
    sentence: "A VM_DONTDUMP mapping is a segment without bytes in a core file, whatever the filter says.",
    kernel: `vma_dump_size, ${file}`,
  },
  "io": {
    sentence: "A VM_IO mapping is a segment without bytes in a core file.",
    kernel: `vma_dump_size, ${file}`,
  },
  "hugetlb": {
    sentence:
      "Huge pages are dumped by two bits of the filter of their own, one for shared and one for private mappings.",
    kernel: `vma_dump_size, ${file}`,
  },
  "shared": {
    sentence:
      "A shared mapping is dumped by the filter's bit for anonymous memory when no name leads to its file (a memfd), else by the one for files, which is off by default.",
    kernel: `vma_dump_size, ${file}`,
  },
  "written": {
    sentence: "A private mapping that may hold anonymous pages is dumped whole.",
    kernel: `vma_dump_size, ${file}`,
  },
  "file-private": {
    sentence:
      "Of a private file mapping that nobody has written to nothing is dumped, except by the filter's bit for those.",
    kernel: `vma_dump_size, ${file}`,
  },
  "elf-header": {
    sentence:
      "Of an unwritten private mapping of the beginning of a file the first page is dumped when the file is executable or begins as ELF does.",
    kernel: `vma_dump_size, ${file}`,
  },
  "hole": {
    sentence:
      "A page that get_dump_page does not get (untouched anonymous memory, zero pages, special entries) is a hole in the core file.",
    kernel: `dump_user_range, ${file}; get_dump_page, mm/gup.c`,
  },
  "faulted": {
    sentence:
      "Writing a core file faults in what is absent of mappings with a fault handler: a memfd's holes become pages.",
    kernel: "get_dump_page, mm/gup.c",
  },
});
