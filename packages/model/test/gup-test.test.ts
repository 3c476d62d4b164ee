/** gup_test where a litmus test can claim nothing: what it warns about. */
import { expect, test } from "vitest";
import { ask, values } from "./ask.js";

const untouched = "va = mmap(anon, 16K, rw, private)\n";

test.each(["pin", "pin_fast"])("%s of the zero page does not show, and is warned about", (how) => {
  expect(ask(`${untouched}a = gup_test(va, 16K, ${how})`, "6.12")).toMatchObject({
    status: "oops",
    reason: expect.stringContaining("gup-test/not-pinned"),
  });
  expect(values(`${untouched}a = gup_test(va, 16K, ${how}, write)`, "6.12").a).toBe(4);
});

test("a reference to the zero page is not verified, and a long-term pin gets a page instead", () => {
  expect(values(`${untouched}a = gup_test(va, 16K, get)\nb = gup_test(va, 16K, longterm)`, "6.12")).toMatchObject({
    a: 4,
    b: 4,
  });
});

test("arrays of page pointers that are too large", () => {
  expect(values(`${untouched}a = gup_test(va, 800G, get)`, "6.12").a).toBe("ENOMEM");
  expect(ask(`${untouched}a = gup_test(va, 1025G, get)`, "6.12")).toMatchObject({
    status: "oops",
    reason: expect.stringContaining("gup-test/too-many"),
  });
});
