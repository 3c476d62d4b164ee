/** The `ready` message: what an executor says about the machine that it runs on. */
import type { Arch, Isa } from "@litmap/litmus";

export interface Ready {
  /** `uname -r`. */
  readonly release: string;
  /** `uname -v`. */
  readonly version: string;
  /** `uname -m`. */
  readonly machine: string;
  readonly arch: Arch;
  /** Bytes. */
  readonly pageSize: number;
  /** CPUs that the executor may use. */
  readonly cpus: number;
  /** 1 when it is the machine's init. */
  readonly pid: number;
  /** /proc/sys/kernel/tainted. */
  readonly taint: number;
  /** What went wrong on the way up: modules that did not load, mounts that failed. */
  readonly notes: readonly string[];
  /** Names in /dev, /dev/dma_heap and /dev/vfio, e.g. `udmabuf`, `dma_heap/system`, `vfio/2`; ttys and loop devices left out. */
  readonly devices: ReadonlySet<string>;
}

const isas: Readonly<Record<string, Isa>> = { x86_64: "x86_64", aarch64: "arm64", armv7l: "arm", armv8l: "arm" };

/** Among those of an instruction set, by the pages and by what one page table weighs (kB, as VmPTE counts it). */
function archOf(isa: Isa, pageSize: number, tableKb: number): Arch | undefined {
  if (isa === "arm64" && pageSize === 16384) return "arm64-16k";
  if (pageSize !== 4096) return undefined;
  return isa === "arm" && tableKb === 4 ? "arm-lpae" : isa;
}

/** Parses a `ready` payload. @throws Error for a machine that Programs cannot be made for. */
export function parseReady(payload: Uint8Array): Ready {
  const values = new Map<string, string[]>();
  for (const line of Buffer.from(payload).toString("utf8").split("\n")) {
    const at = line.indexOf("=");
    if (at < 0) continue;
    const key = line.slice(0, at);
    values.set(key, [...(values.get(key) ?? []), line.slice(at + 1)]);
  }
  const one = (key: string): string => {
    const value = values.get(key)?.[0];
    if (value === undefined) throw new Error(`the executor's ready message has no ${key}`);
    return value;
  };
  const machine = one("machine");
  const pageSize = Number(one("page"));
  const isa = isas[machine];
  const arch = isa && archOf(isa, pageSize, Number(values.get("table")?.[0] ?? 0));
  if (arch === undefined)
    throw new Error(`no Programs can be made for ${machine}${isa ? ` with pages of ${pageSize} bytes` : ""}`);
  return {
    release: one("release"),
    version: one("version"),
    machine,
    arch,
    pageSize,
    cpus: Number(one("cpus")),
    pid: Number(one("pid")),
    taint: Number(one("taint")),
    notes: values.get("note") ?? [],
    devices: new Set((values.get("device") ?? []).map((path) => path.replace(/^\/dev\//, ""))),
  };
}
