/**
 * frame_vector: a range of user memory as a driver holds it (drivers/media/common/videobuf2/frame_vector.c,
 * videobuf2-memops.c).
 */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { keepWords } from "../dma/bookkeeping.js";
import { FOLL } from "../mm/foll.js";
import { followPfn } from "../mm/follow-pfn.js";
import { pinUserPagesFast } from "../mm/gup-fast.js";
import { unpinUserPages } from "../mm/pin.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const points = definePoints({
  "frame-vector.pages": {
    question: "How does V4L2 hold USERPTR memory?",
    choices: {
      followed: {
        doc: "pinned with FOLL_FORCE; memory that GUP refuses by PFN",
      },
      forced: { doc: "pinned with FOLL_FORCE and FOLL_WRITE in both directions" },
      pinned: { doc: "pinned for writing only if the device writes" },
    },
    mainline: [
      ["4.3", "followed"],
      [
        "6.1",
        "forced",
        "v4l2: don't fall back to follow_pfn() if pin_user_pages_fast() fails",
        { "5.10": "5.10.158", "6.0": "6.0.12" },
      ],
      ["6.2", "pinned", "mm/frame-vector: remove FOLL_FORCE usage"],
    ],
  },
});

const rule = rules({
  "frame-vector/partial": {
    sentence: "If some pages cannot be pinned, the others are unpinned: EFAULT.",
    kernel: "vb2_create_framevec, drivers/media/common/videobuf2/videobuf2-memops.c",
  },
  "frame-vector/pinned": {
    sentence: "The pages are pinned by pin_user_pages_fast with FOLL_LONGTERM; memory that GUP refuses cannot be used.",
    kernel: "get_vaddr_frames, drivers/media/common/videobuf2/frame_vector.c",
  },
  "frame-vector/forced": {
    sentence:
      "The pages are pinned with FOLL_FORCE and FOLL_WRITE in both directions: a VMA with only VM_MAYWRITE is " +
      "accepted.",
    kernel: "get_vaddr_frames, drivers/media/common/videobuf2/frame_vector.c",
  },
  "frame-vector/followed": {
    sentence: "Memory that GUP refuses is resolved by follow_pfn to PFNs without references.",
    kernel: [
      ["5.10", "get_vaddr_frames, mm/frame_vector.c"],
      ["5.18", "get_vaddr_frames, drivers/media/common/videobuf2/frame_vector.c"],
    ],
    unproven: "removed from stable kernels before any recorded one.",
  },
});

export interface FrameVector {
  readonly pfns: readonly number[];
  /** False: bare frame numbers, of which nothing is held. */
  readonly pinned: boolean;
}

/** vb2_create_framevec: every page of a range, or a negative errno. Bytes. */
export function* vb2CreateFramevec(
  k: Kernel,
  task: Task,
  start: number,
  length: number,
  write: boolean,
): Path<FrameVector | number> {
  const first = Math.floor(start / k.pageSize);
  const count = Math.floor((start + length - 1) / k.pageSize) - first + 1;
  keepWords(k, count);
  const vec = yield* getVaddrFrames(k, task, first * k.pageSize, count, write);
  if (typeof vec === "number" || vec.pfns.length === count) return vec;
  vb2DestroyFramevec(k, vec);
  return k.refuse(rule["frame-vector/partial"], errnos.EFAULT, `${vec.pfns.length} of ${count} pages`);
}

/** get_vaddr_frames: as many pages as there are from `start` on, or a negative errno. */
function* getVaddrFrames(
  k: Kernel,
  task: Task,
  start: number,
  count: number,
  write: boolean,
): Path<FrameVector | number> {
  const forced = k.design["frame-vector.pages"] !== "pinned";
  if (forced) k.note(rule["frame-vector/forced"]);
  const flags = FOLL.longterm | (forced ? FOLL.force | FOLL.write : write ? FOLL.write : 0);
  const pfns: number[] = [];
  const got = yield* pinUserPagesFast(k, task, start, count, flags, pfns);
  if (got > 0) {
    k.note(rule["frame-vector/pinned"], `${got} pages`);
    return { pfns, pinned: true };
  }
  if (k.design["frame-vector.pages"] === "followed") return yield* followFrames(k, task, start, count);
  return got === 0 ? -errnos.EFAULT : got;
}

/** The history of get_vaddr_frames: frame numbers out of a raw mapping. */
function* followFrames(k: Kernel, task: Task, start: number, count: number): Path<FrameVector | number> {
  k.note(rule["frame-vector/followed"]);
  const pfns: number[] = [];
  for (let i = 0; i < count; i++) {
    const pfn = yield* followPfn(k, task.mm, start + i * k.pageSize);
    if (pfn < 0) return pfns.length > 0 ? { pfns, pinned: false } : pfn;
    pfns.push(pfn);
  }
  return { pfns, pinned: false };
}

/** vb2_destroy_framevec: gives the pins back. */
export function vb2DestroyFramevec(k: Kernel, vec: FrameVector): void {
  if (vec.pinned) unpinUserPages(k, vec.pfns);
}
