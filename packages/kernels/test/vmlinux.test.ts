import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { hasPvhEntry, vmlinuxOf } from "../src/vmlinux.js";
import { bzImage } from "./stand-ins.js";

/** An ELF file with one segment of notes. */
function elf(notes: readonly { readonly name: string; readonly type: number }[], segment = 4): Buffer {
  const body = notes.map(({ name, type }) => {
    const note = Buffer.alloc(12 + ((name.length + 4) & ~3) + 8);
    note.writeUInt32LE(name.length + 1, 0);
    note.writeUInt32LE(5, 4);
    note.writeUInt32LE(type, 8);
    note.write(name, 12, "latin1");
    return note;
  });
  const header = Buffer.alloc(64 + 56);
  header.write("\x7fELF\x02", 0, "latin1");
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(segment, 64);
  header.writeBigUInt64LE(120n, 64 + 8);
  header.writeBigUInt64LE(BigInt(Buffer.concat(body).length), 64 + 32);
  return Buffer.concat([header, ...body]);
}

const bootable = elf([
  { name: "Linux", type: 257 },
  { name: "Xen", type: 6 },
  { name: "Xen", type: 18 },
]);

/** A bzImage around packed bytes: four sectors of set-up, then the payload. */
function around(packed: Buffer): Buffer {
  const image = Buffer.concat([bzImage("6.12.0", 4096), packed]);
  image[0x1f1] = 4;
  image.writeUInt32LE(4096 - 5 * 512, 0x248);
  image.writeUInt32LE(packed.length, 0x24c);
  return image;
}

const sized = (packed: Buffer, size: number): Buffer => {
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(size);
  return Buffer.concat([packed, tail]);
};

describe("the PVH entry", () => {
  test("is a note of Xen's, number 18", () => {
    expect(hasPvhEntry(bootable)).toBe(true);
    expect(hasPvhEntry(elf([{ name: "Xen", type: 6 }]))).toBe(false);
    expect(hasPvhEntry(elf([{ name: "GNU", type: 18 }]))).toBe(false);
    expect(hasPvhEntry(elf([{ name: "Xen", type: 18 }], 1))).toBe(false);
  });

  test("is not found in what is no ELF file, or cut off anywhere", () => {
    expect(hasPvhEntry(Buffer.from("something else, and long enough to hold an ELF file's header of 64 bytes"))).toBe(
      false,
    );
    for (let length = 0; length < bootable.length - 24; length++)
      expect(hasPvhEntry(bootable.subarray(0, length))).toBe(false);
  });
});

describe("the kernel in a bzImage", () => {
  test("comes out of gzip", async () => expect(await vmlinuxOf(around(gzipSync(bootable)))).toEqual(bootable));

  test.each(["xz", "zstd"])("comes out of %s", async (program) => {
    const packed = spawnSync(program, ["-c"], { input: bootable });
    // Without the program there is nothing to compare with, and nothing that could unpack.
    if (packed.error) return expect(await vmlinuxOf(around(Buffer.alloc(64)))).toBeUndefined();
    expect(await vmlinuxOf(around(sized(packed.stdout, bootable.length)))).toEqual(bootable);
    expect(await vmlinuxOf(around(sized(packed.stdout, bootable.length + 1)))).toBeUndefined();
    expect(await vmlinuxOf(around(sized(packed.stdout.subarray(0, 20), bootable.length)))).toBeUndefined();
  });

  test("is left packed where it has no such entry, is packed otherwise, or is damaged", async () => {
    expect(await vmlinuxOf(around(gzipSync(elf([]))))).toBeUndefined();
    expect(await vmlinuxOf(around(Buffer.from("LZ4 or anything else")))).toBeUndefined();
    expect(await vmlinuxOf(around(gzipSync(bootable).subarray(0, 30)))).toBeUndefined();
    expect(await vmlinuxOf(bzImage("6.12.0"))).toBeUndefined();
  });
});
