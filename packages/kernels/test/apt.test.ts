import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findDebian, kernelSources, parseDeb822, parseOneLine } from "../src/apt-sources.js";
import { compareDebianVersions } from "../src/debian-version.js";
import type { PackageRecord } from "../src/debian.js";
import { aptConf, chooseKernel, parsePackageRecords } from "../src/debian.js";
import { KernelStore } from "../src/index.js";
import { arm64Image, bzImage, eventually, fake, isRunning, scratch } from "./stand-ins.js";

describe("sources", () => {
  test("deb822, with comments, continuation lines, several of each, and stanzas that do not count", () => {
    const text = [
      "# the archive",
      "Types: deb deb-src",
      "# URIs: http://commented.example/debian",
      "URIs: http://mirror.example/debian",
      "Suites: bookworm bookworm-updates",
      "Components: main contrib",
      "Signed-By:",
      " -----BEGIN PGP PUBLIC KEY BLOCK-----",
      " .",
      " mQIN",
      "",
      "Types: deb-src",
      "URIs: http://sources.example/debian",
      "Suites: bookworm",
      "Components: main",
      "   ",
      "Enabled: no",
      "Types: deb",
      "URIs: http://disabled.example/debian",
      "Suites: bookworm",
      "Components: main",
    ].join("\n");
    expect(parseDeb822(text)).toEqual([
      {
        uri: "http://mirror.example/debian",
        suites: ["bookworm", "bookworm-updates"],
        components: ["main", "contrib"],
        signedBy: "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQIN",
      },
    ]);
  });

  test("one-line lists", () => {
    const text = [
      "# deb http://no.example/debian bookworm main",
      "deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg,/b.gpg] http://mirror.example/debian bookworm main " +
        "contrib # ours",
      "deb-src http://mirror.example/debian bookworm main",
      "deb  https://tool.example/apt  stable  main",
      "",
    ].join("\n");
    expect(parseOneLine(text)).toEqual([
      {
        uri: "http://mirror.example/debian",
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: "/usr/share/keyrings/a.gpg /b.gpg",
      },
      { uri: "https://tool.example/apt", suites: ["stable"], components: ["main"], signedBy: "" },
    ]);
  });

  test("the mirror is the one that serves Debian, with its archive of security updates", () => {
    const source = (uri: string, suite: string) => ({ uri, suites: [suite], components: ["main"], signedBy: "" });
    const sources = [
      source("http://other.example", "nodistro"),
      source("http://sec.example", "bookworm-security"),
      source("http://deb.example", "bookworm"),
    ];
    const mirror = findDebian(sources);
    expect(mirror?.archive.uri).toBe("http://deb.example");
    expect(mirror?.security?.uri).toBe("http://sec.example");
    expect(findDebian([source("http://ubuntu.example", "jammy")])).toBeUndefined();
  });

  test("what is asked of the mirror round-trips", () => {
    const archive = {
      uri: "http://deb.example/debian",
      suites: ["bookworm"],
      components: ["main"],
      signedBy: "/k.gpg",
    };
    const security = { ...archive, uri: "http://sec.example" };
    const asked = parseDeb822(kernelSources({ archive, security }, "amd64"));
    const suites = asked.flatMap((each) => each.suites);
    expect(suites).toContain("trixie-backports");
    expect(suites).toContain("experimental");
    expect(suites).not.toContain("sid-backports");
    expect(asked.find((each) => each.suites[0] === "bookworm-security")?.uri).toBe("http://sec.example");
    expect(asked.every((each) => each.signedBy === "/k.gpg")).toBe(true);
  });
});

test("Debian versions in ascending order", () => {
  // Pairs from deb-version(7) and from kernels that the mirror serves.
  const ordered = [
    "5.10.9-1",
    "5.10.218-1",
    "6.1.180-1~deb11u1",
    "6.1.180-1",
    "6.12.9-1",
    "6.12.90-1~bpo12+1",
    "6.12.90-2~bpo12+1",
    "6.12.107-1",
    "7.3~rc7-1~exp1",
    "7.3-1",
    "7.3.4-1",
    "1:1.0-1",
  ];
  for (const [index, version] of ordered.entries()) {
    expect(compareDebianVersions(version, version)).toBe(0);
    for (const later of ordered.slice(index + 1)) {
      expect([version, later, Math.sign(compareDebianVersions(version, later))]).toEqual([version, later, -1]);
      expect(Math.sign(compareDebianVersions(later, version))).toBe(1);
    }
  }
  expect(compareDebianVersions("1.0", "1.0-0")).toBe(0);
});

