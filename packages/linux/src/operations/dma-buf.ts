/** The system heap, udmabuf, and the ioctls of a dma-buf. */
import { heapRow } from "@litmap/litmus";
import type { HeapName } from "@litmap/litmus";
import type { Ref } from "../program.js";
import { data, imm, pid, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import type { KernelDescription } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};
const { requests, structBytes } = uapi;

const heapModes = {
  r: uapi.open.r,
  w: uapi.open.w,
  rw: uapi.open.rw,
  r_cloexec: uapi.open.r | uapi.open.cloexec,
  rw_cloexec: uapi.open.rw | uapi.open.cloexec,
  rw_nonblock: uapi.open.rw | uapi.open.nonblock,
} as const;

export const dmaBuf = {
  dma_heap_alloc: (call) => {
    const name = heapName(call.word("heap"), call.kernel);
    const path = `/dev/dma_heap/${name}`;
    const heap = call.open(call.builder.string(path), uapi.open.rw | uapi.open.cloexec, `this kernel has no ${path}`);
    const request = call.struct(structBytes.dmaHeapAllocation, [
      [0, 8, call.number("length")],
      [8, 4, call.number("fd")],
      [12, 4, heapModes[call.word("mode")]],
      [16, 8, call.number("heap_flags")],
    ]);
    call.sys("ioctl", result(heap), requests.dmaHeapAlloc, data(request));
    const fd = call.load(data(request, 8), 4);
    call.softSys([heap], "close", result(heap));
    return { value: fd };
  },
  udmabuf_create: (call) => {
    const device = openUdmabuf(call);
    const request = call.struct(structBytes.udmabufCreate, [
      [0, 4, call.number("memfd")],
      [4, 4, call.number("flags")],
      [8, 8, call.number("offset")],
      [16, 8, call.number("size")],
    ]);
    const fd = call.sys("ioctl", result(device), requests.udmabufCreate, data(request));
    call.softSys([device], "close", result(device));
    return { value: fd };
  },
  udmabuf_create_list: (call) => {
    const device = openUdmabuf(call);
    const list = call.argument("items");
    const repeat = call.constant("repeat");
    const items = list.kind === "list" ? list.items : [];
    const count = items.length * repeat;
    if (count >= 2 ** 32) throw new UnsupportedHere("the count of a list has 32 bits");
    // A longer list is refused by its count alone.
    const said = count > 20_000 ? 0 : count;
    const fields = Array.from({ length: said }, (_, n) => {
      const item = items[n % items.length];
      const [memfd, offset, size] = item.kind === "list" ? item.items.map((part) => call.operand(part)) : [];
      const at = structBytes.udmabufList + n * structBytes.udmabufItem;
      return { at, memfd: memfd ?? imm(0), offset: offset ?? imm(0), size: size ?? imm(0) };
    });
    const request = call.struct(structBytes.udmabufList + said * structBytes.udmabufItem, [
      [0, 4, call.number("flags")],
      [4, 4, count],
      ...fields.flatMap(
        ({ at, memfd, offset, size }) =>
          [
            [at, 4, memfd],
            [at + 8, 8, offset],
            [at + 16, 8, size],
          ] as const,
      ),
    ]);
    const fd = call.sys("ioctl", result(device), requests.udmabufCreateList, data(request));
    call.softSys([device], "close", result(device));
    return { value: fd };
  },
  dma_buf_sync: (call) => {
    const request = call.struct(structBytes.dmaBufSync, [[0, 8, uapi.bitsOf(uapi.dmaBufSync, call.words("flags"))]]);
    call.sys("ioctl", call.number("fd"), requests.dmaBufSync, data(request));
    return done;
  },
  dma_buf_set_name: (call) => (
    call.sys("ioctl", call.number("fd"), requests.dmaBufSetName, data(call.builder.string(call.text("name")))), done
  ),
  /** Where nothing is charged there is nothing to count; the setting says whether that is so. */
  charged: (call) => {
    const zero = call.calc(imm(0), 0n, 0);
    call.scene.makeRoom(call.actor, 64);
    const setting = call.soft(
      {
        op: "read",
        args: [data(call.builder.path("/sys/module/dma_heap/parameters/mem_accounting")), imm(64), imm(0), imm(0)],
      },
      [zero],
    );
    return {
      read: (round) => {
        const known = round.results[setting.index].state === "ok";
        if (known && round.text(setting).startsWith("Y"))
          throw new UnsupportedHere("dma_heap.mem_accounting is on, and the machine has no memory cgroups");
        return 0;
      },
    };
  },
  xfer_charge: (call) => {
    const request = call.struct(8, [[0, 4, pid(call.other("to"))]]);
    call.sys("ioctl", call.number("fd"), requests.dmaBufXferCharge, data(request));
    return done;
  },
  dma_buf_export_sync_file: (call) => {
    const request = call.struct(structBytes.dmaBufSyncFile, [
      [0, 4, uapi.bitsOf(uapi.dmaBufSync, call.words("flags"))],
      [4, 4, -1],
    ]);
    call.sys("ioctl", call.number("fd"), requests.dmaBufExportSyncFile, data(request));
    return { value: call.load(data(request, 4), 4) };
  },
  dma_buf_import_sync_file: (call) => {
    const request = call.struct(structBytes.dmaBufSyncFile, [
      [0, 4, uapi.bitsOf(uapi.dmaBufSync, call.words("flags"))],
      [4, 4, call.number("sync_file")],
    ]);
    call.sys("ioctl", call.number("fd"), requests.dmaBufImportSyncFile, data(request));
    return done;
  },
  poll: (call) => {
    const request = call.struct(structBytes.pollfd, [
      [0, 4, call.number("fd")],
      [4, 2, uapi.bitsOf(uapi.pollEvents, call.words("events"))],
    ]);
    const now = call.builder.bytes(new Uint8Array(16));
    call.sys("ppoll", data(request), 1, data(now), 0, 8);
    const events = call.load(data(request, 6), 2);
    return { read: (round) => uapi.wordsOf(uapi.pollEvents, Number(round.results[events.index].value)) };
  },
  sw_sync_fence: (call) => {
    const timeline = call.open(
      call.builder.string("/sys/kernel/debug/sync/sw_sync"),
      uapi.open.rw,
      "this kernel has no sw_sync",
    );
    call.scene.timelines.set(call.scene.spaceOf(call.step.actor), timeline);
    const request = call.struct(structBytes.swSyncFence, [[0, 4, call.number("value")]]);
    call.sys("ioctl", result(timeline), requests.swSyncCreateFence, data(request));
    return { value: call.load(data(request, 36), 4) };
  },
  sw_sync_inc: (call) => {
    const timeline = call.scene.timelines.get(call.scene.spaceOf(call.step.actor));
    if (timeline === undefined) throw new UnsupportedHere("sw_sync_inc() before sw_sync_fence()");
    const request = call.struct(4, [[0, 4, call.number("by")]]);
    call.sys("ioctl", result(timeline), requests.swSyncInc, data(request));
    return done;
  },
} satisfies Partial<
  CompilerTable<
    | "dma_heap_alloc"
    | "udmabuf_create"
    | "udmabuf_create_list"
    | "dma_buf_sync"
    | "dma_buf_set_name"
    | "charged"
    | "xfer_charge"
    | "dma_buf_export_sync_file"
    | "dma_buf_import_sync_file"
    | "poll"
    | "sw_sync_fence"
    | "sw_sync_inc"
  >
>;

/**
 * The first of a heap's names that the machine has.
 * @throws UnsupportedHere where the machine has listed its heaps and none of them is among those.
 */
function heapName(heap: HeapName, kernel: KernelDescription): string {
  const { nodes, lacking } = heapRow(heap);
  const found = nodes.find((name) => kernel.devices?.has(`dma_heap/${name}`));
  if (kernel.devices !== undefined && found === undefined && lacking !== undefined) throw new UnsupportedHere(lacking);
  return found ?? nodes[0];
}

function openUdmabuf(call: Pick<Call, "open" | "builder">): Ref {
  return call.open(
    call.builder.string("/dev/udmabuf"),
    uapi.open.rw | uapi.open.cloexec,
    "this kernel has no /dev/udmabuf",
  );
}
