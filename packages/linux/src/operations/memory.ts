/** Mappings, and the CPU's own accesses to them. */
import type { Operand } from "../program.js";
import { imm, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};

export const memory = {
  mmap: (call) => {
    const fixed = call.given("at");
    const anonymous = call.argument("object").kind === "words";
    const flags =
      uapi.bitsOf(uapi.mapFlags, call.words("sharing")) |
      (fixed ? uapi.mapFixed : 0) |
      (anonymous ? uapi.mapAnonymous : 0);
    const at = fixed ? call.number("at") : imm(call.scene.hint(call.step));
    const args = [
      at,
      call.number("length"),
      imm(uapi.bitsOf(uapi.prot, call.words("prot"))),
      imm(flags),
      anonymous ? imm(-1) : call.number("object"),
      mmapOffset(call, call.number("offset")),
    ];
    // No kernel is without mmap: ENOSYS is the answer of an exporter.
    call.emit({ op: "sys", imm: call.callNumber("mmap"), args });
    return done;
  },
  munmap: (call) => (call.sys("munmap", call.number("address"), call.number("length")), done),
  mprotect: (call) => (
    call.sys("mprotect", call.number("address"), call.number("length"), uapi.bitsOf(uapi.prot, call.words("prot"))),
    done
  ),
  mremap: (call) => {
    const to = call.given("to") ? call.number("to") : imm(0);
    call.sys(
      "mremap",
      call.number("address"),
      call.number("old_length"),
      call.number("new_length"),
      uapi.bitsOf(uapi.mremapFlags, call.words("flags")),
      to,
    );
    return done;
  },
  remap_file_pages: (call) => (
    call.sys("remap_file_pages", call.number("address"), call.number("length"), 0, call.number("pgoff"), 0), done
  ),
  madvise: (call) => (
    call.sys("madvise", call.number("address"), call.number("length"), uapi.madvise[call.word("advice")]), done
  ),
  mlock: (call) => {
    const flags = uapi.bitsOf(uapi.mlockFlags, call.words("flags"));
    if (flags === 0) call.sys("mlock", call.number("address"), call.number("length"));
    else call.sys("mlock2", call.number("address"), call.number("length"), flags);
    return done;
  },
  munlock: (call) => (call.sys("munlock", call.number("address"), call.number("length")), done),
  mlockall: (call) => (call.sys("mlockall", uapi.bitsOf(uapi.mlockallFlags, call.words("flags"))), done),
  munlockall: (call) => (call.sys("munlockall"), done),
  msync: (call) => (
    call.sys("msync", call.number("address"), call.number("length"), uapi.bitsOf(uapi.msyncFlags, call.words("flags"))),
    done
  ),
  mseal: (call) => (call.sys("mseal", call.number("address"), call.number("length"), 0), done),
  load: (call) => (call.load(call.number("address"), width(call)), done),
  store: (call) => (call.store(call.number("address"), width(call), call.number("value")), done),
  touch: (call) => {
    call.emit({
      op: "touch",
      imm: call.word("access") === "write" ? 1 : 0,
      args: [call.number("address"), call.number("length")],
    });
    return done;
  },
  fill: (call) => {
    call.emit({ op: "fill", args: [call.number("address"), call.number("length"), call.number("byte")] });
    return done;
  },
} satisfies Partial<
  CompilerTable<
    | "mmap"
    | "munmap"
    | "mprotect"
    | "mremap"
    | "remap_file_pages"
    | "madvise"
    | "mlock"
    | "munlock"
    | "mlockall"
    | "munlockall"
    | "msync"
    | "mseal"
    | "load"
    | "store"
    | "touch"
    | "fill"
  >
>;

function width(call: Call<"load"> | Call<"store">): 1 | 2 | 4 {
  const bytes = (call as Call<"load">).constant("width");
  if (bytes !== 1 && bytes !== 2 && bytes !== 4) throw new UnsupportedHere(`a CPU access of ${bytes} bytes`);
  return bytes;
}

/** Bytes; on arm mmap2 takes units of 4 KiB, regardless of the page size. */
function mmapOffset(call: Call<"mmap">, offset: Operand): Operand {
  if (call.pointer === 8) return offset;
  if (offset.kind === "imm" && (offset.value & 4095n) !== 0n)
    throw new UnsupportedHere("mmap2() cannot say an offset within 4 KiB");
  return offset.kind === "imm" ? imm(BigInt.asUintN(64, offset.value) >> 12n) : result(call.calc(offset, -1n, -12));
}
