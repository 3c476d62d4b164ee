/** What /proc and debugfs say: files as they are, parsed on this side. */
import { cacheModes, kernelLimits, operations, overLimit } from "@litmap/litmus";
import type { Operand, Ref, RoundResult } from "../program.js";
import { callModule, moduleDevice, noModule } from "../module.js";
import { data, imm, pid, result } from "../program.js";
import * as uapi from "../uapi.js";
import type { Call, CompilerTable, KernelDescription } from "../call.js";
import { UnsupportedHere } from "../call.js";
import {
  gained,
  parseBufinfo,
  parseFdinfo,
  parseMapsLine,
  parsePagemapEntry,
  parseSmapsEntry,
  pfnMask,
  quantities,
} from "../procfs/index.js";
import { fdInPath, stat, tmpfsOf } from "./files.js";

/** Most bytes that are kept of a few lines, and of a whole file. */
const lines = 1 << 11;
const whole = kernelLimits.fileBytes.most;

const smapsFields = Object.keys(operations.smaps.result.fields).filter((name) => name !== "VmFlags");
const statusFields = Object.keys(operations.status.result.fields);
const meminfoFields = Object.keys(operations.meminfo.result.fields);
const keep = (names: readonly string[]): string[] => names.map((name) => `${name}:`);

type Reader = Pick<Call, "emit" | "readText" | "builder" | "softSys" | "sys" | "soft" | "scene" | "pointer" | "struct">;

/**
 * Instructions that read an actor's status now. Batched counters are flushed first: its own, and up to 6.1, where each
 * thread has some, those of other threads of its process.
 */
export function readStatus(call: Reader, otherThreads: readonly number[] = []): Ref {
  for (const actor of otherThreads) call.builder.emit({ op: "settle", actor, need: [] });
  call.emit({ op: "settle" });
  return call.readText(call.builder.path("/proc/self/status"), lines, keep(statusFields));
}

/** How long QEMU's virtio-gpu may take to answer that it has let go of an object, whose pages are freed then. */
const hostMs = 100;

/** Instructions that read the machine's meminfo now; its per-CPU counters are flushed first. */
export function readMeminfo(call: Reader): Ref {
  if (call.scene.hostHoldsPages) {
    const width = call.pointer;
    const time = call.struct(2 * width, [[width, width, hostMs * 1_000_000]]);
    call.softSys([], "nanosleep", data(time), 0);
  }
  const refresh = call.soft(
    {
      op: "sys",
      imm: (call as Call).callNumber("openat"),
      args: [imm(-100), data(call.builder.string("/proc/sys/vm/stat_refresh")), imm(1), imm(0)],
    },
    [],
  );
  call.softSys([refresh], "write", result(refresh), data(call.builder.string("1\n")), 2);
  call.softSys([refresh], "close", result(refresh));
  return call.readText(call.builder.path("/proc/meminfo"), lines, keep(meminfoFields));
}

