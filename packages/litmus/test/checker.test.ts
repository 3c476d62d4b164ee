import { describe, expect, test } from "vitest";
import { fingerprint, nearest, parse } from "../src/index.js";
import { arg, faultsOf, steps, testOf } from "./text.js";

const map = "va = mmap(anon, 64K, rw, private)\n";
const heap = "buf = dma_heap_alloc(system, 64K)\n";

/** The arguments of the last step. */
function lastArgs(lines: string): Record<string, string> {
  const step = testOf(lines).steps.at(-1)!;
  if (step.kind !== "call") throw new Error(step.kind);
  return Object.fromEntries(Object.entries(step.args).map(([name, a]) => [name, arg(a)]));
}

describe("arguments", () => {
  test("by position, by name, by default; in the order of the table", () => {
    expect(lastArgs(`${heap}va = mmap(buf, offset: 4K, length: 16p, prot: rw, sharing: shared|populate)`)).toEqual({
      object: "buf",
      length: "16p",
      prot: "rw",
      sharing: "shared|populate",
      offset: "4096",
      at: "none",
    });
    expect(lastArgs(`${heap}va = mmap(buf, offset: 4K, 64K, none, shared)`)).toMatchObject({
      length: "65536",
      prot: "none",
      offset: "4096",
    });
    const step = testOf(`${heap}va = mmap(buf, sharing: shared, prot: r, length: 4K)`).steps.at(-1)!;
    expect(step.kind === "call" && Object.keys(step.args)).toEqual([
      "object",
      "length",
      "prot",
      "sharing",
      "offset",
      "at",
    ]);
  });

  test.each([
    ["0", "0"],
    ["16", "16"],
    ["0x77", "119"],
    ["4K", "4096"],
    ["1M", "1048576"],
    ["2G", "2147483648"],
    ["1T", "1099511627776"],
    ["16p", "16p"],
    ["0x10K", "16384"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740992", '"9007199254740992"'],
    ["0xffffffffffffffff", '"18446744073709551615"'],
    ["00012", "12"],
  ])("the size %s", (text, value) => {
    expect(lastArgs(`munmap(0, ${text})`).length).toBe(value);
  });

  test("integers may be negative, also large ones", () => {
    expect(lastArgs("n = lseek(-1, -4K, set)")).toEqual({ fd: "-1", offset: "-4096", whence: "set" });
    expect(lastArgs("n = lseek(3, -9223372036854775808, set)").offset).toBe('"-9223372036854775808"');
  });

  test("addresses are sums", () => {
    expect(lastArgs(`${map}munmap(va + 4K, 4K)`).address).toBe("(va + 4096)");
    expect(lastArgs(`${map}munmap(va+4K-1, 4K)`).address).toBe("((va + 4096) - 1)");
    expect(lastArgs(`${map}vb = mmap(anon, 4K, rw, private, at: va + 64K)`).at).toBe("(va + 65536)");
    expect(lastArgs(`${map}vb = mmap(anon, 4K, rw, private)\nmunmap(va, vb - va)`).length).toBe("(vb - va)");
    expect(lastArgs(`${map}s = smaps(va)\nmunmap(va + s.Size - 4K, s.Size)`)).toEqual({
      address: "((va + s.Size) - 4096)",
      length: "s.Size",
    });
    expect(lastArgs(`${map}p = smaps(va).Size\nmunmap(va, p)`).length).toBe("p");
    expect(faultsOf(`${map}munmap(va + va, 4K)`)).toEqual(["argument-type"]);
    expect(faultsOf(`${map}munmap(4K - va, 4K)`)).toEqual(["argument-type"]);
    expect(faultsOf(`${map}x = munmap(va, 4K)\nmunmap(va, x)`)).toEqual(["argument-type"]);
  });

  test("what stands for two descriptors is taken from its maker alone", () => {
    const guest = "vm = kvm_create()\n";
    expect(faultsOf(`${guest}kvm_run(vm, read)`)).toEqual([]);
    expect(faultsOf(`${guest}fork C\nC: kvm_run(vm, read)`)).toEqual([]);
    expect(faultsOf(`${guest}k = dup(vm)\nkvm_run(k, read)`)).toEqual(["argument-type"]);
    expect(faultsOf(`process B\n${guest}B: k = receive(vm)\nB: kvm_run(k, read)`)).toEqual(["argument-type"]);
    expect(faultsOf("kvm_run(3, read)")).toEqual(["argument-type"]);
    expect(faultsOf("c = vfio_open()\nk = dup(c)\nvfio_dma(k, 0, 0)")).toEqual(["argument-type"]);
    expect(faultsOf("c = vfio_open()\nk = dup(c)\nvfio_unmap_dma(k, 4K)")).toEqual([]);
  });

  test("lists of tuples", () => {
    expect(
      lastArgs("m = memfd_create(64K, seal_shrink)\nbuf = udmabuf_create_list([[m, 0, 4K], [m, 8K, 4K]], 2)"),
    ).toEqual({
      items: "[[m 0 4096] [m 8192 4096]]",
      repeat: "2",
      flags: "0",
    });
    expect(lastArgs("buf = udmabuf_create_list([])").items).toBe("[]");
    expect(faultsOf("m = memfd_create(64K)\nbuf = udmabuf_create_list([[m, 0]])")).toEqual(["argument-type"]);
    expect(faultsOf("m = memfd_create(64K)\nbuf = udmabuf_create_list([m, 0, 4K])")).toEqual(["argument-type"]);
  });

  test("over several lines", () => {
    expect(lastArgs(`${heap}va = mmap(\n  buf,\n\n  64K, # all of it\n  rw,\n  shared\n)`)).toMatchObject({
      length: "65536",
      sharing: "shared",
    });
  });

  test("words that are operators elsewhere", () => {
    expect(lastArgs(`${heap}e = poll(buf, in|out)`).events).toBe("in|out");
    expect(lastArgs(`${heap}e = poll(buf, in)`).events).toBe("in");
  });

  test("processes are named", () => {
    expect(lastArgs(`process B\n${map}n = process_vm_readv(va, 4K, of: B)`)).toMatchObject({ of: "B" });
    expect(lastArgs(`${map}n = process_vm_readv(va, 4K)`)).toMatchObject({ of: "none" });
    expect(faultsOf(`${map}n = process_vm_readv(va, 4K, of: Z)`)).toEqual(["unknown-actor"]);
    expect(faultsOf(`driver D on dma\n${map}n = process_vm_readv(va, 4K, of: D)`)).toEqual(["argument-type"]);
    expect(faultsOf(`${map}n = process_vm_readv(va, 4K, of: C)\nfork C`)).toEqual(["actor-not-there"]);
  });
});

describe("types", () => {
  test.each([
    ["an address is no descriptor", `${map}close(va)`],
    ["a descriptor is no address", `${heap}touch(buf, 4K, read)`],
    ["a number is no descriptor", `${heap}n = lseek(buf, 0, end)\nclose(n)`],
    ["a number is no address", `${map}n = load(va)\nx = load(n)`],
    ["a status is nothing", "r = munlockall()\nclose(r)"],
    ["a record is no number", `${map}s = smaps(va)\nmunmap(va, s)`],
    ["a GEM handle is no descriptor", "driver D on shmem\nD: bo = gem_create(4K)\ndma_buf_sync(bo, start|read)"],
    ["an attachment is no sg table", `driver D on dma\n${heap}D: a = attach(buf)\nD: x = dma_read(a)`],
    ["handles are not numbers", "driver D on dma\nD: detach(3)"],
    ["a kernel mapping is no process's address", `driver D on dma\n${heap}D: v = vmap(buf)\nx = load(v)`],
    ["a driver does not load from a process", `driver D on dma\n${map}D: x = load(va)`],
    ["pages are no descriptor", "close(2p)"],
    ["a string is a string", `${heap}dma_buf_set_name(buf, camera)`],
    ["a word is no string", `${heap}dma_buf_set_name(buf, 7)`],
    ["a text is no number", `${map}p = maps(va).perms\nmunmap(va, p)`],
    ["an errno is no descriptor", "close(EBADF)"],
    ["nor is `none`", "close(none)"],
    ["nor is an actor", "close(A)"],
  ])("%s", (_, lines) => {
    expect(faultsOf(lines)).toEqual(["argument-type"]);
  });

  test("what is wrong on purpose is allowed", () => {
    expect(
      faultsOf(
        `close(-1)\nva = mmap(99, 4K, rw, shared)\ntouch(0, 4K, read)\nx = load(0xdead000)\n${heap}munmap(va + 1, 0)`,
      ),
    ).toEqual([]);
    expect(faultsOf("m = memfd_create(64K)\ndma_buf_sync(m, start|read)")).toEqual([]);
  });

  test("dup, reopen and receive keep the kind", () => {
    const t = testOf(
      `process B\n${heap}d = dup(buf)\nB: r = receive(d)\nB: va = mmap(r, 64K, rw, shared)\nB: q = reopen(r, rw)`,
    );
    expect(t.steps).toHaveLength(5);
  });

  test("drivers use kernel mappings as addresses", () => {
    expect(
      faultsOf(`driver D on dma\n${heap}D: v = vmap(buf)\nD: store(v + 4K, 1)\nD: x = load(v)\nD: vunmap(buf)`),
    ).toEqual([]);
    expect(faultsOf(`driver D on dma\n${map}D: n = pin_user_pages(va, 64K, longterm)\nkernel: migrate(va)`)).toEqual(
      [],
    );
  });
});

describe("names and actors", () => {
  test("a fault keeps its name bound", () => {
    expect(
      faultsOf("buf = dma_heap_alloc(sistem, 64K)\nva = mmap(buf, 64K, rw, shared)\nexpect va == ok and buf == ok"),
    ).toEqual(["unknown-word"]);
    expect(faultsOf("va = mmap(\n\n\n= 4\ntouch(va, 4K, read)")).toHaveLength(1);
    expect(faultsOf("fork A\nprocess P\nprocess P")).toEqual(["bound-twice", "bound-twice"]);
  });

  test("names are bound once, before they are used", () => {
    expect(faultsOf(`touch(va, 4K, read)\n${map}`)).toEqual(["unknown-name"]);
    expect(faultsOf(`${map}n = faults { va = mmap(anon, 4K, rw, private) }`)).toEqual(["bound-twice"]);
    expect(faultsOf(`${map}process va`)).toEqual(["bound-twice"]);
    expect(faultsOf("EFAULT = munlockall()\nexpect = 3")).toEqual(["reserved-name", "expected"]);
  });

  test("a child knows what its parent made before", () => {
    expect(faultsOf(`${heap}fork C\nC: va = mmap(buf, 64K, rw, shared)\nC: touch(va, 4K, read)`)).toEqual([]);
    expect(faultsOf(`fork C\n${heap}C: va = mmap(buf, 64K, rw, shared)`)).toEqual(["foreign-descriptor"]);
    expect(faultsOf(`fork C\nC: m = memfd_create(4K)\nclose(m)`)).toEqual(["foreign-descriptor"]);
    expect(faultsOf(`${map}fork C\nC: fork E\nE: touch(va, 4K, read)`)).toEqual([]);
  });

  test("a thread shares what its process has", () => {
    expect(
      faultsOf(`thread T of A\n${heap}T: va = mmap(buf, 64K, rw, shared)\ntouch(va, 4K, read)\nT: close(buf)`),
    ).toEqual([]);
    expect(faultsOf("thread T of Z")).toEqual(["unknown-actor"]);
    expect(faultsOf("driver D on dma\nthread T of D")).toEqual(["wrong-actor"]);
    expect(steps(testOf("process B\nthread T of B\nT: munlockall()").steps)).toEqual(["B: spawn T", "T: munlockall()"]);
  });

  test("addresses elsewhere", () => {
    const two = `process B\n${map}`;
    expect(faultsOf(`${two}B: touch(va, 4K, read)`)).toEqual(["warning foreign-address"]);
    expect(faultsOf(`${two}B: n = process_vm_readv(va, 4K, of: A)`)).toEqual([]);
    expect(faultsOf(`${two}n = process_vm_readv(va, 4K, of: B)`)).toEqual(["warning foreign-address"]);
    expect(faultsOf(`${two}B: vb = mmap(anon, 4K, rw, private, at: va)`)).toEqual([]);
  });

  test("what was given back", () => {
    expect(faultsOf(`${heap}close(buf)\nclose(buf)`)).toEqual(["warning consumed"]);
    expect(faultsOf(`${heap}fork C\nclose(buf)\nC: va = mmap(buf, 4K, r, shared)`)).toEqual([]);
    expect(faultsOf(`${heap}close(buf)\nfork C\nC: va = mmap(buf, 4K, r, shared)`)).toEqual(["warning consumed"]);
    expect(faultsOf(`process B\n${heap}close(buf)\nB: fd = receive(buf)`)).toEqual(["warning consumed"]);
    expect(faultsOf(`driver D on dma\n${heap}D: a = attach(buf)\nD: detach(a)\nD: s = map_attachment(a)`)).toEqual([
      "warning consumed",
    ]);
    expect(
      faultsOf(`process B\n${heap}B: fd = receive(buf)\nparallel { A { close(buf) } B { close(fd) } }\nB: close(fd)`),
    ).toEqual(["warning consumed"]);
    expect(faultsOf(`thread T of A\n${heap}parallel { A { close(buf) } T { va = mmap(buf, 4K, r, shared) } }`)).toEqual(
      [],
    );
  });

  test("exit ends a process and its threads", () => {
    expect(faultsOf("process B\nthread T of B\nB: exit()\nT: munlockall()")).toEqual(["actor-not-there"]);
    expect(faultsOf("process B\nB: va = mmap(anon, 4K, rw, private)\nB: exit()\nexpect smaps(va).Pss == 0")).toEqual([
      "actor-not-there",
    ]);
    expect(faultsOf("process B\nprocess E\nparallel { B { exit() } E { munlockall() } }\nB: munlockall()")).toEqual([
      "actor-not-there",
    ]);
  });

  test("who may do what", () => {
    expect(faultsOf("shrink(drm-shmem)")).toEqual(["wrong-actor"]);
    expect(faultsOf("kernel: munlockall()")).toEqual(["wrong-actor"]);
    expect(faultsOf(`driver D on dma\n${heap}attach(buf)`)).toEqual(["wrong-actor"]);
    expect(faultsOf("driver D on dma\nD: fork C")).toEqual(["wrong-actor"]);
    expect(faultsOf(`driver D on dma\n${heap}D: revoke(buf)\nkernel: revoke(buf)`)).toEqual([]);
    expect(faultsOf("driver D on dma\nD: n = faults { }")).toEqual(["wrong-actor"]);
  });
});

describe("blocks", () => {
  test("faults belong to one actor", () => {
    expect(steps(testOf(`process B\n${map}B: n = faults { x = status(); B: y = status() }`).steps)).toEqual([
      "A: va = mmap(object=anon length=65536 prot=rw sharing=private offset=0 at=none)",
      "B: n = faults",
      "  B: x = status()",
      "  B: y = status()",
    ]);
    expect(faultsOf(`process B\n${map}n = faults { B: x = status() }\nexpect x == ok`)).toEqual(["misplaced"]);
    expect(
      steps(testOf(`${map}n = faults {\n  fork C\n  touch(va, 4K, write)\n}\nC: touch(va, 4K, read)`).steps),
    ).toHaveLength(5);
  });

  test("parallel", () => {
    expect(faultsOf("parallel { A { munlockall() } A { munlockall() } }")).toEqual(["bound-twice"]);
    expect(faultsOf("parallel { A { x = munlockall() } Z { y = munlockall() } }\nexpect x == ok and y == ok")).toEqual([
      "unknown-actor",
    ]);
    expect(faultsOf("n = faults { parallel { A { x = munlockall() } } }\nexpect x == 0")).toEqual(["misplaced"]);
    expect(faultsOf("parallel { A { process B } }")).toEqual(["misplaced"]);
    expect(faultsOf("parallel { A { expect 1 == 1 } }")).toEqual(["misplaced"]);
    expect(faultsOf(`${map}parallel { A { n = faults { touch(va, 4K, read) } } }`)).toEqual([]);
    expect(
      faultsOf("parallel { A { x = munlockall() } kernel { y = compact() } }\nalways x == ok\nsometimes y > 0"),
    ).toEqual([]);
  });

  test("claims stand at the end", () => {
    expect(faultsOf("expect 1 == 1\nx = munlockall()\ny = munlockall()\nexpect x == 0 and y == 0")).toEqual([
      "claims-last",
    ]);
    expect(faultsOf("on linux >= 6.1 {\n  x = munlockall()\n  on arch arm { expect x == ok }\n}")).toEqual([
      "misplaced",
    ]);
  });

  test("scopes nest", () => {
    const t = testOf(
      "x = munlockall()\non linux >= 6.1 {\n  on linux < 7.0 { on arch arm { expect x == ok; expect x == 0 } }\n" +
        "  with a.b-c = d-2-e { expect x == EINVAL }\n}",
    );
    expect(
      t.claims.map((c) =>
        c.scope.map((s) =>
          s.kind === "linux" ? `${s.op}${s.release}` : s.kind === "arch" ? s.arch : `${s.point}=${s.choice}`,
        ),
      ),
    ).toEqual([
      [">=6.1", "<7.0", "arm"],
      [">=6.1", "<7.0", "arm"],
      [">=6.1", "a.b-c=d-2-e"],
    ]);
  });
});

describe("claims", () => {
  const pre =
    `${heap}${map}n = load(va)\nr = munlockall()\ns = smaps(va)\ne = poll(buf, in)\np = maps(va).perms\n` +
    "f = smaps(va).VmFlags\n";

  test.each([
    "n == 5",
    "n == EFAULT",
    "n == SIGSEGV",
    "n == ok",
    "n != not_reached",
    "n == 16p",
    "n < 4K",
    "n == n + 1",
    "n - 4K >= 0 - 1",
    "n in [EFAULT, 4K, ok]",
    "r == 0",
    "r == ok",
    "r != EINVAL",
    "r == buf",
    "r in [ok, EINVAL]",
    "va == ok",
    "buf == EBADF",
    "s == EFAULT",
    "s == ok",
    "s.Pss == 0",
    "s.Pss == EFAULT",
    "pf in s.VmFlags",
    "[pf io] in s.VmFlags",
    "s.VmFlags == [rd wr sh]",
    "s.VmFlags == none",
    "s.VmFlags == []",
    "f == [rd wr]",
    "pf in f",
    "f == smaps(va).VmFlags",
    "s.VmFlags == rd|wr",
    "e == in|out",
    "e == out",
    "in in e",
    "e == EBADF",
    "e in [EBADF, ok]",
    'p == "rw-p"',
    "p != p",
    'maps(va).path == ""',
    'p in ["rw-p", "rw-s"]',
    "not n == 5 and (r == 0 or va == ok)",
    "not (n == 5)",
    "(n) == (5)",
    "mincore(va, 64K) == 16",
    "smaps(va + 4K).Pss == n",
    "smaps(va) == ok",
    'fdinfo(buf).exp_name == "system"',
    "status().VmRSS >= 0 - 64K",
    "n == -1",
    "n == 1 and\n  n == 2 or\n  n == 3",
  ])("%s", (claim) => {
    expect(faultsOf(`${pre}expect ${claim}`)).toEqual([]);
  });

  test.each([
    ["n == rw", "unknown-name"],
    ['n == "x"', "comparison-type"],
    ["r == 1", "comparison-type"],
    ["va == 0", "comparison-type"],
    ["va == n", "comparison-type"],
    ["s == 0", "comparison-type"],
    ["s.VmFlags == 0", "comparison-type"],
    ["s.VmFlags == n", "comparison-type"],
    ["s.VmFlags < 3", "comparison-type"],
    ["s.VmFlags in [rd]", "comparison-type"],
    ["n in s.VmFlags", "warning unknown-flag"],
    ["5 in s.VmFlags", "comparison-type"],
    ["pf in n", "comparison-type"],
    ["n == EFAULT < 3", "expected"],
    ["EFAULT < n", "comparison-type"],
    ["ok > n", "comparison-type"],
    ["p == 5", "comparison-type"],
    ["p == rwx", "comparison-type"],
    ["va + 1 == 3", "comparison-type"],
    ["n", "not-a-claim"],
    ["n and r == 0", "not-a-claim"],
    ["not n", "not-a-claim"],
    ["(n == 1) == (n == 2)", "comparison-type"],
    ["use-after-free", "invariant-alone"],
    ["leak or n == 1", "invariant-alone"],
    ["n == SIGSEV", "unknown-word"],
    ["C == ok", "unknown-name"],
    ["A == ok", "unknown-name"],
    ["mmap(anon, 4K, rw, private) == ok", "not-an-observer"],
    ["smap(va).Pss == 0", "unknown-operation"],
    ["smaps(vb).Pss == 0", "unknown-name"],
    ["smaps(buf).Pss == 0", "argument-type"],
    ["smaps().Pss == 0", "missing-argument"],
    ["n in [va]", "unknown-name"],
    ["n in [buf.x]", "unknown-field"],
    ["n == [1, 2]", "comparison-type"],
  ])("not: %s", (claim, code) => {
    expect(faultsOf(`${pre}expect ${claim}`)).toEqual([code]);
  });

  test("invariants stand alone, for never and sometimes", () => {
    expect(faultsOf("never deadlock\nsometimes (lock-order)\nnever double-free\nnever leak")).toEqual([]);
    expect(faultsOf("always deadlock")).toEqual(["invariant-alone"]);
    expect(faultsOf("never not deadlock")).toEqual(["invariant-alone"]);
  });

  test("observers are taken once, by who bound what they look at", () => {
    const t = testOf(`process B
${map}fork C
B: vb = mmap(anon, 64K, rw, private)
expect smaps(va).Pss == 0 and smaps(vb).Pss == 0
expect smaps(va).Rss == 0
C: expect smaps(va).Pss == smaps(va).Rss
A: expect smaps(va).Pss == 4K
on linux >= 6.1 { expect smaps(va).Pss == status().VmRSS }
C: expect mincore(va, 64K) == 1
expect maps(va) == ok`);
    expect(t.observers.map((o) => [o.key, o.call.actor, o.fields, o.scopes.length])).toEqual([
      ["smaps(va)", "A", ["Pss", "Rss"], 2],
      ["smaps(vb)", "B", ["Pss"], 1],
      ["C: smaps(va)", "C", ["Pss", "Rss"], 1],
      ["status()", "A", ["VmRSS"], 1],
      ["C: mincore(va, 64K)", "C", [], 1],
      ["maps(va)", "A", [], 1],
    ]);
    expect(t.claims.map((c) => c.text)).toEqual([
      "smaps(va).Pss == 0 and smaps(vb).Pss == 0",
      "smaps(va).Rss == 0",
      "C: smaps(va).Pss == smaps(va).Rss",
      "A: smaps(va).Pss == 4K",
      "smaps(va).Pss == status().VmRSS",
      "C: mincore(va, 64K) == 1",
      "maps(va) == ok",
    ]);
    expect(faultsOf("kernel: expect status().VmRSS == 0")).toEqual(["wrong-actor"]);
  });
});

describe("odds and ends", () => {
  test("nearest word", () => {
    expect(nearest("shard", ["shared", "private"])).toBe("shared");
    expect(nearest("Shared", ["shared"])).toBe("shared");
    expect(nearest("mmpa", ["mmap"])).toBe("mmap");
    expect(nearest("x", ["y", "z"])).toBeUndefined();
    expect(nearest("completely", ["different"])).toBeUndefined();
  });

  test("fingerprints are FNV-1a", () => {
    expect(fingerprint("")).toBe("cbf29ce484222325");
    expect(fingerprint("a")).toBe("af63dc4c8601ec8c");
    expect(fingerprint("foobar")).toBe("85944171f73967e8");
    expect(fingerprint("é§😀")).toBe(reference([..."é§😀"].flatMap((c) => [...new TextEncoder().encode(c)])));
  });

  test("strings", () => {
    const t = testOf('buf = dma_heap_alloc(system, 4K)\ndma_buf_set_name(buf, "a \\"b\\" \\\\ # ; \\n \\d")');
    const step = t.steps[1];
    expect(step.kind === "call" && step.args.name).toEqual({ kind: "string", value: 'a "b" \\ # ; \n \\d' });
  });

  test("a text of nothing", () => {
    for (const text of ["", "\n\n", "# only a comment", "\ufeff", "test", "test x", '"?"']) {
      const { test: t, diagnostics } = parse(text);
      expect(t).toBeUndefined();
      expect(diagnostics.length).toBeGreaterThan(0);
    }
  });
});

/** FNV-1a as everybody writes it, with big integers. */
function reference(bytes: number[]): string {
  let h = 0xcbf29ce484222325n;
  for (const b of bytes) h = BigInt.asUintN(64, (h ^ BigInt(b)) * 0x100000001b3n);
  return h.toString(16).padStart(16, "0");
}
