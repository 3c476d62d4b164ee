import { expect, test } from "vitest";
import { stablePath } from "../src/operations/observers.js";

const vm = { kind: "vm", disk: "/dev/ram0" } as const;

test.each([
  ["/dev/ram0", "/dev/DISK"],
  ["pipe:[1234]", "pipe:[N]"],
  ["/tmp/#57 (deleted)", "/tmp/#N (deleted)"],
  ["/memfd:litmap (deleted)", "/memfd:litmap (deleted)"],
  ["/dmabuf:x/#57 (deleted)", "/dmabuf:x/#57 (deleted)"],
  ["/dmabuf:/tmp/#57 (deleted)", "/dmabuf:/tmp/#57 (deleted)"],
  ["/dmabuf:a\npipe:[1]", "/dmabuf:a\npipe:[1]"],
])("%j is told as %j", (path, told) => expect(stablePath(vm, path)).toBe(told));

test("where tmpfs is elsewhere", () => {
  expect(stablePath({ kind: "host" }, "/dev/shm/#57 (deleted)")).toBe("/tmp/#N (deleted)");
});
