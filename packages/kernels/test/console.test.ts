import { describe, expect, test } from "vitest";
import { ConsoleLog, complaintOf } from "../src/console.js";

test.each<[string, string | undefined]>([
  ["[    2.277485] BUG: unable to handle page fault for address: ffff", "crash"],
  ["[    2.277485][   T77] Oops: 0000 [#1] PREEMPT SMP NOPTI", "crash"],
  ["[    2.277485] Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP", "crash"],
  ["[    2.277485] kernel BUG at mm/memory.c:123!", "crash"],
  ["Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300", "crash"],
  ["[   30.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "crash"],
  ["[   30.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [init:77]", "crash"],
  ["[   30.0] WARNING: CPU: 1 PID: 77 at mm/memory.c:1 f+0x1/0x2", "warning"],
  ["[   30.0] WARNING: mm/memory.c:1 at f+0x1/0x2, CPU#1: init/77", "warning"],
  ["[    2.1] traps: init[77] general protection fault ip:401000 sp:7ffe error:0 in init", undefined],
  ["[    2.1] init[77]: segfault at 0 ip 0000000000401000 sp 00007ffe error 4", undefined],
  ["[    2.1] mtrr: your CPUs had inconsistent fixed MTRR settings", undefined],
  ["[    2.1] debug: nothing wrong", undefined],
])("%s", (line, grade) => {
  expect(complaintOf(line)?.grade).toBe(grade);
});

describe("the log", () => {
  const log = (...chunks: string[]): ConsoleLog => {
    const made = new ConsoleLog();
    for (const chunk of chunks) made.push(Buffer.from(chunk, "latin1"));
    return made;
  };

  test("joins lines that arrive in pieces, and shows an unfinished one", () => {
    expect(log("on", "e\r\ntw", "o\nthr").tail()).toBe("one\ntwo\nthr");
  });

  test("a complaint in pieces counts once, and only after its mark", () => {
    const made = log("[ 1.0] BUG: unable ", "to handle\n");
    const mark = made.mark();
    expect(made.complaint(0)?.line).toBe("BUG: unable to handle");
    expect(made.complaint(mark)).toBeUndefined();
  });

  test("a crash counts more than a warning before it", () => {
    expect(log("WARNING: CPU: 0\nkernel BUG at x.c:1!\n").complaint(0)).toEqual({
      grade: "crash",
      line: "kernel BUG at x.c:1!",
    });
  });

  test("a mark stays right when old lines have been dropped", () => {
    const made = log("x\n".repeat(9000));
    const mark = made.mark();
    made.push(Buffer.from(`${"x\n".repeat(5000)}last\n`));
    expect(made.since(mark).split("\n").at(-1)).toBe("last");
    expect(made.since(made.mark())).toBe("");
    expect(made.tail(2)).toBe("x\nlast");
  });

  test("colours and control characters are left out, and the last line counts without its newline", () => {
    const made = log("\x1b[1;31mred\x1b[0m\x07\nKernel panic - not syncing: x");
    made.end();
    expect(made.tail()).toBe("red\nKernel panic - not syncing: x");
    expect(made.complaint(0)?.grade).toBe("crash");
  });
});
