import type { CompilerTable } from "../call.js";

const absent = { unsupported: "is not compiled for kernels yet" } as const;

export const v4l2 = {
  v4l2_open: absent,
  reqbufs: absent,
  querybuf: absent,
  image_size: absent,
  expbuf: absent,
  qbuf: absent,
  dqbuf: absent,
  streamon: absent,
  streamoff: absent,
} satisfies CompilerTable<"v4l2_open" | "reqbufs" | "querybuf" | "image_size" | "expbuf" | "qbuf" | "dqbuf" | "streamon" | "streamoff">;
