import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernelLimits } from "@litmap/litmus";
import { buildExecutor, cacheFolder, ExecutorUnavailable } from "../src/executor.js";
import {
  data,
  decodeResult,
  imm,
  leftUnkillable,
  MalformedResult,
  pid,
  ProgramBuilder,
  result,
} from "../src/program.js";
import { framePayloadLimit } from "../src/frame.js";
import { parseReady } from "../src/ready.js";
import { syscallNumbers } from "../src/syscalls.js";
import { bitsOf, ioc, open, openByIsa, requests, seals, structBytes, v4l2Requests, wordsOf } from "../src/uapi.js";
import { executorSources, skipReason } from "./on-this-host.js";

describe("Programs as bytes", () => {
  test("header, actors, instructions and data lie where the executor looks", () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const t = p.actor("thread", a);
    const text = p.string("hi");
    const zeros = p.reserve(16);
    const first = p.emit({
      op: "sys",
      actor: a,
      imm: 39,
      args: [imm(-1), data(text, 1), data(zeros), pid(t), imm(2n ** 63n)],
    });
    p.emit({ op: "load", actor: t, imm: 4, args: [result(first, -8)], need: [first, first], volatile: true });
    const bytes = p.encode({ rounds: 7, roundMs: 8, budgetMs: 9, streamBytes: 4096, seed: 5 });
    expect(bytes.length).toBe(64 + 8 + 2 * 136 + 8);
    expect(bytes.subarray(0, 4).toString()).toBe("LMP1");
    const words = Array.from({ length: 11 }, (_, i) => bytes.readUInt32LE(i * 4));
    expect(words).toEqual([0x31504d4c, 1 | (2 << 16), 2, 8, 8192, 4096, 7, 8, 9, 1, 5]);
    expect([...bytes.subarray(64, 72)]).toEqual([0, 0, 0, 0, 2, 0, 0, 0]);
    const at = 72;
    expect([...bytes.subarray(at, at + 4)]).toEqual([0, 0, 5, 0]);
    const operand = (base: number, i: number) => [
      bytes.readUInt32LE(base + 24 + i * 16),
      bytes.readUInt32LE(base + 28 + i * 16),
      bytes.readBigInt64LE(base + 32 + i * 16),
    ];
    expect(operand(at, 0)).toEqual([0, 0, -1n]);
    expect(operand(at, 1)).toEqual([2, 0, 1n]);
    expect(operand(at, 2)).toEqual([2, 0, 4096n]);
    expect(operand(at, 3)).toEqual([3, 1, 0n]);
    expect(operand(at, 4)[2]).toBe(-(2n ** 63n));
    const second = at + 136;
    expect([...bytes.subarray(second, second + 4)]).toEqual([1, 1, 1, 1]);
    expect(bytes.readUInt32LE(second + 8)).toBe(1);
    expect(bytes.readUInt32LE(second + 12)).toBe(0);
    expect(operand(second, 0)).toEqual([1, 0, -8n]);
    expect(bytes.subarray(-8).toString("latin1")).toBe("hi\0\0\0\0\0\0");
  });

  test("more needs than an instruction holds are joined", () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const some = Array.from({ length: 9 }, () => p.emit({ op: "calc", actor: a }));
    p.emit({ op: "exit", actor: a, need: some });
    expect(p.length).toBe(9 + 2 + 1);
  });

  test("a parallel section knows its branches", () => {
    const p = new ProgramBuilder();
    const [a, b] = [p.actor("process"), p.actor("process")];
    const section = p.parallel([
      { actor: a, body: () => p.emit({ op: "calc", actor: a }) },
      { actor: b, body: () => [p.emit({ op: "calc", actor: b }), p.emit({ op: "calc", actor: b })] },
    ]);
    const bytes = p.encode();
    const at = 72 + section.index * 136;
    expect(bytes[at + 2]).toBe(2);
    expect(bytes.readUInt32LE(at + 4)).toBe(4);
    expect(
      [24, 40].map((o) => [
        bytes.readUInt32LE(at + o),
        bytes.readUInt32LE(at + o + 4),
        Number(bytes.readBigInt64LE(at + o + 8)),
      ]),
    ).toEqual([
      [0, 1, 2],
      [1, 2, 4],
    ]);
  });

  test("what the executor cannot hold is refused here", () => {
    const many = new ProgramBuilder();
    for (let i = 0; i <= kernelLimits.actors.most; i++) many.actor("process");
    expect(() => many.encode()).toThrow(/limit: at most 12 processes, .*, not 13/);
    const big = new ProgramBuilder();
    big.actor("process");
    big.reserve(kernelLimits.bufferBytes.most + 1);
    expect(() => big.encode()).toThrow(/limit: at most 8388608 bytes in one process/);
    const long = new ProgramBuilder();
    for (let i = 0; i < 10; i++) long.actor("process");
    expect(() => long.encode({ streamBytes: (4 << 20) + 1 })).toThrow(
      /limit: at most 4194304 bytes that the observers/,
    );
    expect(() => long.encode({ streamBytes: 2 << 20 })).toThrow(/limit: at most \d+ bytes that all results/);
    expect(() => long.encode({ streamBytes: 2 << 20, textBytes: 3 << 20 })).not.toThrow();
  });

  test("the executor has the room that the limits promise", () => {
    const source = readFileSync(join(executorSources, "executor.c"), "utf8");
    const has = (pattern: RegExp): number => Number(pattern.exec(source)?.[1]);
    expect(has(/MAX_ACTORS = (\w+)/)).toBe(kernelLimits.actors.most);
    expect(has(/MAX_INSNS = (\w+)/)).toBe(kernelLimits.instructions.most);
    expect(has(/DATA_STRIDE (\w+)ul/)).toBe(kernelLimits.bufferBytes.most);
    expect(source).toContain("prog->stream_bytes > 1u << 22");
    expect(kernelLimits.textBytes.most).toBe(1 << 22);
    expect(has(/STREAMS_BYTES (\w+)ul/)).toBeGreaterThanOrEqual(kernelLimits.textBytes.most * kernelLimits.actors.most);
    expect(has(/OUT_BYTES (\w+)ul/)).toBeGreaterThanOrEqual(kernelLimits.answerBytes.most + 64);
    expect(framePayloadLimit).toBeGreaterThanOrEqual(kernelLimits.answerBytes.most);
    const program = 64 + 48 + 136 * kernelLimits.instructions.most + kernelLimits.bufferBytes.most;
    expect(has(/PROGRAM_BYTES (\w+)ul/)).toBeGreaterThanOrEqual(program);
    expect(has(/struct arg arg\[(\d+)\]/)).toBe(kernelLimits.branches.most);
    expect(has(/starts\[(\d+)\]/)).toBe(kernelLimits.outcomes.most);
  });

  test("a result says whether a process could not be killed", () => {
    const payload = Buffer.alloc(40);
    payload.writeUInt32LE(1, 0);
    expect([leftUnkillable(payload), decodeResult(payload).unkillable]).toEqual([false, false]);
    payload[32] = 1;
    expect([leftUnkillable(payload), decodeResult(payload).unkillable]).toEqual([true, true]);
    expect(leftUnkillable(payload.subarray(0, 33))).toBe(false);
  });

  test("a result is decoded, or is malformed; nothing else, whatever the bytes", () => {
    expect(() => decodeResult(new Uint8Array(10))).toThrow(MalformedResult);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 400 }), (bytes) => {
        Buffer.from(bytes.buffer, bytes.byteOffset).writeUInt32LE(1, 0);
        try {
          decodeResult(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedResult);
        }
      }),
    );
  });
});

