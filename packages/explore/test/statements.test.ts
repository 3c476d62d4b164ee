/**
 * The testable statements about kernels from which the corpus was grown, 1 to 134: which test
 * says each. What stands in packages/model/test/statements.test.ts is asked there as well.
 */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

const names = new Set(
  readdirSync(join(import.meta.dirname, "../../../corpus"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".lit"))
    .map((name) => basename(name, ".lit")),
);

/** By number: a test that claims it. Several where releases or cases are apart. */
const said: Readonly<Record<number, string>> = {
  1: "vmflags-system-heap", 2: "smaps-system-heap", 3: "status-system-heap", 5: "process-vm-readv-system-heap",
  6: "process-vm-writev-system-heap", 7: "mem-read-system-heap mem-write-system-heap", 8: "ptrace-peek-system-heap",
  9: "direct-io-system-heap direct-read-system-heap", 10: "buffered-write-system-heap buffered-read-system-heap",
  11: "vmsplice-system-heap", 12: "io-uring-register-system-heap", 13: "futex-shared-system-heap futex-private-system-heap",
  14: "status-locked-system-heap", 15: "madvise-dontneed-system-heap", 16: "madvise-cold-system-heap madvise-pageout-system-heap madvise-free-system-heap",
  17: "madvise-populate-read-system-heap madvise-populate-write-system-heap", 18: "madvise-dontdump-system-heap",
  19: "madvise-dontfork-system-heap", 20: "madvise-remove-system-heap", 21: "madvise-wipeonfork-system-heap",
  22: "madvise-hugepage-system-heap madvise-mergeable-system-heap madvise-collapse-system-heap", 23: "madvise-guard-system-heap",
  24: "moved-of-system-heap", 25: "moved-of-system-heap", 26: "moved-of-system-heap", 27: "moved-of-system-heap",
  28: "moved-of-system-heap", 29: "advised-of-system-heap", 30: "private-system-heap-two-pages", 31: "private-system-heap-page",
  32: "private-system-heap-64k private-system-heap-1m", 33: "private-system-heap-17-pages private-system-heap-257-pages private-system-heap-2m",
  34: "private-system-heap-offset", 35: "private-system-heap-rss", 36: "private-system-heap-gup", 37: "heap-fork fork-system-heap-faults",
  38: "fork-dontfork-system-heap", 39: "mincore-system-heap", 40: "pagemap-system-heap", 41: "move-pages-query-system-heap move-pages-vb2-dma-contig",
  42: "move-pages-system-heap", 43: "mbind-system-heap", 44: "get-mempolicy-system-heap", 45: "msync-system-heap", 46: "userfaultfd-system-heap",
  47: "mprotect-system-heap-faults", 48: "mprotect-exec-system-heap mmap-exec-system-heap", 49: "mmap-length-system-heap mmap-offset-system-heap",
  50: "mmap-offset-system-heap mmap-sync-system-heap", 51: "read-only-buffer-system-heap", 52: "write-only-buffer-system-heap",
  53: "lseek-system-heap", 54: "read-write-system-heap ftruncate-system-heap", 55: "reopen-system-heap", 56: "fstat-system-heap",
  57: "fdinfo-count", 58: "sync-flags-system-heap sync-unpaired-system-heap", 59: "sync-unpaired-udmabuf", 60: "set-name-length set-name-udmabuf",
  61: "export-sync-file-flags export-sync-file-idle", 62: "import-sync-file-other", 63: "poll-system-heap", 64: "ioctl-unknown",
  65: "alloc-flags-system-heap alloc-length-system-heap alloc-modes-system-heap alloc-fd-field-system-heap", 66: "alloc-length-system-heap",
  68: "create-seals-udmabuf create-no-sealing-udmabuf", 69: "create-other-files-udmabuf", 70: "create-alignment-udmabuf create-past-end-udmabuf",
  71: "create-size-limit-udmabuf", 72: "list-length-udmabuf", 73: "coherent-memfd-udmabuf list-order-udmabuf", 74: "list-same-page-udmabuf",
  75: "seal-write-mapped-udmabuf seal-write-unmapped-udmabuf", 76: "seal-future-write-udmabuf", 77: "hole-udmabuf",
  78: "create-read-only-memfd-udmabuf", 79: "vmflags-udmabuf private-udmabuf", 80: "process-vm-readv-udmabuf account-of-udmabuf",
  81: "madvise-dontfork-udmabuf", 82: "udmabuf-large-faults", 83: "split-wrong-page-vgem", 84: "split-mprotect-wrong-page-vgem", 85: "prime-offset-wrong-page-vgem",
  86: "split-qxl prime-offset-qxl", 87: "sizes-vgem", 88: "private-vgem private-qxl", 89: "mem-qxl mem-vgem", 90: "bar-mem reach-of-pci-bar",
  91: "bar-private", 92: "mmap-vb2-vmalloc", 93: "reach-of-vb2-vmalloc reach-of-vb2-vmalloc-export", 94: "io-uring-vb2-vmalloc", 95: "futex-vb2-vmalloc",
  96: "dontneed-vb2-vmalloc", 97: "mlock-vb2-vmalloc", 98: "fork-vb2-vmalloc", 99: "private-vb2-vmalloc-export mmap-private-vb2-node",
  100: "account-of-vb2-dma-contig reach-of-vb2-dma-contig", 101: "userptr-system-heap userptr-udmabuf userptr-anon", 102: "import-system-heap import-scattered",
  103: "packet-ring-grow packet-ring-grow-by-moving", 104: "fork-memfd-rss", 105: "reach-vmf-insert-mixed", 106: "reach-vmf-insert-mixed",
  107: "account-vmf-insert-mixed fork-vmf-insert-mixed", 108: "account-vmf-insert-mixed", 109: "account-vm-insert-page fork-vm-insert-page",
  110: "reach-fault-page-io", 111: "reach-fault-page-io", 112: "longterm-cma", 113: "vfio-system-heap vfio-bar",
  114: "kvm-system-heap-tail kvm-system-heap-order-8-tail kvm-system-heap-single-pages", 115: "core-system-heap-and-memfd",
  116: "populate-of-system-heap", 117: "layout-of-system-heap layout-of-vgem", 118: "close-mapped-system-heap", 119: "bufinfo-system-heap attach-system-heap",
  121: "udmabuf-populate-faults", 122: "fork-udmabuf-faults", 123: "status-vmpte-system-heap system-heap-large-faults", 124: "write-faults-vgem",
  125: "prefault-qxl", 126: "mlockall-future-system-heap mlockall-future-udmabuf", 127: "pipe-system-heap", 128: "private-offset-vb2-dma-contig",
  129: "private-of-pci-bar private-system-heap-gup", 130: "private-gup-vb2-vmalloc", 131: "packet-ring-dontunmap", 132: "reqbufs-userptr-vb2",
  133: "prime-bochs", 134: "flags-bochs mem-bochs",
};

/** What no test can say, and why. */
const unsaid: Readonly<Record<number, string>> = {
  4: "free memory of the whole machine moves by itself",
  67: "the answer is the death of the machine",
  120: "a folder in sysfs that no kernel here has",
};

describe("the testable statements", () => {
  test("each is said, or it is said why not", () => {
    for (let number = 1; number <= 134; number++) expect(number in said || number in unsaid, String(number)).toBe(true);
  });

  test.each(Object.entries(said))("%s is said by %s", (_number, tests) => {
    for (const name of tests.split(" ")) expect(names, name).toContain(name);
  });
});
