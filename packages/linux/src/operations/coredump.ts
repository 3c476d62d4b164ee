/** Core files, of children that abort. */
import { kernelLimits } from "@litmap/litmus";
import { data, imm, pid, result } from "../program.js";
import type { CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import { rangeInCore } from "../procfs/core-file.js";
import * as uapi from "../uapi.js";

/** What is read of a core file, bytes. */
const most = kernelLimits.coreBytes.most;
const { core } = uapi;

export const coredump = {
  core_dump: (call) => {
    if (call.kernel.kind !== "vm") throw new UnsupportedHere("where core files go is up to the whole machine");
    if (call.scene.parallel) throw new UnsupportedHere("core_dump() within parallel");
    const { builder, kernel } = call;
    const pattern = "/tmp/litmap-core.%p\n";
    const file = call.sys(
      "openat",
      uapi.atFdcwd,
      data(builder.string("/proc/sys/kernel/core_pattern")),
      uapi.open.w | uapi.open.cloexec,
      0,
    );
    call.sys("write", result(file), data(builder.string(pattern)), pattern.length);
    call.softSys([file], "close", result(file));
    const child = builder.actor("fork", call.actor);
    const forked = call.emit({ op: "fork", imm: child });
    const mask = `0x${BigInt.asUintN(32, BigInt(call.constant("filter"))).toString(16)}\n`;
    const byChild = (op: "sys" | "exit", number: number, ...args: ReturnType<typeof imm>[]) =>
      builder.emit({ op, actor: child, imm: number, args, need: [forked] });
    byChild(
      "sys",
      call.callNumber("prlimit64"),
      imm(0),
      imm(core.limit),
      data(builder.bytes(new Uint8Array(16).fill(0xff))),
      imm(0),
    );
    const opened = byChild(
      "sys",
      call.callNumber("openat"),
      imm(uapi.atFdcwd),
      data(builder.string("/proc/self/coredump_filter")),
      imm(uapi.open.w),
      imm(0),
    );
    byChild("sys", call.callNumber("write"), result(opened), data(builder.string(mask)), imm(mask.length));
    byChild("exit", core.abort);
    const path = call.madePath("/tmp/litmap-core.", pid(child));
    const dump = call.open(path, uapi.open.r | uapi.open.cloexec);
    const room = call.buffer("sink", most);
    const read = call.sysVolatile("read", result(dump), data(room), most);
    call.scene.makeRoom(call.actor, most);
    const shown = call.emit({ op: "show", args: [data(room), result(read)] });
    call.softSys([dump], "close", result(dump));
    call.softSys([dump], "unlinkat", uapi.atFdcwd, data(path), 0);
    const address = call.calc(call.number("address"), -1n, 0);
    const length = call.calc(call.number("length"), -1n, 0);
    return {
      read: (round) => {
        const value = (ref: typeof address) => BigInt.asUintN(64, round.results[ref.index].value);
        const found = rangeInCore(round.bytes(shown), value(address), value(length), kernel.pageSize, most);
        if (found === undefined)
          throw new UnsupportedHere(`limit: the range lies past the first ${most} bytes of the core file`);
        return { ...found };
      },
    };
  },
} satisfies CompilerTable<"core_dump">;