export const observers = {
  smaps: (call) => {
    const text = call.readText(
      call.builder.path("/proc/self/smaps"),
      lines,
      keep([...smapsFields, "VmFlags"]),
      lookedUp(call),
    );
    return {
      read: (round) => {
        const entry = round.text(text);
        if (entry === "") return "EFAULT";
        const { fields, vmFlags } = parseSmapsEntry(entry);
        return { ...fields, VmFlags: vmFlags.filter((word) => word !== "sd") };
      },
    };
  },
  maps: (call) => {
    const text = call.readText(call.builder.path("/proc/self/maps"), lines, [], lookedUp(call));
    return {
      read: (round) => {
        const mapping = parseMapsLine(round.text(text).split("\n")[0]);
        if (mapping === undefined) return "EFAULT";
        const { start, end, perms, offset, path } = mapping;
        return { length: end - start, perms, offset, path: stablePath(call.kernel, path) };
      },
    };
  },
  pagemap: (call) => {
    const words = call.builder.reserve(16);
    const shift = Math.log2(call.kernel.pageSize);
    const index = call.calc(call.number("address"), -1n, -shift);
    const offset = call.calc(result(index), -1n, 3);
    const file = call.open(call.builder.path("/proc/self/pagemap"), 0);
    call.sys("pread64", result(file), data(words), 8, ...call.pad, ...call.wide(result(offset)));
    const entry = call.emit({ op: "load", imm: 8, args: [data(words)], volatile: false });
    call.softSys([file], "close", result(file));
    const place = call.soft({ op: "calc", args: [result(entry), imm(pfnMask), imm(3), imm(0)], volatile: true }, [
      entry,
    ]);
    const counts = call.softSys([entry], "openat", -100, data(call.builder.string("/proc/kpagecount")), 0, 0);
    const got = call.softSys(
      [counts, place],
      "pread64",
      result(counts),
      data(words, 8),
      8,
      ...call.pad,
      ...call.wide(result(place)),
    );
    const mapcount = call.soft({ op: "load", imm: 8, args: [data(words, 8)] }, [got]);
    call.softSys([counts], "close", result(counts));
    return {
      value: entry,
      read: (round) => {
        const { present, swap, file: ofFile, exclusive, pfn } = parsePagemapEntry(round.results[entry.index].value);
        const counted = present && pfn !== 0 && round.results[mapcount.index].state === "ok";
        return {
          present: Number(present),
          swap: Number(swap),
          file: Number(ofFile),
          exclusive: Number(exclusive),
          mapcount: counted ? Number(round.results[mapcount.index].value) : 0,
        };
      },
    };
  },
  cache_mode: (call) => {
    if (!call.kernel.devices?.has(moduleDevice)) throw new UnsupportedHere(`cache_mode() ${noModule}`);
    const device = call.open(call.builder.string(`/dev/${moduleDevice}`), uapi.open.rw);
    const { value } = callModule(call, "cache_mode", {
      device,
      args: [pid(call.actor), call.number("address")],
      gives: "value",
      lacking: "reads page-table entries of x86_64 only",
    });
    call.softSys([device], "close", result(device));
    return { value, read: (round) => [cacheModes[Number(round.results[value!.index].value)]] };
  },
  mincore: (call) => {
    const pages = Math.max(0, Math.ceil(call.constant("length") / call.kernel.pageSize));
    // Beyond what can be looked at, only lengths that the kernel refuses anyway are put to it.
    const over = pages < 2 ** 34 ? overLimit("residentPages", pages) : undefined;
    if (over !== undefined) throw new UnsupportedHere(over);
    const shown = Math.min(pages, kernelLimits.residentPages.most);
    const vector = call.buffer("sink", shown);
    call.sys("mincore", call.number("address"), call.number("length"), data(vector));
    call.scene.makeRoom(call.actor, shown);
    const bytes = call.emit({ op: "show", args: [data(vector), imm(shown)] });
    return { read: (round) => round.bytes(bytes).reduce((sum, byte) => sum + (byte & 1), 0) };
  },
  status: (call) => {
    const baseline = call.scene.baselines.status.get(call.step.actor);
    const text = readStatus(call, call.scene.parallel ? [] : call.scene.otherThreads(call.step.actor));
    return { read: (round) => change(round, statusFields, baseline, text) };
  },
  meminfo: (call) => {
    const baseline = call.scene.baselines.meminfo;
    const text = readMeminfo(call);
    return { read: (round) => change(round, meminfoFields, baseline, text) };
  },
  fdinfo: (call) => {
    const text = call.readText(call.builder.path("/proc/self/fdinfo/", fdInPath(call)), lines);
    return {
      read: (round): Record<string, number | string> => {
        const found = parseFdinfo(round.text(text));
        return found ? { size: found.size, count: found.count, exp_name: found.exporter, name: found.name } : {};
      },
    };
  },
  bufinfo: (call) => {
    const { inode } = stat(call, call.number("fd"));
    const text = call.readText(call.builder.path("/sys/kernel/debug/dma_buf/bufinfo"), whole);
    call.lacks(text, ["ENOENT"], "this kernel has no debugfs dma_buf/bufinfo");
    return {
      read: (round) => {
        const wanted = Number(round.results[inode.index].value);
        const found = parseBufinfo(round.text(text)).find((buffer) => buffer.inode === wanted);
        if (found === undefined) return "ENOENT";
        const { size, count, exporter, name, attachments } = found;
        return { size, count, exp_name: exporter, name, attachments: attachments.length };
      },
    };
  },
  readlink: (call) => {
    const path = call.madePath("/proc/self/fd/", fdInPath(call));
    const to = call.builder.reserve(256);
    const length = call.sys("readlinkat", -100, data(path), data(to), 256);
    const shown = call.emit({ op: "show", args: [data(to), result(length)] });
    return { read: (round) => ({ path: stablePath(call.kernel, round.text(shown)) }) };
  },
} satisfies Partial<
  CompilerTable<
    "smaps" | "maps" | "pagemap" | "cache_mode" | "mincore" | "status" | "meminfo" | "fdinfo" | "bufinfo" | "readlink"
  >
>;

/** An address as a reader looks for it: one in the same page, since 0 would stand for every mapping. */
function lookedUp(call: Pick<Call, "calc" | "kernel">): Operand {
  const address = (call as Call<"smaps">).number("address");
  const pageMask = -BigInt(call.kernel.pageSize);
  return address.kind === "imm" ? imm((address.value & pageMask) + 1n) : result(call.calc(address, pageMask, 0, 1));
}

/** A path without what differs from machine to machine: inode numbers are N, the disk is DISK, tmpfs is at /tmp. */
export function stablePath(kernel: Pick<KernelDescription, "kind" | "disk" | "tmpfs">, path: string): string {
  if (path === kernel.disk) return "/dev/DISK";
  const unnamed = `${tmpfsOf(kernel)}/#`;
  // Any other path may end like this: a dma-buf's ends with the name that the test gave it.
  if (path.startsWith(unnamed) && /^\d+ \(deleted\)$/.test(path.slice(unnamed.length))) return "/tmp/#N (deleted)";
  return path.replace(/^(pipe|socket):\[\d+\]$/, "$1:[N]");
}

function change(
  round: RoundResult,
  names: readonly string[],
  before: Ref | undefined,
  after: Ref,
): Record<string, number> {
  if (before === undefined) throw new Error("a change without a first reading");
  return gained(quantities(round.text(before), names), quantities(round.text(after), names));
}
