/** Tmpfs files, the disk, pipes, and moving bytes between descriptors and memory. */
import { openDisk } from "../fs/disk.js";
import { newPipe } from "../fs/pipe.js";
import { newTmpfsFile } from "../mm/shmem.js";
import { fsync, lseek, readOrWrite } from "../vfs/vfs.js";
import type { HandlerTable } from "./handler.js";

type Name = "open_file" | "open_disk" | "pipe" | "read" | "write" | "pread" | "pwrite" | "lseek" | "fsync";

export const fileHandlers: HandlerTable<Name> = {
  run: {
    *open_file({ k, task }, { size }) {
      const file = yield* newTmpfsFile(k, size);
      return typeof file === "number" ? file : task.files.install(file);
    },
    *open_disk({ k, task }, { mode }) {
      return task.files.install(openDisk(k, mode === "direct"));
    },
    *pipe({ k, task: { files } }) {
      const { readEnd, writeEnd } = newPipe(k);
      const fd = files.install(readEnd);
      files.writeEnds.set(fd, files.install(writeEnd));
      return fd;
    },
    *read({ k, task }, { fd, address, length }) {
      return yield* readOrWrite(k, task, { fd, address, length, offset: undefined, write: false });
    },
    *write({ k, task }, { fd, address, length }) {
      return yield* readOrWrite(k, task, {
        fd: task.files.writeEnds.get(fd) ?? fd,
        address,
        length,
        offset: undefined,
        write: true,
      });
    },
    *pread({ k, task }, { fd, address, length, offset }) {
      return yield* readOrWrite(k, task, { fd, address, length, offset, write: false });
    },
    *pwrite({ k, task }, { fd, address, length, offset }) {
      return yield* readOrWrite(k, task, {
        fd: task.files.writeEnds.get(fd) ?? fd,
        address,
        length,
        offset,
        write: true,
      });
    },
    *lseek({ k, task }, { fd, offset, whence }) {
      return yield* lseek(k, task, fd, offset, whence);
    },
    *fsync({ k, task }, { fd }) {
      return yield* fsync(k, task, fd);
    },
  },
};
