import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeFrame } from "../src/frame.js";
import type { Ref } from "../src/program.js";
import { data, imm, pid, ProgramBuilder, result } from "../src/program.js";
import { syscallNumbers } from "../src/syscalls.js";
import { HostExecutor, skipReason } from "./on-this-host.js";

if (skipReason) console.log(`skipped: executor tests: ${skipReason}`);

const page = 4096;
const hint = 0x1_0000_0000;

describe.skipIf(skipReason)("the executor on this host", () => {
  let host: HostExecutor;
  beforeAll(async () => {
    host = await HostExecutor.start();
  });
  afterAll(() => host.stop());

  const numbers = () => syscallNumbers[host.ready.arch];
  const anon = (p: ProgramBuilder, actor: number, pages: number, at = hint, flags = 0x22): Ref =>
    p.emit({
      op: "sys",
      actor,
      imm: numbers().mmap,
      args: [imm(at), imm(pages * host.ready.pageSize), imm(3), imm(flags), imm(-1), imm(0)],
    });

  test("says what machine it is on", () => {
    expect(host.ready.release).toMatch(/^\d+\.\d+/);
    expect(host.ready.pageSize).toBeGreaterThanOrEqual(4096);
    expect(host.ready.devices.has("null")).toBe(true);
    expect(host.ready.cpus).toBeGreaterThan(0);
  });

  test("a mapping without neighbours lies where it was hinted, and memory holds what was stored", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const va = anon(p, a, 4);
    const stored = p.emit({ op: "store", actor: a, imm: 4, args: [result(va, page), imm(0x77)], need: [va] });
    const word = p.emit({ op: "load", actor: a, imm: 4, args: [result(va, page)], need: [stored] });
    const byte = p.emit({ op: "load", actor: a, imm: 1, args: [result(va, page + 1)] });
    const { distinct } = await host.run(p);
    const [round] = distinct;
    expect(round.outcome).toBe("done");
    expect(round.results[va.index]).toMatchObject({ state: "ok", value: BigInt(hint) });
    expect(round.results[word.index]).toMatchObject({ state: "ok", value: 0x77n });
    expect(round.results[byte.index].value).toBe(0n);
  });

  test("a word is awaited until it has the value, or the time is up, and a bad address is a signal", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const va = anon(p, a, 1);
    p.emit({ op: "store", actor: a, imm: 4, args: [result(va), imm(0x35)] });
    const await_ = (at: number, mask: number, value: number): Ref =>
      p.emit({ op: "await", actor: a, args: [result(va, at), imm(mask), imm(value), imm(20)] });
    const there = await_(0, 0xf, 5);
    const never = await_(0, 0xf, 6);
    const nowhere = await_(8 * page, 0xf, 6);
    const { results } = (await host.run(p)).distinct[0];
    expect(results[there.index].state).toBe("ok");
    expect(results[never.index]).toMatchObject({ state: "errno", value: -110n });
    expect(results[nowhere.index]).toMatchObject({ state: "signal", value: 11n });
  });

  test("SIGSEGV and SIGBUS are results, and the actor goes on", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const segv = p.emit({ op: "load", actor: a, imm: 4, args: [imm(hint)] });
    const name = p.string("x");
    const fd = p.emit({ op: "sys", actor: a, imm: numbers().memfd_create, args: [data(name), imm(0)] });
    const va = p.emit({
      op: "sys",
      actor: a,
      imm: numbers().mmap,
      args: [imm(hint), imm(4 * page), imm(3), imm(1), result(fd), imm(0)],
    });
    p.emit({ op: "sys", actor: a, imm: numbers().ftruncate, args: [result(fd), imm(2 * page)] });
    const bus = p.emit({ op: "touch", actor: a, imm: 1, args: [result(va), imm(4 * page)] });
    const skipped = p.emit({ op: "load", actor: a, imm: 4, args: [result(va)], need: [bus] });
    const after = p.emit({ op: "load", actor: a, imm: 4, args: [result(va, page)] });
    const { distinct } = await host.run(p);
    const { results } = distinct[0];
    expect(results[segv.index]).toMatchObject({ state: "signal", value: 11n });
    expect(results[bus.index]).toMatchObject({ state: "signal", value: 7n, aux: 2 });
    expect(results[skipped.index].state).toBe("skipped");
    expect(results[after.index]).toMatchObject({ state: "ok", value: 1n });
  });

  test("fault counts are exact: 16 fresh pages, 16 faults, none the second time, also after a fork and in a thread", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const c = p.actor("fork", a);
    const t = p.actor("thread", a);
    const counts: Ref[] = [];
    const counted = (actor: number, va: Ref) => {
      p.emit({ op: "faults", actor });
      p.emit({ op: "touch", actor, imm: 1, args: [result(va), imm(16 * page)] });
      counts.push(p.emit({ op: "faults_since", actor }));
    };
    const va = anon(p, a, 16);
    counted(a, va); // 16
    counted(a, va); // 0
    p.emit({ op: "fork", actor: a, imm: c });
    counted(c, va); // 16 copies
    counted(a, va); // 16: the child holds the old pages no more, but they are still read-only here
    p.emit({ op: "thread", actor: a, imm: t });
    const vb = anon(p, t, 16, hint + (4 << 20));
    counted(t, vb); // 16
    counted(a, vb); // 0
    for (let i = 0; i < 20; i++) {
      const { distinct } = await host.run(p);
      expect(counts.map((ref) => Number(distinct[0].results[ref.index].value))).toEqual([16, 0, 16, 16, 16, 0]);
    }
  });

  test("a forked child has its own memory, a second process its own address space; order holds across actors", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const b = p.actor("process");
    const c = p.actor("fork", a);
    const va = anon(p, a, 1);
    p.emit({ op: "store", actor: a, imm: 4, args: [result(va), imm(1)] });
    p.emit({ op: "fork", actor: a, imm: c });
    p.emit({ op: "store", actor: c, imm: 4, args: [result(va), imm(2)] });
    const inA = p.emit({ op: "load", actor: a, imm: 4, args: [result(va)] });
    const inC = p.emit({ op: "load", actor: c, imm: 4, args: [result(va)] });
    const inB = p.emit({ op: "load", actor: b, imm: 4, args: [result(va)] });
    const { distinct } = await host.run(p);
    const { results } = distinct[0];
    expect([results[inA.index].value, results[inC.index].value]).toEqual([1n, 2n]);
    expect(results[inB.index].state).toBe("signal");
  });

  test("a descriptor goes from process to process", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const b = p.actor("process");
    const fd = p.emit({ op: "sys", actor: a, imm: numbers().memfd_create, args: [data(p.string("pass")), imm(0)] });
    p.emit({ op: "sys", actor: a, imm: numbers().ftruncate, args: [result(fd), imm(page)] });
    const pidfd = p.emit({ op: "sys", actor: b, imm: numbers().pidfd_open, args: [pid(a), imm(0)] });
    const got = p.emit({
      op: "sys",
      actor: b,
      imm: numbers().pidfd_getfd,
      args: [result(pidfd), result(fd), imm(0)],
      need: [pidfd, fd],
    });
    const link = p.emit({
      op: "read",
      actor: b,
      args: [data(p.path("/proc/", pid(b), "/fdinfo/", result(got))), imm(4096), imm(0), data(p.string("pos:"))],
      need: [got],
    });
    const { distinct } = await host.run(p);
    expect(distinct[0].results[got.index].state).toBe("ok");
    expect(distinct[0].text(link)).toMatch(/^pos:\t0\n$/);
  });

  test("an exit is over when the next step runs; steps of who is gone are skipped", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const c = p.actor("fork", a);
    const va = anon(p, a, 64, hint, 0x21);
    p.emit({ op: "touch", actor: a, imm: 1, args: [result(va), imm(64 * page)] });
    p.emit({ op: "fork", actor: a, imm: c });
    p.emit({ op: "touch", actor: c, imm: 0, args: [result(va), imm(64 * page)] });
    const smaps = (): Ref =>
      p.emit({
        op: "read",
        actor: a,
        args: [data(p.path("/proc/self/smaps")), imm(1 << 17), result(va), data(p.string("Pss:"))],
      });
    const before = smaps();
    p.emit({ op: "exit", actor: c });
    const after = smaps();
    const never = p.emit({ op: "load", actor: c, imm: 4, args: [result(va)] });
    const { distinct } = await host.run(p);
    expect(distinct[0].text(before)).toMatch(/^Pss: +128 kB\n$/);
    expect(distinct[0].text(after)).toMatch(/Pss: +256 kB\n$/);
    expect(distinct[0].results[never.index].state).toBe("skipped");
  });

  test("the executor's own footprint cancels: status after 16 pages is status before and 16 pages", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const status = (): Ref => {
      p.emit({ op: "settle", actor: a });
      return p.emit({
        op: "read",
        actor: a,
        args: [
          data(p.path("/proc/self/status")),
          imm(8192),
          imm(0),
          data(p.string("VmSize:\nRssAnon:\nRssShmem:\nVmPTE:")),
        ],
      });
    };
    const before = status();
    const idle = status();
    const va = anon(p, a, 16);
    p.emit({ op: "touch", actor: a, imm: 1, args: [result(va), imm(16 * page)] });
    const after = status();
    for (let i = 0; i < 10; i++) {
      const { distinct } = await host.run(p);
      const [x, y, z] = [before, idle, after].map((ref) => distinct[0].text(ref).match(/\d+/g)!.map(Number));
      expect(y).toEqual(x);
      expect(z.map((kb, k) => kb - x[k]).slice(0, 3)).toEqual([64, 64, 0]);
    }
  });

  test("a counted Program says for each instruction what the processor counted meanwhile; others say nothing", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const va = anon(p, a, 1000);
    const one = p.emit({ op: "touch", actor: a, imm: 1, args: [result(va), imm(page)] });
    const many = p.emit({ op: "touch", actor: a, imm: 1, args: [result(va, page), imm(999 * page)] });
    const bad = p.emit({ op: "store", actor: a, imm: 4, args: [imm(64), imm(1)] });
    const text = p.emit({ op: "read", actor: a, args: [data(p.path("/proc/self/comm")), imm(64), imm(0), imm(0)] });
    const { distinct } = await host.run(p, { counted: true });
    const counts = [one, many, bad, text].map(({ index }) => distinct[0].results[index].count!);
    if (process.arch !== "arm") expect(counts.every((n) => n > 0 && n < 1e11)).toBe(true);
    if (process.arch === "x64") expect(counts[1]).toBeGreaterThan(20 * counts[0]);
    expect(distinct[0].results[bad.index].state).toBe("signal");
    expect(distinct[0].text(text)).toMatch(/^[^\n]+\n$/);
    expect((await host.run(p)).distinct[0].results[many.index].count).toBeUndefined();
  });

  test("a thousand rounds of a parallel section in a few seconds, both orders seen, equal rounds counted", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const t = p.actor("thread", a);
    const va = anon(p, a, 1);
    p.emit({ op: "store", actor: a, imm: 4, args: [result(va), imm(0)] });
    p.emit({ op: "thread", actor: a, imm: t });
    let seen!: Ref;
    p.parallel([
      { actor: a, body: () => p.emit({ op: "store", actor: a, imm: 4, args: [result(va), imm(1)] }) },
      { actor: t, body: () => (seen = p.emit({ op: "load", actor: t, imm: 4, args: [result(va)] })) },
    ]);
    const end = p.emit({ op: "load", actor: a, imm: 4, args: [result(va)] });
    const began = Date.now();
    const all = await host.run(p, { rounds: 1000 });
    expect(Date.now() - began).toBeLessThan(8000);
    expect(all.rounds).toBe(1000);
    expect(all.distinct.reduce((sum, round) => sum + round.count, 0)).toBe(1000);
    expect(new Set(all.distinct.map((round) => round.results[seen.index].value))).toEqual(new Set([0n, 1n]));
    expect(all.distinct.every((round) => round.results[end.index].value === 1n)).toBe(true);
  });

  test("a test that hangs is killed in time, and says who was where; the executor lives on", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const b = p.actor("process");
    anon(p, a, 1);
    const forever = p.emit({ op: "sys", actor: b, imm: numbers().ppoll, args: [imm(0), imm(0), imm(0), imm(0)] });
    const { distinct, unkillable } = await host.run(p, { roundMs: 300 });
    expect(distinct[0]).toMatchObject({ outcome: "timeout", pc: forever.index });
    expect(distinct[0].at.slice(0, 3)).toEqual([0, forever.index, undefined]);
    expect(unkillable).toBe(false);
    expect((await host.ask("ping", Buffer.from("x"))).type).toBe("pong");
  });

  test("an actor that is killed ends the round with its wait status", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    p.emit({ op: "sys", actor: a, imm: numbers().kill, args: [pid(a), imm(9)] });
    const { distinct } = await host.run(p);
    expect(distinct[0]).toMatchObject({ outcome: "died", waitStatus: 9 });
  });

  test("a process that has exited stays a zombie until the test ends: pidfd_getfd says ESRCH, each time", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const b = p.actor("process");
    const fd = p.emit({ op: "sys", actor: a, imm: numbers().memfd_create, args: [data(p.string("pass")), imm(0)] });
    p.emit({ op: "exit", actor: a });
    // Long enough for the supervisor to look at its children more than once.
    const wait = p.bytes(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0]));
    p.emit({ op: "sys", actor: b, imm: numbers().ppoll, args: [imm(0), imm(0), data(wait), imm(0), imm(8)] });
    const pidfd = p.emit({ op: "sys", actor: b, imm: numbers().pidfd_open, args: [pid(a), imm(0)] });
    const got = p.emit({
      op: "sys",
      actor: b,
      imm: numbers().pidfd_getfd,
      args: [result(pidfd), result(fd), imm(0)],
      need: [pidfd, fd],
    });
    for (let i = 0; i < 3; i++) {
      const { distinct } = await host.run(p);
      expect(distinct[0].results[got.index]).toMatchObject({ state: "errno", value: -3n });
    }
  });

  test("a text that is longer than its room is an error, one that fills it is not", async () => {
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const read = (most: number): Ref =>
      p.emit({ op: "read", actor: a, args: [data(p.path("/proc/version")), imm(most), imm(0), imm(0)] });
    const { length } = readFileSync("/proc/version");
    const [short, exact] = [read(length - 1), read(length)];
    const { results } = (await host.run(p)).distinct[0];
    expect(results[short.index]).toMatchObject({ state: "errno", value: -90n });
    expect(results[exact.index]).toMatchObject({ state: "ok", value: BigInt(length) });
  });

  test("a round takes the room of what was read, not of what might have been", async () => {
    const p = new ProgramBuilder();
    const actors = Array.from({ length: 10 }, () => p.actor("process"));
    const read = p.emit({
      op: "read",
      actor: actors[9],
      args: [data(p.path("/proc/version")), imm(4096), imm(0), imm(0)],
    });
    const { rounds, distinct } = await host.run(p, { streamBytes: 2 << 20, textBytes: 4096 });
    expect(rounds).toBe(1);
    expect(distinct[0].text(read)).toBe(readFileSync("/proc/version", "utf8"));
  });

  test("pages that actors share with the executor are there before the first step", async () => {
    const p = new ProgramBuilder();
    const actors = [p.actor("process")];
    const shmem = (): Ref =>
      p.emit({
        op: "read",
        actor: 0,
        args: [data(p.path("/proc/self/smaps")), imm(1 << 16), imm(0x11000000), data(p.string("Rss:"))],
      });
    const before = shmem();
    for (let i = 1; i < 8; i++) {
      actors.push(p.actor("fork", 0));
      p.emit({ op: "fork", actor: 0, imm: i });
    }
    const { distinct } = await host.run(p, { streamBytes: 1 << 20 });
    expect(distinct[0].outcome).toBe("done");
    const supervisor = readFileSync(`/proc/${host.child.pid}/smaps`, "utf8").split("10000000-16000000")[1];
    expect(Number(/Rss: +(\d+) kB/.exec(supervisor)?.[1])).toBeGreaterThanOrEqual(8 * 1024);
    expect(distinct[0].text(before)).toMatch(/^Rss:/);
  });

  test("damaged frames and nonsense Programs are refused with a reason, and the next one runs", async () => {
    host.write(Buffer.from("garbage LMx LM"));
    const bad = encodeFrame("run", 77, Buffer.alloc(100));
    bad[40] ^= 1;
    host.write(bad);
    const answer = await host.next();
    expect([answer.type, answer.seq, Buffer.from(answer.payload).toString()]).toEqual(["error", 77, "checksum"]);
    expect(Buffer.from((await host.ask("run", Buffer.alloc(100))).payload).toString()).toMatch(/not a Program/);
    const p = new ProgramBuilder();
    p.actor("process");
    const encoded = p.encode();
    expect(Buffer.from((await host.ask("run", encoded.subarray(0, encoded.length - 1))).payload).toString()).toMatch(
      /length/,
    );
    const a = new ProgramBuilder();
    a.emit({ op: "sys", actor: a.actor("process"), imm: 0, args: [result({ index: 500 })] });
    expect(Buffer.from((await host.ask("run", a.encode())).payload).toString()).toMatch(/bad argument/);
    expect((await host.ask("ping")).type).toBe("pong");
  });

  test("nothing is left running", async () => {
    const other = await HostExecutor.start();
    const p = new ProgramBuilder();
    const a = p.actor("process");
    const c = p.actor("fork", a);
    p.emit({ op: "fork", actor: a, imm: c });
    p.emit({ op: "sys", actor: c, imm: numbers().ppoll, args: [imm(0), imm(0), imm(0), imm(0)] });
    other.write(encodeFrame("run", 5, p.encode({ roundMs: 60_000 })));
    const children = (): string[] =>
      readFileSync(`/proc/${other.child.pid}/task/${other.child.pid}/children`, "utf8").trim().split(" ");
    await expect.poll(() => children().length).toBe(2);
    const pids = children();
    other.child.kill("SIGTERM");
    await expect.poll(() => pids.filter((one) => existsSync(`/proc/${one}/exe`)), { timeout: 3000 }).toEqual([]);
  });
});