describe("which kernel", () => {
  const record = (name: string, version: string, size = 70_000_000): PackageRecord => ({
    name,
    version,
    sha256: "0",
    size,
    installedSize: size,
  });
  const names = (records: PackageRecord[], release: string): string[] | undefined =>
    chooseKernel(records, { release, flavour: "amd64" })?.map((each) => `${each.name}=${each.version}`);

  test("the newest of the release, by version and not by letters", () => {
    const records = [
      record("linux-image-6.12.95+deb12-amd64", "6.12.95-1~bpo12+1"),
      record("linux-image-6.12.107+deb13-amd64", "6.12.107-1"),
      record("linux-image-6.1.0-56-amd64", "6.1.192-2"),
    ];
    expect(names(records, "6.12")).toEqual(["linux-image-6.12.107+deb13-amd64=6.12.107-1"]);
    expect(names(records, "6.1")).toEqual(["linux-image-6.1.0-56-amd64=6.1.192-2"]);
    expect(names(records, "6.13")).toBeUndefined();
  });

  test("no metapackage, no real-time, cloud or debug flavour; signed before unsigned", () => {
    const records = [
      record("linux-image-6.1-amd64", "6.1.999-1", 1500),
      record("linux-image-6.1.0-60-rt-amd64", "6.1.300-1"),
      record("linux-image-6.1.0-60-cloud-amd64", "6.1.300-1"),
      record("linux-image-6.1.0-60-amd64-dbg", "6.1.300-1"),
      record("linux-image-6.1.0-57-amd64-unsigned", "6.1.200-1"),
      record("linux-image-6.1.0-56-amd64", "6.1.192-2"),
    ];
    expect(names(records, "6.1")).toEqual(["linux-image-6.1.0-56-amd64=6.1.192-2"]);
    expect(names(records.slice(0, 5), "6.1")).toEqual(["linux-image-6.1.0-57-amd64-unsigned=6.1.200-1"]);
  });

  test("in parts: only when all parts of one version are there", () => {
    const records = [
      record("linux-image-7.2.13+deb14-amd64", "7.2.13-1", 1888),
      record("linux-base-7.2.13+deb14-amd64", "7.2.13-1"),
      record("linux-binary-7.2.13+deb14-amd64", "7.2.13-1"),
      record("linux-modules-7.2.13+deb14-amd64", "7.2.13-1"),
      record("linux-binary-7.2.14+deb14-amd64", "7.2.14-1"),
      record("linux-modules-7.2.15+deb14-amd64", "7.2.15-1"),
    ];
    expect(names(records, "7.2")).toEqual(
      ["linux-base", "linux-binary", "linux-modules"].map((part) => `${part}-7.2.13+deb14-amd64=7.2.13-1`),
    );
  });

  test("records of apt-cache", () => {
    const text =
      "Package: a\nVersion: 1-1\nInstalled-Size: 10\nSize: 2048\nSHA256: ab\nDescription: Package: b\n more\n\n" +
      "Package: c\nVersion: 2\n";
    expect(parsePackageRecords(text)).toEqual([
      { name: "a", version: "1-1", sha256: "ab", size: 2048, installedSize: 10_240 },
      { name: "c", version: "2", sha256: "", size: 0, installedSize: 0 },
    ]);
  });
});

test("the private configuration takes the proxy and no hooks", () => {
  const machine =
    'Acquire::http::Proxy "http://proxy.example:3128";\nAPT::Update::Post-Invoke:: "rm -rf /";\nAcquire::Languages "en";\nDir::State "/var/lib/apt";\n';
  const conf = aptConf("/cache/apt", machine, "amd64");
  expect(conf).toContain('Acquire::http::Proxy "http://proxy.example:3128";');
  expect(conf).not.toContain("Post-Invoke");
  expect(conf).not.toContain("/var/lib");
  expect(conf).toContain('Dir::State "/cache/apt/state";');
  expect(conf).toContain('Dir::Etc::parts "/cache/apt/empty";');
});

