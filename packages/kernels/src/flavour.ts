/** Debian's flavours of a kernel that can be asked for by name: `6.12`, `6.12-arm64`, `6.1-armmp`. */

import type { Arch } from "@litmap/litmus";

/** As Debian names what a package is built for. */
export type DebianArchitecture = "amd64" | "arm64" | "armhf";

export interface DebianKernel {
  /** Major.minor. */
  readonly release: string;
  /** The end of the package's name. */
  readonly flavour: string;
  readonly architecture: DebianArchitecture;
}

const architectureOf: Readonly<Record<string, DebianArchitecture>> = {
  amd64: "amd64",
  arm64: "arm64",
  "arm64-16k": "arm64",
  armmp: "armhf",
  "armmp-lpae": "armhf",
};

/** All flavours, as one lists them. */
export const flavours: readonly string[] = Object.keys(architectureOf);

/** What a kernel's name asks Debian for; without a flavour it is amd64. Undefined when it is no such name. */
export function debianKernel(name: string): DebianKernel | undefined {
  const [, release, flavour = "amd64"] = /^(\d+\.\d+)(?:-(.+))?$/.exec(name) ?? [];
  const architecture = Object.hasOwn(architectureOf, flavour) ? architectureOf[flavour] : undefined;
  return release === undefined || architecture === undefined ? undefined : { release, flavour, architecture };
}

const flavourOf: Readonly<Record<Arch, string>> = {
  x86_64: "",
  arm64: "-arm64",
  "arm64-16k": "-arm64-16k",
  arm: "-armmp",
  "arm-lpae": "-armmp-lpae",
};

/** The name by which `kernel add` takes Debian's kernel of a release for an architecture. */
export function debianName(release: string, arch: Arch): string {
  return `${release}${flavourOf[arch]}`;
}