describe("what the kernel fixes", () => {
  test("ioctl requests", () => {
    expect(Object.fromEntries(Object.entries(requests).map(([name, n]) => [name, n.toString(16)]))).toEqual({
      dmaHeapAlloc: "c0184800",
      udmabufCreate: "40187542",
      udmabufCreateList: "40087543",
      dmaBufSync: "40086200",
      dmaBufSetName: "40086201",
      dmaBufExportSyncFile: "c0086202",
      dmaBufImportSyncFile: "40086203",
      dmaBufXferCharge: "40086204",
      uffdioApi: "c018aa3f",
      uffdioRegister: "c020aa00",
      swSyncCreateFence: "c0285700",
      swSyncInc: "40045701",
      syncMerge: "c0303e03",
      syncFileInfo: "c0383e04",
      kvmSetUserMemoryRegion: "4020ae46",
      kvmGetDirtyLog: "4010ae42",
      kvmSetRegs: "4090ae82",
      kvmGetSregs: "8138ae83",
      kvmSetSregs: "4138ae84",
    });
    expect(ioc(3, "H", 0, structBytes.dmaHeapAllocation)).toBe(0xc0184800);
  });
  test("open flags differ where the kernel's do", () => {
    expect([open.cloexec, open.nonblock]).toEqual([0x80000, 0x800]);
    expect(openByIsa).toEqual({
      x86_64: { direct: 0x4000, tmpfile: 0x410000, largefile: 0 },
      arm64: { direct: 0x10000, tmpfile: 0x404000, largefile: 0 },
      arm: { direct: 0x10000, tmpfile: 0x404000, largefile: 0x20000 },
    });
  });
  test("call numbers: every call on every architecture, those from 424 on the same everywhere", () => {
    const names = Object.keys(syscallNumbers.x86_64) as (keyof typeof syscallNumbers.x86_64)[];
    for (const arch of ["arm64", "arm"] as const) {
      expect(Object.keys(syscallNumbers[arch])).toEqual(names);
      for (const name of names)
        if (syscallNumbers.x86_64[name] >= 424)
          expect(syscallNumbers[arch][name], name).toBe(syscallNumbers.x86_64[name]);
    }
    expect(new Set(Object.values(syscallNumbers.arm)).size).toBe(names.length);
  });
  test("words to bits and back", () => {
    expect(bitsOf(seals, ["seal_shrink", "seal_write"])).toBe(0xa);
    expect(wordsOf(seals, 0xa)).toEqual(["seal_shrink", "seal_write"]);
  });
});

