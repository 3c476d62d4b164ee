/** The machine that QEMU builds for guests of an instruction set. */
import type { Isa } from "@litmap/litmus";

export interface Board {
  /** QEMU's program for it, and Debian's package. */
  readonly program: string;
  readonly package: string;
  /** As -machine takes it. */
  readonly machine: string;
  /** As -cpu takes it, under software emulation. */
  readonly cpu: string;
  /** The console's name on the kernel's command line. */
  readonly console: string;
  /** A second serial port that can carry the link; without one it needs virtio. */
  readonly serialLink: boolean;
  /** Appended to the kernel's command line. */
  readonly cmdline: readonly string[];
}

export const boards: Readonly<Record<Isa, Board>> = {
  x86_64: {
    program: "qemu-system-x86_64",
    package: "qemu-system-x86",
    machine: "pc",
    // Four levels of page tables, as where most kernels run.
    cpu: "max,-la57",
    console: "ttyS0",
    serialLink: true,
    // On a busy host the emulated timer ticks too late for the check, and the kernel panics.
    cmdline: ["no_timer_check", "mitigations=off"],
  },
  arm64: {
    program: "qemu-system-aarch64",
    package: "qemu-system-arm",
    machine: "virt",
    // Without 52-bit addresses, as where most kernels run.
    cpu: "max,lpa2=off",
    console: "ttyAMA0",
    serialLink: false,
    cmdline: ["mitigations=off"],
  },
  arm: {
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    // With high memory its PCI configuration space lies where a kernel without LPAE cannot reach.
    machine: "virt,highmem=off",
    cpu: "cortex-a15",
    console: "ttyAMA0",
    serialLink: false,
    cmdline: [],
  },
};
