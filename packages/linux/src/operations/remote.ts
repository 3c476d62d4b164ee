/** Advice to, words into another process, and sends of pages as they are. */
import { overLimit } from "@litmap/litmus";
import { data, pid, result } from "../program.js";
import type { Call, CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";
import { iovec, stopped } from "./reaching.js";

const { inet } = uapi;

export const remote = {
  ptrace_poke: (call) => {
    const tracee = pid(call.other("of"));
    const value = call.calc(call.number("value"), 0xffff_ffffn, 0);
    const seized = stopped(call, tracee);
    const poked = call.sys("ptrace", uapi.ptrace.pokedata, tracee, call.number("address"), result(value));
    call.softSys([seized], "ptrace", uapi.ptrace.detach, tracee, 0, 0);
    return { value: poked };
  },
  process_madvise: (call) => {
    const process = call.sysVolatile("pidfd_open", pid(call.scene.leaderOf(call.other("of"))), 0);
    const vector = iovec(call, [[call.number("address"), call.number("length")]]);
    const advised = call.sys("process_madvise", result(process), data(vector), 1, uapi.madvise[call.word("advice")], 0);
    call.softSys([process], "close", result(process));
    return { value: advised };
  },
  send_zerocopy: (call) => {
    const length = call.constant("length");
    const over = overLimit("sendBytes", length);
    if (over !== undefined) throw new UnsupportedHere(over);
    const { listener, connected } = connection(call);
    const on = call.struct(4, [[0, 4, 1]]);
    call.sys("setsockopt", result(connected), inet.level, inet.zerocopy, data(on), 4);
    const sent = call.sys(
      "sendto",
      result(connected),
      call.number("address"),
      call.number("length"),
      inet.sendFlags,
      0,
      0,
    );
    for (const socket of [connected, listener]) call.softSys([socket], "close", result(socket));
    return { value: sent };
  },
} satisfies CompilerTable<"ptrace_poke" | "process_madvise" | "send_zerocopy">;

/** Two TCP sockets, one connected to the other over the loopback device, which is brought up where it is down. */
function connection(call: Call<"send_zerocopy">) {
  const socket = () => call.sys("socket", inet.family, inet.stream | uapi.open.cloexec, 0);
  const listener = socket();
  const up = call.builder.bytes(
    Buffer.concat([Buffer.from("lo\0".padEnd(16, "\0")), Buffer.of(1, 0), Buffer.alloc(22)]),
  );
  call.softSys([listener], "ioctl", result(listener), inet.setInterfaceFlags, data(up));
  const address = call.builder.bytes(Buffer.of(inet.family, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  const size = call.struct(4, [[0, 4, 16]]);
  call.sys("bind", result(listener), data(address), 16);
  call.sys("listen", result(listener), 1);
  call.sys("getsockname", result(listener), data(address), data(size));
  const connected = socket();
  const made = call.sys("connect", result(connected), data(address), 16);
  call.lacks(made, ["ENETUNREACH", "ECONNREFUSED"], "this machine has no loopback device");
  return { listener, connected };
}