describe("the ready message", () => {
  test("is parsed", () => {
    const ready = parseReady(
      Buffer.from(
        "release=6.12.1\nversion=#1 SMP a=b\nmachine=aarch64\npage=16384\ncpus=2\npid=1\ntaint=0\n" +
          "note=module /x.ko: errno 2\ndevice=/dev/udmabuf\ndevice=/dev/dma_heap/system\n",
      ),
    );
    expect(ready).toMatchObject({
      release: "6.12.1",
      version: "#1 SMP a=b",
      arch: "arm64-16k",
      pageSize: 16384,
      cpus: 2,
      pid: 1,
      taint: 0,
      notes: ["module /x.ko: errno 2"],
    });
    expect([...ready.devices]).toEqual(["udmabuf", "dma_heap/system"]);
  });
  test.each([
    ["x86_64", 4096, 4, "x86_64"],
    ["aarch64", 4096, 4, "arm64"],
    ["aarch64", 16384, 16, "arm64-16k"],
    ["armv7l", 4096, 2, "arm"],
    ["armv7l", 4096, 4, "arm-lpae"],
  ])("%s with pages of %i bytes and tables of %i kB is %s", (machine, page, table, arch) => {
    expect(
      parseReady(
        Buffer.from(
          `machine=${machine}\npage=${page}\ntable=${table}\nrelease=6.12\nversion=1\ncpus=1\npid=1\ntaint=0\n`,
        ),
      ).arch,
    ).toBe(arch);
  });
  test("a machine that we cannot make Programs for, and a message cut short, are said", () => {
    expect(() => parseReady(Buffer.from("machine=riscv64\npage=4096\n"))).toThrow(/riscv64$/);
    expect(() => parseReady(Buffer.from("machine=aarch64\npage=65536\n"))).toThrow(/aarch64 with pages of 65536 bytes/);
    expect(() => parseReady(Buffer.from("machine=x86_64\npage=4096\nrel"))).toThrow(/no release/);
  });
});

describe("building the executor", () => {
  test("the cache folder follows the environment", () => {
    expect(cacheFolder({ LITMAP_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(cacheFolder({ XDG_CACHE_HOME: "/b" })).toBe("/b/litmap");
    expect(cacheFolder({})).toMatch(/\/\.cache\/litmap$/);
  });
  test("without a compiler there is one line that says what to install", async () => {
    const error = await buildExecutor(executorSources, { compiler: "/nonexistent/cc" }).catch((e: Error) => e);
    expect(error).toBeInstanceOf(ExecutorUnavailable);
    expect((error as Error).message).toMatch(/no C compiler.*install gcc/);
    expect((error as Error).message).not.toContain("\n");
  });
  test.skipIf(skipReason)("is done once, by many at once, and leaves nothing behind", async () => {
    const cache = mkdtempSync(join(tmpdir(), "litmap-test-"));
    try {
      const paths = await Promise.all([
        buildExecutor(executorSources, { cache }),
        buildExecutor(executorSources, { cache }),
        buildExecutor(executorSources, { cache }),
      ]);
      expect(new Set(paths).size).toBe(1);
      const before = statSync(paths[0]).ino;
      expect(await buildExecutor(executorSources, { cache })).toBe(paths[0]);
      expect(statSync(paths[0]).ino).toBe(before);
      expect(readdirSync(join(cache, "executor"))).toHaveLength(1);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
  test.skipIf(skipReason)(
    "a cache that cannot be written, and a compiler that fails, are said in one line",
    async () => {
      const cache = mkdtempSync(join(tmpdir(), "litmap-test-"));
      try {
        writeFileSync(join(cache, "executor"), "in the way");
        const error = (await buildExecutor(executorSources, { cache }).catch((e: Error) => e)) as Error;
        expect(error).toBeInstanceOf(ExecutorUnavailable);
        expect(error.message).toMatch(/cannot be kept in/);
        rmSync(join(cache, "executor"));
        const failing = (await buildExecutor(executorSources, { cache, compiler: "/bin/echo" }).catch(
          (e: Error) => e,
        )) as Error;
        expect(failing).toBeInstanceOf(ExecutorUnavailable);
        expect(failing.message).not.toContain("\n");
      } finally {
        rmSync(cache, { recursive: true });
      }
    },
  );
});

test("requests of V4L2: structs with pointers differ with their size", () => {
  const hex = (pointer: 4 | 8): string[] => Object.values(v4l2Requests(pointer)).map((n) => n.toString(16));
  expect(hex(8)).toEqual([
    "c0d05604",
    "c0d05605",
    "c008561c",
    "c0145608",
    "c0585609",
    "c058560f",
    "c0405610",
    "c0585611",
    "40045612",
    "40045613",
  ]);
  expect(hex(4)).toEqual([
    "c0cc5604",
    "c0cc5605",
    "c008561c",
    "c0145608",
    "c0505609",
    "c050560f",
    "c0405610",
    "c0505611",
    "40045612",
    "40045613",
  ]);
});
