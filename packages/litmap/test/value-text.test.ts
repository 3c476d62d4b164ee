import { expect, test } from "vitest";
import { valueText } from "../src/report/value-text.js";

test.each([
  ["camera", "camera"],
  ["a\nb", '"a\\nb"'],
  [" a", '" a"'],
  ["", '""'],
  ["\x1b[31m", '"\\u001b[31m"'],
  ["\u2028\x9b", '"\\u2028\\u009b"'],
])("the text %j is shown as %s", (text, shown) => expect(valueText(text)).toBe(shown));
