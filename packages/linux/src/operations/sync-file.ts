/** Sync files. */
import { data } from "../program.js";
import type { CompilerTable } from "../call.js";
import * as uapi from "../uapi.js";

const { requests, structBytes } = uapi;

export const syncFile = {
  sync_file_info: (call) => {
    const info = call.struct(structBytes.syncFileInfo, []);
    call.sys("ioctl", call.number("fd"), requests.syncFileInfo, data(info));
    const status = call.load(data(info, 32), 4);
    const fences = call.load(data(info, 40), 4);
    return {
      read: (round) => ({
        status: Number(BigInt.asIntN(32, round.results[status.index].value)),
        fences: Number(round.results[fences.index].value),
      }),
    };
  },
  sync_file_merge: (call) => {
    const request = call.struct(structBytes.syncMergeData, [[32, 4, call.number("b")]]);
    call.sys("ioctl", call.number("a"), requests.syncMerge, data(request));
    return { value: call.load(data(request, 36), 4) };
  },
} satisfies CompilerTable<"sync_file_info" | "sync_file_merge">;
