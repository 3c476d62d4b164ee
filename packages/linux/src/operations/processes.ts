/** Descriptors from other processes, and the end of one. */
import { pid, result } from "../program.js";
import type { CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

export const processes = {
  receive: (call) => {
    const from = call.ownerOf("fd");
    if (from === undefined) throw new UnsupportedHere("receive() of a bare number");
    if (call.scene.sameProcess(from, call.actor)) {
      // A pidfd of our own would take the requested number if it is free.
      call.sys("fcntl", call.number("fd"), uapi.dupFdCloexec, 0);
      return {};
    }
    // A pidfd is of a process, not of a thread.
    const process = call.sysVolatile("pidfd_open", pid(call.scene.leaderOf(from)), 0);
    const fd = call.sys("pidfd_getfd", result(process), call.number("fd"), 0);
    call.softSys([process], "close", result(process));
    return { value: fd };
  },
  exit: (call) => (call.emit({ op: "exit" }), {}),
} satisfies Partial<CompilerTable<"receive" | "exit">>;
