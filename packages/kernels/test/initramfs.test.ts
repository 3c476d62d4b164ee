import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { writeCpio } from "../src/cpio.js";
import { buildInitramfs } from "../src/initramfs.js";

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly data: Buffer;
  readonly device: readonly [number, number];
}

/** A reader written from cpio(5), not from the writer. */
function readCpio(archive: Buffer): Member[] {
  const members: Member[] = [];
  for (let at = 0; ; ) {
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const header = archive.toString("latin1", at + 6, at + 110);
    const field = (index: number): number => Number.parseInt(header.slice(index * 8, index * 8 + 8), 16);
    const nameEnd = at + 110 + field(11);
    const path = archive.toString("utf8", at + 110, nameEnd - 1);
    const dataAt = Math.ceil(nameEnd / 4) * 4;
    const data = archive.subarray(dataAt, dataAt + field(6));
    at = Math.ceil((dataAt + data.length) / 4) * 4;
    if (path === "TRAILER!!!") {
      expect(at).toBe(archive.length);
      return members;
    }
    members.push({ path, mode: field(1), data, device: [field(9), field(10)] });
  }
}

describe("cpio", () => {
  test("the header of a small file, byte for byte", () => {
    const archive = writeCpio([{ kind: "file", path: "a", mode: 0o644, data: Buffer.from("hello") }]);
    expect(archive.toString("latin1", 0, 110)).toBe(
      "070701" +
        "00000001" +
        "000081a4" +
        "00000000" +
        "00000000" +
        "00000001" +
        "00000000" +
        "00000005" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000002" +
        "00000000",
    );
    expect(archive.toString("latin1", 110, 124)).toBe("a\0hello\0\0\0" + "0707");
    expect(archive.length % 4).toBe(0);
  });

  test.each([0, 1, 2, 3, 4, 5])("contents of %i bytes and names of all lengths come back", (length) => {
    const names = ["a", "ab", "abc", "abcd", "ü"];
    const archive = writeCpio(
      names.map((path) => ({ kind: "file", path, mode: 0o600, data: Buffer.alloc(length, path) })),
    );
    expect(readCpio(archive).map((each) => [each.path, each.data.toString()])).toEqual(
      names.map((path) => [path, Buffer.alloc(length, path).toString()]),
    );
  });

  test("the system's own cpio lists it", ({ skip }) => {
    const archive = writeCpio([
      { kind: "folder", path: "dev", mode: 0o755 },
      { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
      { kind: "file", path: "init", mode: 0o755, data: Buffer.from("x") },
    ]);
    const listed = spawnSync("cpio", ["-tv", "--quiet"], { input: archive, encoding: "utf8" });
    if (listed.error) skip("cpio is not installed");
    expect(listed.stderr).toBe("");
    expect(listed.stdout).toMatch(/^drwxr-xr-x .* dev\ncrw------- .* 5, +1 .* dev\/console\n-rwxr-xr-x .* init\n$/);
  });
});

test("an initramfs holds init, a console, the modules and their order with parameters", () => {
  const archive = buildInitramfs(Buffer.from("the executor"), [
    { name: "virtio", params: "", data: Buffer.from("one") },
    { name: "brd", params: "rd_nr=1 rd_size=16384", data: Buffer.from("two") },
  ]);
  const members = new Map(readCpio(archive).map((each) => [each.path, each]));
  expect(members.get("init")?.data.toString()).toBe("the executor");
  expect(members.get("init")?.mode).toBe(0o100755);
  expect(members.get("dev/console")).toMatchObject({ mode: 0o020600, device: [5, 1] });
  expect(members.get("modules")?.data.toString()).toBe(
    "/lib/modules/virtio.ko\0\0/lib/modules/brd.ko\0rd_nr=1 rd_size=16384\0",
  );
  expect(members.get("lib/modules/brd.ko")?.data.toString()).toBe("two");
});
