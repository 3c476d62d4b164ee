/** Results made by hand, of every kind, for the tests of the reports. */
import type { Machine } from "@litmap/litmus";
import type { TestResult } from "../src/result.js";

export const model: Machine = { kind: "model", release: "6.12", arch: "x86_64", designs: {} };
export const kernel: Machine = {
  kind: "vm",
  release: "6.12",
  arch: "x86_64",
  name: "6.12",
  uname: "6.12.107 #1",
  accel: "tcg",
};

export function result(test: string, more: Partial<TestResult> = {}): TestResult {
  return {
    test,
    file: `corpus/x/${test}.lit`,
    hash: "1234",
    machine: model,
    status: "ok",
    values: { n: "EFAULT" },
    claims: [],
    ms: 1.5,
    ...more,
  };
}

export const ofEveryKind: readonly TestResult[] = [
  result("fine", { claims: [{ text: "n == EFAULT", holds: true, line: 9 }] }),
  result("surprising", {
    status: "surprise",
    values: { n: 4096 },
    claims: [{ text: "n == EFAULT", holds: false, line: 9 }],
  }),
  result("disagreeing", {
    status: "disagree",
    machine: kernel,
    against: "model 6.12",
    differs: [{ key: "n", here: 4096, there: "EFAULT" }],
    values: { n: 4096 },
  }),
  result("lacking", { status: "unsupported", reason: "6.1 has no /dev/udmabuf", values: {} }),
  result("hanging", {
    status: "hang",
    machine: kernel,
    reason: "no answer within 10 s",
    log: "[ 1.0] rcu: stall\n[ 1.1] \x1b[31m<&>\"'\x01",
    values: {},
  }),
  result("broken", {
    status: "oops",
    machine: kernel,
    reason: "BUG: unable to handle page fault",
    log: "Call Trace: # 1",
    values: {},
  }),
  result("unfinished", {
    status: "incomplete",
    reason: "the search was stopped after 200000 executions",
    claims: [{ text: "always n == 1", holds: false, line: 9 }],
  }),
  result("faulty", { status: "broken", reason: "RangeError: Invalid array length", values: {} }),
  result("no-test", {
    status: "invalid",
    diagnostics: ["x.lit:1:1: expected 'test NAME'\n  1 | foo\n    | ^^^"],
    values: {},
  }),
];
