/** Tables 5.7 and E of the facts: what each way of reaching into a mapping makes of each kind of mapping. */
import { describe, expect, test } from "vitest";
import { errnoName } from "@litmap/litmus";
import { futexWait, getFutexKey } from "../src/consumers/futex.js";
import { newRing, registerBuffer } from "../src/consumers/io-uring.js";
import { mbind, nodeOf } from "../src/consumers/mempolicy.js";
import { movePages } from "../src/consumers/move-pages.js";
import { processVmRw } from "../src/consumers/process-vm.js";
import { memRw, ptracePeek } from "../src/consumers/remote-access.js";
import { userfaultfdRegister } from "../src/consumers/userfaultfd.js";
import { vmspliceToPipe } from "../src/consumers/vmsplice.js";
import { openDisk } from "../src/fs/disk.js";
import { newPipe, pipeOf } from "../src/fs/pipe.js";
import { newTmpfsFile } from "../src/mm/shmem.js";
import { readOrWrite } from "../src/vfs/vfs.js";
import { PAGE, Scene } from "./scene.js";
import type { File } from "../src/vfs/file.js";
import type { DriverKind } from "./scene.js";

type Ways = Readonly<Record<string, (s: Scene, address: bigint) => number>>;

const LENGTH = 2n * BigInt(PAGE);

function transfer(s: Scene, file: File, address: bigint, write: boolean): number {
  const fd = s.task.files.install(file);
  return s.run(readOrWrite(s.k, s.task, { fd, address, length: LENGTH, offset: 0n, write }));
}

const ways = {
  "process_vm_readv": (s, a) => s.run(processVmRw(s.k, s.task, s.task, a, LENGTH, false)),
  "process_vm_writev": (s, a) => s.run(processVmRw(s.k, s.task, s.task, a, LENGTH, true)),
  "mem_read": (s, a) => s.run(memRw(s.k, s.task, s.task, a, LENGTH, false)),
  "mem_write": (s, a) => s.run(memRw(s.k, s.task, s.task, a, LENGTH, true)),
  "ptrace_peek": (s, a) => s.run(ptracePeek(s.k, s.k.process("T"), s.task, a)),
  "direct write": (s, a) => transfer(s, openDisk(s.k, true), a, true),
  "direct read": (s, a) => transfer(s, openDisk(s.k, true), a, false),
  "buffered write": (s, a) => transfer(s, openDisk(s.k, false), a, true),
  "tmpfs write": (s, a) => transfer(s, s.run(newTmpfsFile(s.k, 0n)) as File, a, true),
  "vmsplice": (s, a) => s.run(vmspliceToPipe(s.k, s.task, pipeOf(newPipe(s.k).writeEnd)!, a, LENGTH)),
  "register": (s, a) => s.run(registerBuffer(s.k, s.task, newRing(s.k), a, LENGTH)),
  "futex shared": (s, a) => s.run(futexWait(s.k, s.task, a, true)),
  "futex private": (s, a) => s.run(futexWait(s.k, s.task, a, false)),
  "wake shared": (s, a) => s.run(getFutexKey(s.k, s.task, a, true)),
  "query": (s, a) => s.run(movePages(s.k, s.task, a, false)),
  "move": (s, a) => s.run(movePages(s.k, s.task, a, true)),
  "mbind": (s, a) => s.run(mbind(s.k, s.task, a, LENGTH, "bind")),
  "mbind default": (s, a) => s.run(mbind(s.k, s.task, a, LENGTH, "default")),
  "get_mempolicy": (s, a) => s.run(nodeOf(s.k, s.task, a)),
  "uffd missing": (s, a) => s.run(userfaultfdRegister(s.k, s.task, a, LENGTH, ["missing"])),
  "uffd wp": (s, a) => s.run(userfaultfdRegister(s.k, s.task, a, LENGTH, ["wp"])),
  "uffd minor": (s, a) => s.run(userfaultfdRegister(s.k, s.task, a, LENGTH, ["minor"])),
} satisfies Ways;

type Way = keyof typeof ways;
const kinds = [
  "insert-page",
  "mixed",
  "pfnmap",
  "fault-page",
  "insert-page-io",
] as const satisfies readonly DriverKind[];

