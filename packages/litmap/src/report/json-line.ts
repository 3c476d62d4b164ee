/** A result as one line of JSON, in the form that scripts may rely on. */
import type { TestResult } from "../result.js";

export function jsonLine(result: TestResult): string {
  return JSON.stringify(jsonObject(result));
}

export function jsonObject(result: TestResult): Readonly<Record<string, unknown>> {
  const {
    test,
    file,
    machine,
    status,
    reason,
    log,
    values,
    claims,
    rules,
    counters,
    histogram,
    violations,
    against,
    differs,
    notAllowed,
    oops,
    diagnostics,
    ms,
  } = result;
  return {
    test,
    file,
    machine,
    status,
    reason,
    log,
    diagnostics,
    values,
    histogram,
    violations,
    claims: claims.map(({ text, holds, brokenBy }) => ({ text, holds, brokenBy })),
    rules: rules ?? [],
    counters: counters ?? {},
    against,
    differs:
      differs &&
      Object.fromEntries(differs.map(({ key, here, there }) => [key, { here: here ?? null, there: there ?? null }])),
    notAllowed: notAllowed?.map(({ values: seen, nearest, keys, count }) => ({ values: seen, nearest, keys, count })),
    oops,
    ms: Math.round(ms * 1000) / 1000,
  };
}
