import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { debianKernel, debianName, flavours } from "../src/flavour.js";
import { readImage } from "../src/image.js";
import { arm64Image, bzImage, zImage } from "./stand-ins.js";

describe("an image", () => {
  test("of x86 is a bzImage", async () =>
    expect(await readImage(bzImage("6.12.1-amd64"))).toEqual({
      isa: "x86_64",
      version: "6.12.1-amd64",
      linux: "6.12.1",
      unpacked: undefined,
    }));

  test("of arm64 is an Image, as it is, in gzip, or behind the EFI stub that unpacks it", async () => {
    const plain = arm64Image("6.12.1-arm64");
    expect(await readImage(plain)).toEqual({ isa: "arm64", version: "6.12.1-arm64", linux: "6.12.1" });
    expect(await readImage(gzipSync(plain))).toEqual({
      isa: "arm64",
      version: "6.12.1-arm64",
      linux: "6.12.1",
      unpacked: plain,
    });
    const packed = gzipSync(plain);
    const stub = Buffer.alloc(128);
    stub.write("MZ\0\0zimg", "latin1");
    stub.writeUInt32LE(stub.length, 8);
    stub.writeUInt32LE(packed.length, 12);
    const zboot = Buffer.concat([stub, packed, Buffer.from("what follows")]);
    expect(await readImage(zboot)).toEqual({ isa: "arm64", version: "6.12.1-arm64", linux: "6.12.1", unpacked: plain });
  });

  test("of arm is a zImage, whose version is packed in it", async () => {
    expect(
      await readImage(zImage(gzipSync(Buffer.from("\0Linux version %s\0Linux version 6.1.0-50-armmp (somebody)")))),
    ).toEqual({ isa: "arm", version: "6.1.0-50-armmp", linux: "6.1.0" });
    expect(await readImage(zImage(Buffer.from("packed in a way that nobody knows")))).toEqual({
      isa: "arm",
      version: undefined,
      linux: undefined,
    });
  });

  test("of arm may be packed with xz, with more behind it", async () => {
    const packed = spawnSync("xz", ["-c"], { input: "Linux version 6.12.7 (somebody)" });
    if (packed.error) return;
    expect((await readImage(zImage(Buffer.concat([packed.stdout, Buffer.alloc(9, 7)]))))?.version).toBe("6.12.7");
  });

  test.each([
    Buffer.alloc(0),
    Buffer.alloc(4096),
    Buffer.from("\x7fELF"),
    gzipSync("text"),
    gzipSync("text").subarray(0, 12),
  ])("is not what other bytes are", async (bytes) => {
    expect(await readImage(bytes)).toBeUndefined();
  });
});

describe("a kernel's name", () => {
  test("asks for a release, a flavour, and so for packages of an architecture", () => {
    expect(debianKernel("6.12")).toEqual({ release: "6.12", flavour: "amd64", architecture: "amd64" });
    expect(debianKernel("6.12-arm64-16k")).toEqual({ release: "6.12", flavour: "arm64-16k", architecture: "arm64" });
    expect(debianKernel("6.1-armmp-lpae")).toEqual({ release: "6.1", flavour: "armmp-lpae", architecture: "armhf" });
    for (const name of ["6", "6.12-", "6.12-riscv64", "mine", "6.12.1", "arm64", "6.12-toString"])
      expect([name, debianKernel(name)]).toEqual([name, undefined]);
  });

  test("is known of every architecture of the model", () => {
    const names = (["x86_64", "arm64", "arm64-16k", "arm", "arm-lpae"] as const).map((arch) =>
      debianName("6.12", arch),
    );
    expect(names.map((name) => debianKernel(name)?.flavour)).toEqual(flavours);
  });
});
