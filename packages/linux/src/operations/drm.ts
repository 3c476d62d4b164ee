/** DRM devices: their nodes, dumb buffers, and PRIME. */
import { drmNodeRow } from "@litmap/litmus";
import type { DataOffset, Operand } from "../program.js";
import { data, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};
const { drmRequests: requests, drmStructBytes: structBytes } = uapi;

/** Bytes of a line: 1024 pixels of 32 bits. */
const lineShift = 12;

export const drm = {
  drm_open: (call) => {
    const device = call.word("device");
    const { card, versionName, lacking = `this machine has no ${device} device`, modelOnly = "" } = drmNodeRow(device);
    if (versionName === undefined) throw new UnsupportedHere(`drm_open() ${modelOnly}`);
    const found = call.open(call.builder.string(`/dev/dri/card${card}`), uapi.open.rw | uapi.open.cloexec, lacking);
    // Three numbers, then lengths and pointers: it differs with their size.
    const version = call.struct(uapi.drmVersion(call.pointer).bytes, []);
    call.sys("ioctl", result(found), uapi.drmVersion(call.pointer).request, data(version));
    const length = call.load(data(version, uapi.drmVersion(call.pointer).nameLength), 4);
    // Another driver's name has another length, and no machine has a card of the number that then comes out.
    const number = call.calc(result(length), 0xffn, 8, card - versionName.length * 256);
    const path = call.madePath("/dev/dri/card", result(number));
    const fd = call.open(path, uapi.open.rw | uapi.open.cloexec, lacking);
    call.softSys([found], "close", result(found));
    return { value: fd };
  },
  dumb_create: (call) => {
    const size = call.number("size");
    const height: Operand | bigint =
      size.kind === "imm"
        ? BigInt.asUintN(64, size.value) >> BigInt(lineShift)
        : result(call.calc(size, -1n, -lineShift));
    const request = call.struct(structBytes.createDumb, [
      [0, 4, height],
      [4, 4, 1024],
      [8, 4, 32],
    ]);
    drmIoctl(call, call.number("drm"), requests.createDumb, request);
    return { value: call.load(data(request, 16), 4) };
  },
  qxl_alloc: (call) => {
    const request = call.struct(structBytes.qxlAlloc, [[0, 4, call.number("size")]]);
    drmIoctl(call, call.number("drm"), requests.qxlAlloc, request);
    return { value: call.load(data(request, 4), 4) };
  },
  virtgpu_create_blob: (call) => {
    const memory = { guest: 1, host3d: 2 }[call.word("memory")];
    const flags = call.words("flags").includes("mappable") ? 1 : 0;
    const request = call.struct(structBytes.virtgpuCreateBlob, [
      [0, 4, memory],
      [4, 4, flags],
      [16, 8, call.number("size")],
    ]);
    drmIoctl(call, call.number("drm"), requests.virtgpuCreateBlob, request);
    return { value: call.load(data(request, 8), 4) };
  },
  dumb_map: (call) => {
    const request = call.struct(structBytes.mapDumb, [[0, 4, call.number("handle")]]);
    drmIoctl(call, call.number("drm"), requests.mapDumb, request);
    return { value: call.load(data(request, 8), 8) };
  },
  prime_export: (call) => {
    const flags = call.word("mode") === "rw" ? uapi.open.rw | uapi.open.cloexec : uapi.open.cloexec;
    const request = call.struct(structBytes.primeHandle, [
      [0, 4, call.number("handle")],
      [4, 4, flags],
    ]);
    drmIoctl(call, call.number("drm"), requests.primeHandleToFd, request);
    return { value: call.load(data(request, 8), 4) };
  },
  prime_import: (call) => {
    const request = call.struct(structBytes.primeHandle, [[8, 4, call.number("buf")]]);
    drmIoctl(call, call.number("drm"), requests.primeFdToHandle, request);
    return { value: call.load(data(request, 0), 4) };
  },
  gem_close: (call) => {
    const request = call.struct(structBytes.gemClose, [[0, 4, call.number("handle")]]);
    drmIoctl(call, call.number("drm"), requests.gemClose, request);
    return done;
  },
} satisfies CompilerTable<
  | "drm_open"
  | "dumb_create"
  | "dumb_map"
  | "prime_export"
  | "prime_import"
  | "gem_close"
  | "qxl_alloc"
  | "virtgpu_create_blob"
>;

function drmIoctl(call: Pick<Call, "sys">, fd: Operand, request: number, argument: DataOffset): void {
  call.sys("ioctl", fd, request, data(argument));
}