/** Programs called apt-get, apt-cache, apt-config and dpkg-deb that write down how they were called. */
describe("with a stand-in for apt", () => {
  const path = process.env.PATH;
  let bin: string;
  let calls: string;
  let etc: string;

  function program(name: string, body: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $* [$APT_CONFIG]" >> ${calls}\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }

  beforeEach(() => {
    bin = scratch();
    calls = join(bin, "calls");
    etc = scratch();
    writeFileSync(join(etc, "sources.list"), "deb http://mirror.example/debian bookworm main\n");
    writeFileSync(join(bin, "vmlinuz"), bzImage("6.12.107+deb13-amd64"));
    program("apt-config", "echo");
    program(
      "apt-get",
      `case "$1" in
update) d=$(dirname "$APT_CONFIG"); : > "$d/state/lists/mirror_Packages"
  echo "E: The repository 'http://mirror.example/debian forky Release' does not have a Release file." >&2; exit 100 ;;
download) : > image.deb ;;
*) exit 9 ;;
esac`,
    );
    program(
      "apt-cache",
      `case "$1" in
pkgnames) printf 'linux-image-6.12.107+deb13-amd64\\nlinux-image-6.12.107+deb13-rt-amd64\\nlinux-doc\\n' ;;
show) printf 'Package: linux-image-6.12.107+deb13-amd64\\nVersion: 6.12.107-1\\nSize: 5000000\\nInstalled-Size: 10\\nSHA256: abc\\n' ;;
esac`,
    );
    program(
      "dpkg-deb",
      `mkdir -p "$3/boot" "$3/usr/lib/modules/6.12.107+deb13-amd64/kernel"; cp ${bin}/vmlinuz ` +
        `"$3/boot/vmlinuz-6.12.107+deb13-amd64"; echo CONFIG_X=y > "$3/boot/config-6.12.107+deb13-amd64"`,
    );
    process.env.PATH = `${bin}:${path}`;
  });

  afterEach(() => {
    process.env.PATH = path;
  });

  test("a kernel comes whole, missing suites are said, apt is only asked to update and to download", async () => {
    const store = new KernelStore(scratch());
    const progress: string[] = [];
    const added = await store.addDebian("6.12", { aptFolder: etc, onProgress: (line) => progress.push(line) });
    if (!added.ok) throw added.fault;
    expect(added.value).toMatchObject({
      name: "6.12",
      version: "6.12.107+deb13-amd64",
      source: {
        kind: "debian",
        packages: [{ name: "linux-image-6.12.107+deb13-amd64", version: "6.12.107-1", sha256: "abc" }],
      },
    });
    expect(readdirSync(added.value.folder).sort()).toEqual(["config", "kernel.json", "modules", "vmlinuz"]);
    expect(progress).toContain("this machine's mirror does not serve forky");
    const called = readFileSync(calls, "utf8").trim().split("\n");
    const conf = join(store.folder, "apt", "apt.conf");
    expect(called.filter((line) => line.startsWith("apt-get")).map((line) => line.split(" ")[1])).toEqual([
      "update",
      "download",
    ]);
    for (const line of called) expect(line.endsWith(/^apt-(get|cache)/.test(line) ? `[${conf}]` : "[]")).toBe(true);
    expect(process.env.APT_CONFIG).toBeUndefined();
  });

  test("another architecture has lists of its own, and the flavour is part of the package's name", async () => {
    writeFileSync(join(bin, "vmlinuz"), arm64Image("6.12.117+deb13-arm64-16k"));
    program(
      "apt-cache",
      `case "$1" in
pkgnames) printf 'linux-image-6.12.117+deb13-arm64\\nlinux-image-6.12.117+deb13-arm64-16k\\nlinux-image-6.12.117+deb13-cloud-arm64\\n' ;;
show) shift; for name; do printf 'Package: %s\\nVersion: 6.12.117-1\\nSize: 5000000\\nInstalled-Size: 10\\nSHA256: abc\\n\\n' "$name"; done ;;
esac`,
    );
    const store = new KernelStore(scratch());
    const added = await store.addDebian("6.12-arm64-16k", { aptFolder: etc });
    if (!added.ok) throw added.fault;
    expect(added.value).toMatchObject({
      name: "6.12-arm64-16k",
      release: "6.12",
      arch: "arm64",
      version: "6.12.117+deb13-arm64-16k",
    });
    expect(added.value.source).toMatchObject({ packages: [{ name: "linux-image-6.12.117+deb13-arm64-16k" }] });
    const folder = join(store.folder, "apt-arm64");
    expect(readFileSync(join(folder, "apt.conf"), "utf8")).toContain('APT::Architectures { "arm64"; };');
    expect(readFileSync(join(folder, "sources", "kernels.sources"), "utf8")).toContain("Architectures: arm64");
    expect(existsSync(join(store.folder, "apt"))).toBe(false);
  });

  test("a second one uses the lists at hand", async () => {
    const store = new KernelStore(scratch());
    await store.addDebian("6.12", { aptFolder: etc });
    await store.addDebian("6.12", { aptFolder: etc });
    expect(readFileSync(calls, "utf8").match(/apt-get update/g)).toHaveLength(1);
  });

  test("a release that the mirror has not", async () => {
    const store = new KernelStore(scratch());
    const added = await store.addDebian("6.13", { aptFolder: etc });
    expect(added.ok ? "" : added.fault.message).toBe(
      "this machine's Debian mirror has no kernel 6.13 for amd64 (without forky, which it does not serve)",
    );
    expect(readdirSync(store.folder)).toEqual(["apt"]);
  });

  test("a disk that fills up while unpacking", async () => {
    program("dpkg-deb", 'echo "dpkg-deb: error: cannot copy: No space left on device" >&2; exit 2');
    const store = new KernelStore(scratch());
    const added = await store.addDebian("6.12", { aptFolder: etc });
    expect(added.ok ? "" : added.fault.code).toBe("disk-full");
    expect(store.list()).toEqual([]);
    expect(readdirSync(store.folder)).toEqual(["apt"]);
  });

  test("interrupted in mid-download, nothing is left: no lock, no half kernel, no apt", async () => {
    program(
      "apt-get",
      `case "$1" in update) : > "$(dirname "$APT_CONFIG")/state/lists/mirror_Packages" ;; *) echo $$ > ${bin}/pid; ` +
        "sleep 60 ;; esac",
    );
    const folder = scratch();
    const child = spawn(process.execPath, [fake("add-debian.mjs"), folder, "6.12", etc], { stdio: "inherit" });
    expect(
      await eventually(() => existsSync(join(bin, "pid")) && readFileSync(join(bin, "pid"), "utf8") !== "", 20_000),
    ).toBe(true);
    const apt = Number(readFileSync(join(bin, "pid"), "utf8"));
    const end = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    child.kill("SIGINT");
    expect(await end).toBe("SIGINT");
    expect(await eventually(() => !isRunning(apt))).toBe(true);
    expect(readdirSync(folder)).toEqual(["apt"]);
  }, 30_000);

  test("a download that fails is tried again with fresh lists, then says why", async () => {
    program(
      "apt-get",
      'case "$1" in update) : > "$(dirname "$APT_CONFIG")/state/lists/mirror_Packages" ;; *) echo "E: Failed to fetch 404 Not Found" >&2; exit 100 ;; esac',
    );
    const added = await new KernelStore(scratch()).addDebian("6.12", { aptFolder: etc });
    expect(added.ok ? "" : added.fault.message).toMatch(
      /^downloading linux-image-6\.12\.107.* failed: E: Failed to fetch 404 Not Found$/,
    );
    expect(readFileSync(calls, "utf8").match(/apt-get update/g)).toHaveLength(2);
  });

  test("a machine without a Debian mirror, and one without apt", async () => {
    writeFileSync(join(etc, "sources.list"), "deb http://ubuntu.example/ubuntu jammy main\n");
    mkdirSync(join(etc, "sources.list.d"));
    const none = await new KernelStore(scratch()).addDebian("6.12", { aptFolder: etc });
    expect(none.ok ? "" : none.fault.code).toBe("mirror");
    writeFileSync(join(etc, "sources.list"), "deb http://mirror.example/debian bookworm main\n");
    process.env.PATH = scratch();
    const noApt = await new KernelStore(scratch()).addDebian("6.12", { aptFolder: etc });
    expect(noApt.ok ? "" : [noApt.fault.code, noApt.fault.hint]).toEqual([
      "missing-program",
      "kernels from packages need a Debian system with apt; elsewhere give --image and --modules",
    ]);
  });
});
