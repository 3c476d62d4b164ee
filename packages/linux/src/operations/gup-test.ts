/** The kernel's own test of page references, in debugfs. */
import { data, result } from "../program.js";
import type { CompilerTable } from "../call.js";
import * as uapi from "../uapi.js";

/** Where struct gup_test has what. */
const at = { address: 16, size: 24, pagesPerCall: 32, gupFlags: 36 } as const;

export const gupTest = {
  gup_test: (call) => {
    const device = call.open(
      call.builder.string("/sys/kernel/debug/gup_test"),
      uapi.open.rw | uapi.open.cloexec,
      "this kernel has no gup_test (CONFIG_GUP_TEST)",
    );
    const { pageSize } = call.kernel;
    // With a part of a page left over it asks for no pages at all, and the fast walk then runs wild.
    const whole = call.calc(call.number("length"), ~BigInt(pageSize - 1), 0);
    const request = call.struct(uapi.structBytes.gupTest, [
      [at.address, 8, call.number("address")],
      [at.size, 8, result(whole)],
      [at.pagesPerCall, 4, 1],
      [at.gupFlags, 4, call.words("flags").includes("write") ? 1 : 0],
    ]);
    call.sys("ioctl", result(device), uapi.gupTest[call.word("how")], data(request));
    // What is left in `size` are the bytes of the pages that it got.
    const bytes = call.load(data(request, at.size), 8);
    call.softSys([device], "close", result(device));
    return { value: bytes, read: (round) => Math.floor(Number(round.results[bytes.index].value) / pageSize) };
  },
} satisfies CompilerTable<"gup_test">;
