/** Events of a statement: notes once each, refusals as often as there are, up to a limit. */
import { expect, test } from "vitest";
import { ask } from "./ask.js";

test("a walk over very many pages keeps some of its refusals, and the last rule", () => {
  const lines = "m = memfd_create(4K)\nva = mmap(m, 64M, rw, shared)\nd = core_dump(va, 64M)";
  const step = ask(lines).steps.at(-1)!;
  expect(step.result).toMatchObject({ mapped: 2 ** 26, filled: 0 });
  expect(step.events.length).toBeGreaterThan(1000);
  expect(step.events.length).toBeLessThan(1100);
});
