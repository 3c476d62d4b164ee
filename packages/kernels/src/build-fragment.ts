/**
 * What a built kernel is made of: the options that are set on top of `tinyconfig`.
 *
 * Two kinds stand here. What a guest needs to come up, and what tests ask about, is set as Debian
 * sets it where that can change an answer (zeroed pages, soft-dirty marks, NUMA, memory cgroups),
 * so that a built kernel differs from Debian's in nothing but what Debian leaves out.
 */

/** `y`, `m` and `n` as in a .config; anything else is written as it stands: a number or a quoted text. */
export type OptionValue = "y" | "m" | "n" | `${number}` | `"${string}"`;

export interface OptionGroup {
  readonly subject: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  /** The first release, `6.12`, whose configuration knows them; all of them when left out. */
  readonly since?: string;
}

const on = (...names: string[]): Record<string, OptionValue> => Object.fromEntries(names.map((name) => [name, "y"]));
const modules = (...names: string[]): Record<string, OptionValue> =>
  Object.fromEntries(names.map((name) => [name, "m"]));
const off = (...names: string[]): Record<string, OptionValue> => Object.fromEntries(names.map((name) => [name, "n"]));

export const buildFragment: readonly OptionGroup[] = [
  {
    subject: "an x86_64 guest with several processors that QEMU starts directly",
    options: {
      ...on("64BIT", "SMP", "X86_X2APIC", "ACPI", "PCI", "PCI_MSI", "HYPERVISOR_GUEST", "PARAVIRT", "PVH", "KVM_GUEST"),
      ...on("CPU_SUP_INTEL", "CPU_SUP_AMD", "X86_PAT", "MTRR", "CC_OPTIMIZE_FOR_PERFORMANCE", "PREEMPT_VOLUNTARY"),
      ...on("HIGH_RES_TIMERS", "NO_HZ_IDLE", "HZ_250", "RELOCATABLE"),
      ...off("CC_OPTIMIZE_FOR_SIZE", "PREEMPT_NONE"),
      NR_CPUS: "8",
      LOCALVERSION: '"-litmap"',
    },
  },
  {
    subject: "its console, its first program and the channel to it",
    options: {
      ...on(
        "PRINTK",
        "PRINTK_TIME",
        "BUG",
        "KALLSYMS",
        "KALLSYMS_ALL",
        "MAGIC_SYSRQ",
        "TTY",
        "SERIAL_8250",
        "SERIAL_8250_CONSOLE",
      ),
      ...on("BLK_DEV_INITRD", "RD_GZIP", "BINFMT_ELF", "MODULES", "MODULE_UNLOAD", "KERNEL_GZIP"),
      ...on(
        "VIRTIO_MENU",
        "VIRTIO_PCI",
        "VIRTIO_CONSOLE",
        "HW_RANDOM",
        "DEBUG_KERNEL",
        "SOFTLOCKUP_DETECTOR",
        "DETECT_HUNG_TASK",
      ),
      ...off("KERNEL_XZ"),
    },
  },
  {
    subject: "system calls and files that tests use",
    options: {
      ...on(
        "MULTIUSER",
        "FUTEX",
        "EPOLL",
        "SIGNALFD",
        "TIMERFD",
        "EVENTFD",
        "POSIX_TIMERS",
        "AIO",
        "IO_URING",
        "MEMBARRIER",
        "RSEQ",
      ),
      ...on(
        "ADVISE_SYSCALLS",
        "CROSS_MEMORY_ATTACH",
        "FHANDLE",
        "INOTIFY_USER",
        "FILE_LOCKING",
        "COREDUMP",
        "ELF_CORE",
        "CHECKPOINT_RESTORE",
      ),
      ...on(
        "PROC_FS",
        "PROC_SYSCTL",
        "PROC_PAGE_MONITOR",
        "SYSFS",
        "DEVTMPFS",
        "DEBUG_FS",
        "TMPFS",
        "SHMEM",
        "HUGETLBFS",
        "MEMFD_CREATE",
        "SECRETMEM",
      ),
      ...on(
        "NET",
        "UNIX",
        "INET",
        "NAMESPACES",
        "SECCOMP",
        "CGROUPS",
        "PERF_EVENTS",
        "PROFILING",
        "VM_EVENT_COUNTERS",
        "BLOCK",
        "BLK_DEV",
      ),
      ...modules("PACKET", "BLK_DEV_RAM"),
    },
  },
  {
    subject: "memory management as Debian configures it",
    options: {
      ...on(
        "SPARSEMEM_VMEMMAP",
        "NUMA",
        "NUMA_BALANCING",
        "MEMORY_HOTPLUG",
        "MEMORY_HOTREMOVE",
        "ZONE_DEVICE",
        "MIGRATION",
        "COMPACTION",
      ),
      ...on(
        "SLUB",
        "SWAP",
        "MEMCG",
        "CPUSETS",
        "LRU_GEN",
        "KSM",
        "TRANSPARENT_HUGEPAGE",
        "TRANSPARENT_HUGEPAGE_ALWAYS",
        "X86_MCE",
        "MEMORY_FAILURE",
        "MEM_SOFT_DIRTY",
      ),
      ...on(
        "USERFAULTFD",
        "PTE_MARKER_UFFD_WP",
        "INIT_ON_ALLOC_DEFAULT_ON",
        "HARDENED_USERCOPY",
        "DEVMEM",
        "STRICT_DEVMEM",
        "IO_STRICT_DEVMEM",
        "SECURITY",
      ),
      // tinyconfig's allocators are others, and EMBEDDED keeps secret memory away.
      ...off("SLOB", "SLUB_TINY", "EMBEDDED"),
      DEFAULT_MMAP_MIN_ADDR: "65536",
    },
  },
  { subject: "memory management as Debian configures it", since: "6.12", options: on("LRU_GEN_ENABLED") },
  {
    subject: "memory set aside for devices, and the heap that hands it out",
    options: { ...on("CMA", "CMA_DEBUGFS", "DMA_CMA", "DMABUF_HEAPS_CMA"), CMA_SIZE_MBYTES: "64", CMA_ALIGNMENT: "8" },
  },
  {
    subject: "dma-buf: heaps, udmabuf, checks, statistics, fences from user space",
    options: on(
      "SYNC_FILE",
      "SW_SYNC",
      "UDMABUF",
      "DMABUF_DEBUG",
      "DMABUF_HEAPS",
      "DMABUF_HEAPS_SYSTEM",
      "DMABUF_SYSFS_STATS",
    ),
  },
  { subject: "page references from user space", options: on("GUP_TEST") },
  {
    subject: "page tables of devices that mirror a process's: hmm_range_fault, which no option switches on by itself",
    options: { ...on("DEVICE_PRIVATE", "RUNTIME_TESTING_MENU"), ...modules("TEST_HMM") },
  },
  {
    subject: "displays",
    options: {
      ...on("INPUT", "I2C", "DRM", "FB", "VIRTIO"),
      ...modules("DRM_VGEM", "DRM_VKMS", "DRM_BOCHS", "DRM_QXL", "DRM_VIRTIO_GPU"),
    },
  },
  {
    subject: "a camera without hardware",
    options: {
      ...on(
        "MEDIA_SUPPORT",
        "MEDIA_SUPPORT_FILTER",
        "MEDIA_TEST_SUPPORT",
        "MEDIA_PLATFORM_SUPPORT",
        "MEDIA_CONTROLLER",
        "V4L_TEST_DRIVERS",
      ),
      ...off(
        "MEDIA_SUBDRV_AUTOSELECT",
        "MEDIA_ANALOG_TV_SUPPORT",
        "MEDIA_DIGITAL_TV_SUPPORT",
        "MEDIA_RADIO_SUPPORT",
        "MEDIA_SDR_SUPPORT",
      ),
      ...on("VIDEO_DEV", "MEDIA_CAMERA_SUPPORT"),
      ...modules("VIDEO_VIVID"),
    },
  },
  {
    subject:
      "drivers whose only use is what they select: the GEM DMA helper, and videobuf2's allocator for scatter-gather",
    options: {
      ...on("SPI", "BACKLIGHT_CLASS_DEVICE", "MEDIA_PCI_SUPPORT"),
      ...modules("DRM_PANEL_MIPI_DBI", "VIDEO_IPU3_CIO2"),
    },
  },
  {
    subject: "guests within, and devices that user space drives through an IOMMU",
    options: {
      ...on("VIRTUALIZATION", "IOMMU_SUPPORT", "INTEL_IOMMU", "INTEL_IOMMU_DEFAULT_OFF", "IRQ_REMAP"),
      ...modules("KVM", "KVM_AMD", "VFIO", "VFIO_IOMMU_TYPE1", "VFIO_PCI"),
    },
  },
  {
    subject: "devices that user space drives through an IOMMU",
    since: "6.2",
    options: on("VFIO_GROUP", "VFIO_CONTAINER"),
  },
  {
    subject: "what comes with the above and no test needs",
    options: off(
      "HID",
      "HID_SUPPORT",
      "IPV6",
      "INET_DIAG",
      "ETHERNET",
      "WLAN",
      "USB_SUPPORT",
      "INTEL_MEI",
      "LEGACY_PTYS",
      "X86_PLATFORM_DEVICES",
      "INPUT_MOUSE",
      "INPUT_KEYBOARD",
    ),
  },
];
