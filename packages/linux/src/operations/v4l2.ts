/** vivid's capture nodes, through the ioctls of V4L2. */
import { cameraRow } from "@litmap/litmus";
import { data, result } from "../program.js";
import { UnsupportedHere } from "../call.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import type { DataOffset, Operand } from "../program.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};
const { v4l2Memory, v4l2Capture, v4l2Format } = uapi;

/** v4l2_buffer, as far as it is written and read: offsets of its fields, bytes. */
const bufferLayout = (call: Pick<Call, "pointer">) =>
  call.pointer === 8
    ? { bytes: 88, index: 0, type: 4, memory: 60, m: 64, length: 72 }
    : { bytes: 80, index: 0, type: 4, memory: 60, m: 64, length: 68 };

/** A v4l2_buffer for a call. */
function bufferStruct(
  call: Call,
  fields: { readonly index?: Operand; readonly memory: number; readonly m?: Operand; readonly length?: Operand },
): DataOffset {
  const at = bufferLayout(call);
  return call.struct(at.bytes, [
    [at.type, 4, v4l2Capture],
    [at.memory, 4, fields.memory],
    [at.index, 4, fields.index ?? 0],
    ...(fields.m === undefined
      ? []
      : ([[at.m, fields.memory === v4l2Memory.userptr ? call.pointer : 4, fields.m]] as const)),
    ...(fields.length === undefined ? [] : ([[at.length, 4, fields.length]] as const)),
  ]);
}

/** The queue's format: a v4l2_format that VIDIOC_G_FMT has filled. */
function getFormat(call: Call<"image_size"> | Call<"qbuf">): DataOffset {
  const format = call.struct(uapi.v4l2FormatBytes(call.pointer), [[0, 4, v4l2Capture]]);
  call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).getFormat, data(format));
  return format;
}

/** Bytes of an image: sizeimage of the queue's format. */
function sizeimage(call: Call<"image_size"> | Call<"qbuf">): Operand {
  return result(call.load(data(getFormat(call), v4l2Format.pix(call.pointer) + v4l2Format.sizeimage), 4));
}

export const v4l2 = {
  v4l2_open: (call) => {
    const { path: node, modelOnly } = cameraRow(call.word("device"));
    if (modelOnly !== undefined) throw new UnsupportedHere(modelOnly);
    const path = `/dev/${node}`;
    const fd = call.open(call.builder.string(path), uapi.open.rw, `this machine has no ${path}`);
    const pix = v4l2Format.pix(call.pointer);
    const format = call.struct(uapi.v4l2FormatBytes(call.pointer), [
      [0, 4, v4l2Capture],
      [pix, 4, v4l2Format.smallWidth],
      [pix + 4, 4, v4l2Format.smallHeight],
      [pix + 8, 4, v4l2Format.grey],
    ]);
    // Refused while another open file has buffers; that one has set the same format before.
    call.softSys([fd], "ioctl", result(fd), uapi.v4l2Requests(call.pointer).setFormat, data(format));
    const text = call.struct(8, [
      [0, 4, uapi.vividText.control],
      [4, 4, uapi.vividText.none],
    ]);
    call.softSys([fd], "ioctl", result(fd), uapi.v4l2Requests(call.pointer).setControl, data(text));
    return { value: fd };
  },
  reqbufs: (call) => {
    const request = call.struct(20, [
      [0, 4, call.number("count")],
      [4, 4, v4l2Capture],
      [8, 4, v4l2Memory[call.word("memory")]],
    ]);
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).reqbufs, data(request));
    return { value: call.load(data(request), 4) };
  },
  querybuf: (call) => {
    const buffer = bufferStruct(call, { index: call.number("index"), memory: v4l2Memory.mmap });
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).querybuf, data(buffer));
    return { value: call.load(data(buffer, bufferLayout(call).m), 4) };
  },
  image_size: (call) => {
    const bytes = sizeimage(call);
    const plus = call.calc(bytes, 0xffff_ffffn, 0, call.kernel.pageSize - 1);
    return { value: call.calc(result(plus), BigInt.asUintN(64, -BigInt(call.kernel.pageSize)), 0) };
  },
  expbuf: (call) => {
    const request = call.struct(64, [
      [0, 4, v4l2Capture],
      [4, 4, call.number("index")],
      [12, 4, uapi.open[call.word("mode")]],
    ]);
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).expbuf, data(request));
    return { value: call.load(data(request, 16), 4) };
  },
  qbuf: (call) => {
    const memory = call.given("address") ? v4l2Memory.userptr : call.given("buf") ? v4l2Memory.dmabuf : v4l2Memory.mmap;
    const m = call.given("address") ? call.number("address") : call.given("buf") ? call.number("buf") : undefined;
    const length = call.given("length")
      ? call.number("length")
      : memory === v4l2Memory.userptr
        ? sizeimage(call)
        : undefined;
    const buffer = bufferStruct(call, { index: call.number("index"), memory, m, length });
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).qbuf, data(buffer));
    return done;
  },
  dqbuf: (call) => {
    // The memory type is not looked at.
    const buffer = bufferStruct(call, { memory: v4l2Memory.mmap });
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).dqbuf, data(buffer));
    return { value: call.load(data(buffer), 4) };
  },
  streamon: (call) => (
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).streamon, data(captureType(call))), done
  ),
  streamoff: (call) => (
    call.sys("ioctl", call.number("queue"), uapi.v4l2Requests(call.pointer).streamoff, data(captureType(call))), done
  ),
} satisfies CompilerTable<
  "v4l2_open" | "reqbufs" | "querybuf" | "image_size" | "expbuf" | "qbuf" | "dqbuf" | "streamon" | "streamoff"
>;

function captureType(call: Pick<Call, "struct">): DataOffset {
  return call.struct(4, [[0, 4, v4l2Capture]]);
}
