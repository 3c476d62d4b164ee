import type { HandlerTable, Result } from "./handler.js";
import type { Path } from "../sched/path.js";

const absent = (): string => "the model has no such device yet";
// eslint-disable-next-line require-yield
function* none(): Path<Result> {
  throw new Error(absent());
}

export const ringsHandlers: HandlerTable<"packet_ring" | "io_uring_ring" | "pci_bar"> = {
  run: {
    packet_ring: none,
    io_uring_ring: none,
    pci_bar: none,
  },
  unsupported: {
    packet_ring: absent,
    io_uring_ring: absent,
    pci_bar: absent,
  },
};