/** One row of the matrix: what every kind gives, in the order of `kinds`. `8K` is what was asked for. */
function row(release: string, way: Way): string {
  return kinds.map((kind) => name(runOn(release, way, kind))).join(" ");
}

function runOn(release: string, way: Way, kind: DriverKind): number {
  const s = new Scene({ release });
  const { address } = s.driver(kind, 4);
  if (kind === "fault-page") s.touch(address, 4, true);
  return ways[way](s, BigInt(address));
}

const name = (result: number): string =>
  result < 0 ? errnoName(-result) : result === 2 * PAGE ? "8K" : String(result);

describe("mappings that drivers made", () => {
  // insert-page, mixed (special), remap_pfn_range, fault returning a page, insert-page with VM_IO
  const rows: readonly (readonly [Way, Readonly<Record<string, string>>])[] = [
    ["process_vm_readv", { "6.1": "8K EFAULT EFAULT 8K EFAULT", "7.3": "8K EFAULT EFAULT 8K EFAULT" }],
    ["process_vm_writev", { "6.1": "8K EFAULT EFAULT 8K EFAULT", "6.12": "8K EFAULT EFAULT 8K EFAULT" }],
    ["mem_read", { "6.1": "8K EIO EIO 8K EIO", "7.2": "8K EIO EIO 8K EIO" }],
    ["mem_write", { "6.1": "8K EIO EIO 8K EIO", "7.2": "8K EIO EIO 8K EIO" }],
    ["ptrace_peek", { "6.1": "0 EIO EIO 0 EIO" }],
    [
      "direct write",
      {
        "6.1": "8K EEXIST EFAULT 8K 8K",
        "6.12": "8K EEXIST EFAULT 8K EFAULT",
        "7.2": "8K EEXIST EFAULT 8K EFAULT",
        "7.3": "8K EEXIST EFAULT 8K 8K",
      },
    ],
    [
      "direct read",
      { "6.1": "8K EEXIST EFAULT 8K 8K", "6.12": "8K EEXIST EFAULT 8K EFAULT", "7.3": "8K EEXIST EFAULT 8K 8K" },
    ],
    ["buffered write", { "6.1": "8K 8K 8K 8K 8K", "7.3": "8K 8K 8K 8K 8K" }],
    ["tmpfs write", { "6.1": "8K 8K 8K 8K 8K", "7.3": "8K 8K 8K 8K 8K" }],
    [
      "vmsplice",
      { "6.1": "8K EEXIST EFAULT 8K 8K", "7.2": "8K EEXIST EFAULT 8K EFAULT", "7.3": "8K EEXIST EFAULT 8K 8K" },
    ],
    [
      "register",
      {
        "6.1": "EOPNOTSUPP EEXIST EFAULT EOPNOTSUPP EFAULT",
        "6.12": "0 EEXIST EFAULT 0 EFAULT",
        "7.3": "0 EEXIST EFAULT 0 EFAULT",
      },
    ],
    ["futex shared", { "6.1": "EFAULT EEXIST EFAULT EFAULT EFAULT", "7.3": "EFAULT EEXIST EFAULT EFAULT EFAULT" }],
    ["wake shared", { "6.1": "EFAULT EEXIST EFAULT EFAULT EFAULT" }],
    ["futex private", { "6.1": "ETIMEDOUT ETIMEDOUT ETIMEDOUT ETIMEDOUT ETIMEDOUT" }],
    ["query", { "6.1": "0 EFAULT EFAULT 0 0", "6.12": "0 ENOENT ENOENT 0 0" }],
    ["move", { "6.1": "0 EFAULT EFAULT 0 EFAULT", "6.12": "0 ENOENT EFAULT 0 EFAULT" }],
    ["mbind", { "6.1": "0 0 0 0 0", "7.3": "0 0 0 0 0" }],
    ["mbind default", { "6.1": "0 0 0 0 0" }],
    [
      "get_mempolicy",
      { "6.1": "0 EEXIST EFAULT 0 0", "6.12": "0 EEXIST EFAULT 0 EFAULT", "7.3": "0 EEXIST EFAULT 0 0" },
    ],
    ["uffd missing", { "6.1": "EINVAL EINVAL EINVAL EINVAL EINVAL" }],
    ["uffd wp", { "6.1": "EINVAL EINVAL EINVAL EINVAL EINVAL", "7.3": "EINVAL EINVAL EINVAL EINVAL EINVAL" }],
    ["uffd minor", { "6.12": "EINVAL EINVAL EINVAL EINVAL EINVAL" }],
  ];
  for (const [way, byRelease] of rows) {
    for (const [release, expected] of Object.entries(byRelease)) {
      test(`${way} on ${release}`, () => {
        expect(row(release, way)).toBe(expected);
      });
    }
  }
});

