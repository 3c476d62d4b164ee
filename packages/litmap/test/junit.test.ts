import { describe, expect, test } from "vitest";
import { junit } from "../src/report/junit.js";
import { ofEveryKind, result } from "./results.js";

/** Element names in the order in which they open; throws where the text is not well-formed. */
function elements(xml: string): string[] {
  const opened: string[] = [];
  const stack: string[] = [];
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, "");
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(body)) throw new Error("a character that XML does not know");
  let at = 0;
  for (const tag of body.matchAll(/<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g)) {
    const text = body.slice(at, tag.index);
    if (/[<>]/.test(text) || /&(?!(amp|lt|gt|quot|#\d+);)/.test(text + tag[3]))
      throw new Error(`unescaped: ${text}${tag[3]}`);
    at = tag.index + tag[0].length;
    if (tag[1] === "/") {
      if (stack.pop() !== tag[2]) throw new Error(`</${tag[2]}> closes nothing`);
    } else {
      opened.push(tag[2]);
      if (tag[4] !== "/") stack.push(tag[2]);
    }
  }
  if (stack.length > 0 || body.slice(at).trim() !== "")
    throw new Error(`left open: ${stack.join(" ")}${body.slice(at)}`);
  return opened;
}

describe("JUnit", () => {
  test("well-formed with every kind of result, whatever stands in its text", () => {
    const names = elements(junit(ofEveryKind));
    const having = (name: string): number => names.filter((each) => each === name).length;
    expect(having("testcase")).toBe(ofEveryKind.length);
    expect([having("failure"), having("error"), having("skipped"), having("testsuite")]).toEqual([2, 5, 1, 2]);
  });

  test("the numbers of a suite are those of its cases", () => {
    expect(junit(ofEveryKind)).toContain(
      '<testsuites name="litmap" tests="9" failures="2" errors="5" skipped="1" time="0.013">',
    );
  });

  test("a message with quotes, newlines and lone surrogates", () => {
    const xml = junit([result("odd", { status: "oops", reason: 'a "b" <c> & \ud800 \n\x02' })]);
    elements(xml);
    expect(xml).toContain("a &quot;b&quot; &lt;c&gt; &amp; \ufffd");
  });

  test("the checker of this test sees what is not well-formed", () => {
    expect(() => elements("<a><b></a></b>")).toThrow();
    expect(() => elements("<a>&</a>")).toThrow();
    expect(() => elements("<a>")).toThrow();
  });
});
