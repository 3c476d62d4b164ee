import { describe, expect, test } from "vitest";
import {
  gained,
  parseBufinfo,
  parseFdinfo,
  parseMaps,
  parseMapsLine,
  parsePagemapEntry,
  parseSmaps,
  parseSmapsEntry,
  quantities,
} from "../src/procfs/index.js";

const smaps = `100000000-100010000 rw-s 00000000 00:0e 1029                             /dmabuf:camera one
Size:                 64 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                  12 kB
Pss:                   6 kB
Locked:                0 kB
THPeligible:           0
ProtectionKey:         0
VmFlags: rd wr sh mr mw me ms pf io de dd sd \n7ffd8000-7ffd9000 ---p 00000000 00:00 0 
Size:                  4 kB
VmFlags: mr mw me
`;

describe("maps", () => {
  test("a path keeps its spaces, anonymous memory has none", () => {
    const [buffer, anonymous] = parseMaps(smaps);
    expect(buffer).toEqual({
      start: 0x100000000,
      end: 0x100010000,
      perms: "rw-s",
      offset: 0,
      device: "00:0e",
      inode: 1029,
      path: "/dmabuf:camera one",
    });
    expect(anonymous.path).toBe("");
  });
  test("an offset that is a physical address", () => {
    expect(parseMapsLine("7f00-8f00 rw-p 78bc0000 00:05 7 /dev/video0")?.offset).toBe(0x78bc0000);
  });
  test.each(["", "Rss: 4 kB", "100-200 rwxz 0 0:0 0", "zz-yy rw-p 0 0:0 0 x"])("%j is no mapping", (line) => {
    expect(parseMapsLine(line)).toBeUndefined();
  });
});

test("a path may hold what is no newline", () => {
  expect(parseMapsLine("7f00-8f00 rw-s 0 00:05 7  /dmabuf:a\\012b\r\u2028 ")?.path).toBe("/dmabuf:a\\012b\r\u2028 ");
});

describe("smaps", () => {
  test("kB become bytes, bare numbers stay, flags are words", () => {
    const [entry, other] = parseSmaps(smaps);
    expect(entry.mapping?.path).toBe("/dmabuf:camera one");
    expect(entry.fields).toMatchObject({
      Size: 65536,
      KernelPageSize: 4096,
      Rss: 12288,
      Pss: 6144,
      Locked: 0,
      THPeligible: 0,
    });
    expect(entry.fields).not.toHaveProperty("VmFlags");
    expect(entry.vmFlags).toEqual(["rd", "wr", "sh", "mr", "mw", "me", "ms", "pf", "io", "de", "dd", "sd"]);
    expect(other.fields.Size).toBe(4096);
  });
  test("an entry without its first line", () => {
    expect(parseSmapsEntry("Rss:    8 kB\nVmFlags: rd\n")).toEqual({
      mapping: undefined,
      fields: { Rss: 8192 },
      vmFlags: ["rd"],
    });
  });
});

describe("lines with quantities", () => {
  test("only what is asked for and is a number", () => {
    expect(
      quantities("VmRSS:\t     120 kB\nName:\tx: y\nHugePages_Free:      32\n", [
        "VmRSS",
        "Name",
        "HugePages_Free",
        "Absent",
      ]),
    ).toEqual({ VmRSS: 122880, HugePages_Free: 32 });
  });
  test("a change needs both readings", () => {
    expect(gained({ a: 5, b: 1 }, { a: 3, c: 9 })).toEqual({ a: -2 });
  });
});

test("pagemap bits", () => {
  const entry = (1n << 63n) | (1n << 61n) | (1n << 56n) | (1n << 55n) | 0x12345n;
  expect(parsePagemapEntry(entry)).toEqual({
    present: true,
    swap: false,
    file: true,
    exclusive: true,
    softDirty: true,
    pfn: 0x12345,
  });
  expect(parsePagemapEntry(BigInt.asIntN(64, entry)).pfn).toBe(0x12345);
  // A swap entry's low bits are no frame number.
  expect(parsePagemapEntry((1n << 62n) | 77n)).toMatchObject({ present: false, swap: true, pfn: 0 });
});

test("fdinfo of a dma-buf, with and without a name, and of something else", () => {
  const text = "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t5\nsize:\t65536\ncount:\t2\nexp_name:\tsystem\n";
  expect(parseFdinfo(text)).toEqual({ size: 65536, count: 2, exporter: "system", name: "" });
  expect(parseFdinfo(`${text}name:\tcam\n`)?.name).toBe("cam");
  expect(parseFdinfo("pos:\t0\nflags:\t02\n")).toBeUndefined();
});

test.each(["a\nb", " a ", "\n", "a\nsize:\t1", "a\nexp_name:\tb", "a\nname:\tb\n", "a\r", "a: b"])(
  "fdinfo's name is the rest of the text: %j",
  (name) => {
    const text = `pos:\t0\nflags:\t02\nsize:\t65536\ncount:\t2\nexp_name:\tsystem\nname:\t${name}\n`;
    expect(parseFdinfo(text)).toEqual({ size: 65536, count: 2, exporter: "system", name });
  },
);

describe("bufinfo", () => {
  const head = (name: string, inode: number): string =>
    `00004096\t00000002\t00080007\t00000001\tudmabuf\t000000${inode}\t${name}`;
  const none = "\tAttached Devices:\nTotal 0 devices attached\n\n";

  test("buffers with inode, name and attached devices", () => {
    const text = `
Dma-buf Objects:
size    \tflags   \tmode    \tcount   \texp_name\tino     \tname
00065536\t00000002\t00080007\t00000002\tsystem\t00000012\t<none>
\twrite fence:foo timeline seq 1 unsignalled
\tAttached Devices:
\tvgem
\t0000:00:02.0
Total 2 devices attached

${head("camera", 13)}
${none}

Total 2 objects, 69632 bytes
`;
    expect(parseBufinfo(text)).toEqual([
      { size: 65536, count: 2, exporter: "system", inode: 12, name: "", attachments: ["vgem", "0000:00:02.0"] },
      { size: 4096, count: 1, exporter: "udmabuf", inode: 13, name: "camera", attachments: [] },
    ]);
  });

  test.each([
    "a\nb",
    " a ",
    "a\tb\n",
    "\n\n",
    "a\rb",
    "é",
    "x\n\tAttached Devices:\n",
    "\tAttached Devices:",
    "Total 0 devices attached",
  ])("a name is what was set: %j", (name) => {
    const text = `\nDma-buf Objects:\n${head(name, 12)}\n${none}${head("next", 13)}\n${none}\nTotal 2 objects, 8192 bytes\n`;
    expect(parseBufinfo(text).map((each) => each.name)).toEqual([name, "next"]);
    const fenced = text.replace(`\n${none}`, `\n\tread fence:1:1 sw_sync a seq 1 unsignalled\n${none}`);
    expect(parseBufinfo(fenced).map((each) => each.name)).toEqual([name, "next"]);
  });
});