describe("process memory", () => {
  const onMemory: readonly (readonly [Way, string, string])[] = [
    // way, memfd shared, anonymous private
    ["process_vm_readv", "8K", "8K"],
    ["process_vm_writev", "8K", "8K"],
    ["mem_read", "8K", "8K"],
    ["mem_write", "8K", "8K"],
    ["direct write", "8K", "8K"],
    ["direct read", "8K", "8K"],
    ["buffered write", "8K", "8K"],
    ["tmpfs write", "8K", "8K"],
    ["vmsplice", "8K", "8K"],
    ["register", "0", "0"],
    ["futex shared", "ETIMEDOUT", "ETIMEDOUT"],
    ["wake shared", "0", "0"],
    ["query", "0", "0"],
    ["move", "0", "0"],
    ["mbind", "0", "0"],
    ["get_mempolicy", "0", "0"],
    ["uffd missing", "0", "0"],
    ["uffd wp", "0", "0"],
    ["uffd minor", "0", "EINVAL"],
  ];
  for (const release of ["6.1", "6.12", "6.18", "7.2", "7.3"]) {
    for (const [way, shared, anonymous] of onMemory) {
      test(`${way} on ${release}`, () => {
        const s = new Scene({ release });
        const memfd = s.map(s.memfd(4), 4);
        const anon = s.anon(4);
        s.touch(memfd, 4, true);
        s.touch(anon, 4, true);
        expect(name(ways[way](s, BigInt(memfd)))).toBe(shared);
        expect(name(ways[way](s, BigInt(anon)))).toBe(anonymous);
      });
    }
  }

  test("untouched memory has no node to ask for", () => {
    for (const [release, memfd, anon] of [
      ["6.1", "ENOENT", "EFAULT"],
      ["6.12", "ENOENT", "ENOENT"],
    ] as const) {
      const s = new Scene({ release });
      expect(name(ways.query(s, BigInt(s.map(s.memfd(4), 4))))).toBe(memfd);
      expect(name(ways.query(s, BigInt(s.anon(4))))).toBe(anon);
    }
  });

  test("the zero page is EFAULT for move_pages", () => {
    for (const release of ["6.1", "6.12", "7.3"]) {
      const s = new Scene({ release });
      const anon = s.anon(4);
      s.touch(anon, 4, false);
      expect(name(ways.query(s, BigInt(anon)))).toBe("EFAULT");
      expect(name(ways.move(s, BigInt(anon)))).toBe("EFAULT");
    }
  });
});

describe("an architecture without special entries and without a fast walk", () => {
  test("vmf_insert_mixed of memory makes ordinary pages there", () => {
    const s = new Scene({ arch: "arm", release: "6.1" });
    const { address } = s.driver("mixed", 4);
    expect(name(ways["direct write"](s, BigInt(address)))).toBe("8K");
    expect(name(ways.process_vm_readv(s, BigInt(address)))).toBe("8K");
  });
  test("VM_IO stops direct I/O there, since nothing but the slow walk looks", () => {
    const s = new Scene({ arch: "arm", release: "6.1" });
    expect(name(ways["direct write"](s, BigInt(s.driver("insert-page-io", 4).address)))).toBe("EFAULT");
    expect(s.rules()).toContain("gup-fast/no-pte-special");
  });
  test("remap_pfn_range stays out of reach", () => {
    const s = new Scene({ arch: "arm", release: "6.12" });
    expect(name(ways["direct write"](s, BigInt(s.driver("pfnmap", 4).address)))).toBe("EFAULT");
  });
});
