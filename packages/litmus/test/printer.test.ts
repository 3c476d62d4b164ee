import { describe, expect, test } from "vitest";
import { format, parse, randomTest } from "../src/index.js";
import { corpusFiles, placeless, samples, withHeader } from "./text.js";

/** What the lines below the header become. */
const lines = (text: string): string => format(withHeader(text)).split("\n").slice(3).join("\n");

describe("format", () => {
  test("names in a run line up, by actor", () => {
    expect(
      lines(
        "a=munlockall()\nlong   =   munlockall( )\nprocess B\nB:x=munlockall()\nB: yy=munlockall()\nmunlockall()\n" +
          "\nb = munlockall()",
      ),
    ).toBe(
      "a    = munlockall()\nlong = munlockall()\nprocess B\nB: x  = munlockall()\nB: yy = munlockall()\n" +
        "munlockall()\n\nb = munlockall()\n",
    );
  });

  test("a block of several lines ends the run", () => {
    expect(lines("a=munlockall()\nlonger = faults {\n munlockall( )\n}\nbb = munlockall()")).toBe(
      "a = munlockall()\nlonger = faults {\n  munlockall()\n}\nbb = munlockall()\n",
    );
    expect(lines("a=munlockall()\nlonger = faults { munlockall( );;munlockall() }\nbb = munlockall()")).toBe(
      "a      = munlockall()\nlonger = faults { munlockall(); munlockall() }\nbb     = munlockall()\n",
    );
  });

  test("braces of neighbours line up", () => {
    expect(
      lines(
        "n=munlockall()\non linux==6.1{expect n==0}\non linux>=6.12{expect n!=0}\non arch arm{expect n==0}\n" +
          "with a.b=c{expect n==0}",
      ),
    ).toBe(
      "n = munlockall()\non linux == 6.1  { expect n == 0 }\non linux >= 6.12 { expect n != 0 }\n" +
        "on arch arm { expect n == 0 }\nwith a.b = c { expect n == 0 }\n",
    );
    expect(lines("parallel {\n A {x = munlockall()}\n\n\n kernel{compact();y=compact()}\n}")).toBe(
      "parallel {\n  A { x = munlockall() }\n\n  kernel { compact(); y = compact() }\n}\n",
    );
    expect(lines("parallel { A {x = munlockall()} kernel{compact()} }")).toBe(
      "parallel { A { x = munlockall() } kernel { compact() } }\n",
    );
  });

  test("comments stay, with single empty lines", () => {
    const text = `# first

# second
test t # the name
  "?" # the question


# of the step
a = munlockall()# behind
# between
bbb = munlockall() # too

# alone

x = udmabuf_create_list( # inside
  [], # more
  1)
parallel { # opens
  # of the branch
  A { munlockall() } # closes
  # dangling
} # end
on arch arm {
  # of the claim
  expect a == 0
}
# last`;
    expect(format(text)).toBe(`# first

# second
# the name
test t
  "?"  # the question

# of the step
a   = munlockall()  # behind
# between
bbb = munlockall()  # too

# alone

# inside
# more
x = udmabuf_create_list([], 1)
parallel {
  # opens
  # of the branch
  A { munlockall() }  # closes
  # dangling
}  # end
on arch arm {
  # of the claim
  expect a == 0
}
# last
`);
  });

  test("values", () => {
    expect(
      lines(
        'munmap(0XAB+4K-1 ,0x1F)\ndma_buf_set_name(3,"a\\"b")\nx=udmabuf_create_list([[3,0,4K],[3 4K 4K]],flags :1)\nexpect not(x==ok)and(x in[ok,EINVAL])or x==EBADF',
      ),
    ).toBe(
      'munmap(0xab + 4K - 1, 0x1f)\ndma_buf_set_name(3, "a\\"b")\nx = udmabuf_create_list([[3, 0, 4K], [3 4K 4K]], flags: 1)\nexpect not (x == ok) and (x in [ok, EINVAL]) or x == EBADF\n',
    );
  });

  test("long calls and claims are continued", () => {
    const tuples = Array.from({ length: 12 }, (_, i) => `[m, ${i * 4}K, 4K]`).join(", ");
    const text = lines(
      `m = memfd_create(64K)\nbuf = udmabuf_create_list([${tuples}], repeat: 2)\n` +
        `expect ${Array.from({ length: 12 }, () => "buf == EINVAL").join(" or ")}`,
    );
    expect(text).toBe(`m   = memfd_create(64K)
buf = udmabuf_create_list([[m, 0K, 4K], [m, 4K, 4K], [m, 8K, 4K], [m, 12K, 4K], [m, 16K, 4K],
    [m, 20K, 4K], [m, 24K, 4K], [m, 28K, 4K], [m, 32K, 4K], [m, 36K, 4K], [m, 40K, 4K],
    [m, 44K, 4K]], repeat: 2)
expect buf == EINVAL or buf == EINVAL or buf == EINVAL or buf == EINVAL or buf == EINVAL or
    buf == EINVAL or buf == EINVAL or buf == EINVAL or buf == EINVAL or buf == EINVAL or
    buf == EINVAL or buf == EINVAL
`);
    expect(lines(text)).toBe(text);
  });

  test("what does not parse is left alone", () => {
    for (const text of ["", "test", "x", withHeader("a  =  munlockall(\n")]) expect(format(text)).toBe(text);
    // What parses but does not check is formatted.
    expect(lines("a  =  nothing(b)")).toBe("a = nothing(b)\n");
  });

  test("is idempotent and keeps the Test", () => {
    const texts = [...Object.values(samples), ...corpusFiles()];
    for (let seed = 0; seed < 150; seed++)
      texts.push(
        randomTest(seed, { parallel: seed % 5 === 0, by: seed % 3 ? ["process"] : ["process", "driver", "kernel"] }),
      );
    for (const text of texts) {
      for (const messy of [text, untidy(text)]) {
        const once = format(messy);
        expect(format(once)).toBe(once);
        expect(placeless(parse(once).test)).toEqual(placeless(parse(messy).test));
        expect(parse(once).test).toBeDefined();
      }
    }
  });
});

/** The same test with its spaces in a mess. */
function untidy(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      line.includes('"') || line.startsWith("#")
        ? line
        : line
            .replace(/, /g, " ,")
            .replace(/ = /g, "=")
            .replace(/\{ /g, "{")
            .replace(/ +\{/g, "   {")
            .replace(/^(\w)/, "\t$1"),
    )
    .join("\n\n");
}
