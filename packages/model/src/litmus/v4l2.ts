import type { HandlerTable, Result } from "./handler.js";
import type { Path } from "../sched/path.js";

const absent = (): string => "the model has no such device yet";
// eslint-disable-next-line require-yield
function* none(): Path<Result> {
  throw new Error(absent());
}

export const v4l2Handlers: HandlerTable<"v4l2_open" | "reqbufs" | "querybuf" | "image_size" | "expbuf" | "qbuf" | "dqbuf" | "streamon" | "streamoff"> = {
  run: {
    v4l2_open: none,
    reqbufs: none,
    querybuf: none,
    image_size: none,
    expbuf: none,
    qbuf: none,
    dqbuf: none,
    streamon: none,
    streamoff: none,
  },
  unsupported: {
    v4l2_open: absent,
    reqbufs: absent,
    querybuf: absent,
    image_size: absent,
    expbuf: absent,
    qbuf: absent,
    dqbuf: absent,
    streamon: absent,
    streamoff: absent,
  },
};
