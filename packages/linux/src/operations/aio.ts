/** Linux's own asynchronous I/O. */
import type { Operand } from "../program.js";
import { data, imm, loadResult, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";

/** IOCB_CMD_PREAD and IOCB_CMD_PWRITE. */
const commands = { read: 0, write: 1 } as const;
/** Bytes of struct iocb and struct io_event, and where an event's result stands. */
const iocbBytes = 64;
const eventBytes = 32;
const eventResult = 16;

export const aio = {
  aio_read: (call) => submitted(call, commands.read, call.number("fd")),
  aio_write: (call) => {
    const pipe = call.boundAs("fd")?.bound.writeEnd;
    return submitted(call, commands.write, pipe ? result(pipe) : call.number("fd"));
  },
} satisfies CompilerTable<"aio_read" | "aio_write">;

/** One request in a context of its own. */
function submitted(call: Call<"aio_read"> | Call<"aio_write">, command: number, fd: Operand): Compiled {
  const io = call as Call<"aio_read">;
  const context = io.builder.reserve(8);
  io.sys("io_setup", 1, data(context));
  const id = io.emit({ op: "load", imm: io.pointer, args: [data(context)], volatile: true });
  const iocb = io.struct(iocbBytes, [
    [16, 2, imm(command)],
    [20, 4, fd],
    [24, 8, io.number("address")],
    [32, 8, io.number("length")],
    [40, 8, io.number("offset")],
  ]);
  const list = io.struct(8, [[0, io.pointer, data(iocb)]]);
  const event = io.builder.reserve(eventBytes);
  io.sys("io_submit", result(id), 1, data(list));
  io.sys("io_getevents", result(id), 1, 1, data(event), 0);
  const moved = io.emit({ op: "load", imm: loadResult, args: [data(event, eventResult)] });
  io.softSys([id], "io_destroy", result(id));
  return { value: moved };
}
