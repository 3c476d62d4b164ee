/** What drivers and the kernel itself do, through the test module. */
import { memoryRow, shrinkerRow } from "@litmap/litmus";
import type { OperationName } from "@litmap/litmus";
import {
  callModule,
  deviceOf,
  directions,
  gupFlags,
  holds,
  isHandle,
  isOwnDescriptor,
  mappingFlags,
  memories,
  modelOnly,
  moduleDevice,
  primitives,
  processOf,
  regionAccess,
  testsMemory,
  withDescriptor,
} from "../module.js";
import * as uapi from "../uapi.js";
import type { Call, Compiled, OperationCompiler } from "../call.js";

type Gup = Call<"get_user_pages"> | Call<"pin_user_pages">;

function takePages(call: Gup, how: number): Compiled {
  const flags = how | uapi.bitsOf(gupFlags, (call as Call<"pin_user_pages">).words("flags"));
  return callModule(call, "take_pages", {
    args: [processOf(call, "address"), call.number("address"), call.number("length"), flags],
    gives: "value",
  });
}

/** Whether a device's memory is a single page. */
function fitsAPage(call: Call<"chardev">): boolean {
  const size = call.number("size");
  return size.kind === "imm" && size.value <= BigInt(call.kernel.pageSize);
}

/** By operation; what is missing is the model's alone. */
export const moduleCompilers: { readonly [K in OperationName]?: OperationCompiler<K> } = {
  attach: (call) => {
    const device = deviceOf(call);
    return withDescriptor(call, "buf", (fd) =>
      callModule(call, "attach", {
        args: [fd, call.word("importer") === "dynamic" ? 1 : 0, device],
        gives: "unstable",
      }),
    );
  },
  detach: (call) => callModule(call, "detach", { handle: call.number("attachment") }),
  map_attachment: (call) =>
    callModule(call, "map_attachment", {
      handle: call.number("attachment"),
      args: [directions[call.word("direction")]],
      gives: "unstable",
    }),
  unmap_attachment: (call) => callModule(call, "unmap_attachment", { handle: call.number("sgt") }),
  pin: (call) => callModule(call, "pin", { handle: call.number("attachment") }),
  unpin: (call) => callModule(call, "unpin", { handle: call.number("attachment") }),
  reg_mr: (call) => {
    // Only its coherence matters, and only some devices exist.
    deviceOf(call);
    const hold = holds[call.word("hold")];
    if (hold === undefined)
      return modelOnly(
        "with bare frame numbers can be asked of the model only: memory that was freed would be written",
      )(call);
    const args = [
      processOf(call, "address"),
      call.number("address"),
      call.number("length"),
      uapi.bitsOf(regionAccess, call.words("access")),
      hold,
    ];
    const lacking = "this kernel is built without CONFIG_HMM_MIRROR, which a region by notifier needs";
    return callModule(call, "reg_mr", { args, gives: "unstable", lacking });
  },
  reg_memfd: (call) => {
    deviceOf(call);
    return withDescriptor(call, "memfd", (fd) =>
      callModule(call, "reg_memfd", {
        args: [fd, call.number("offset"), call.number("length"), uapi.bitsOf(regionAccess, call.words("access"))],
        gives: "unstable",
      }),
    );
  },
  dereg_mr: (call) => callModule(call, "dereg_mr", { handle: call.number("mr") }),
  dma_sync: (call) => {
    if (!isHandle(call, "sgt", "region"))
      return modelOnly("of a buffer can be asked of the model only: DMA_BUF_IOCTL_SYNC is what processes have")(call);
    return callModule(call, "mr_sync", { handle: call.number("sgt") });
  },
  dma_read: (call) =>
    callModule(call, isHandle(call, "sgt", "region") ? "mr_read" : "dma_read", {
      handle: call.number("sgt"),
      args: [call.number("offset")],
      gives: "value",
    }),
  dma_write: (call) =>
    callModule(call, isHandle(call, "sgt", "region") ? "mr_write" : "dma_write", {
      handle: call.number("sgt"),
      args: [call.number("offset"), call.number("value")],
    }),
  begin_cpu_access: (call) =>
    withDescriptor(call, "buf", (fd) =>
      callModule(call, "begin_cpu_access", { args: [fd, directions[call.word("direction")]] }),
    ),
  end_cpu_access: (call) =>
    withDescriptor(call, "buf", (fd) =>
      callModule(call, "end_cpu_access", { args: [fd, directions[call.word("direction")]] }),
    ),
  vmap: (call) => {
    if (isHandle(call, "buf", "gem"))
      return callModule(call, "gem_vmap", { handle: call.number("buf"), gives: "unstable" });
    return withDescriptor(call, "buf", (fd) => callModule(call, "vmap", { args: [fd], gives: "unstable" }));
  },
  vunmap: (call) => {
    if (isHandle(call, "buf", "gem")) return callModule(call, "gem_vunmap", { handle: call.number("buf") });
    return withDescriptor(call, "buf", (fd) => callModule(call, "vunmap", { args: [fd] }));
  },
  load: (call) => callModule(call, "load", { args: [call.number("address"), call.constant("width")], gives: "value" }),
  store: (call) =>
    callModule(call, "store", { args: [call.number("address"), call.constant("width"), call.number("value")] }),
  get_user_pages: (call) => takePages(call, 0),
  pin_user_pages: (call) => takePages(call, gupFlags.pin),
  put_user_pages: (call) =>
    callModule(call, "put_pages", { args: [processOf(call, "address"), call.number("address")], gives: "value" }),
  follow_pfn: (call) =>
    callModule(call, "follow_pfn", { args: [processOf(call, "address"), call.number("address")], gives: "value" }),
  notifier_register: (call) =>
    callModule(call, "notifier_register", {
      args: [processOf(call, "address"), testsMemory(call)],
      gives: "unstable",
    }),
  notifier_count: (call) => callModule(call, "notifier_count", { handle: call.number("notifier"), gives: "value" }),
  gem_create: (call) => {
    const { device } = call.scene.actorOf(call.step.actor);
    const plain =
      call.word("place") === "system" && call.word("caching") === "cached" && device !== "ttm" && device !== "panthor";
    if (!plain)
      return modelOnly(
        "of TTM, of panthor, or of memory that is not cached can be asked of the model only: the test module has " +
          "cached objects of the shmem helper",
      )(call);
    return callModule(call, "gem_create", { args: [call.number("size")], gives: "unstable" });
  },
  gem_get_sg_table: (call) => callModule(call, "gem_get_sg_table", { handle: call.number("bo") }),
  gem_madvise: (call) =>
    callModule(call, "gem_madvise", {
      handle: call.number("bo"),
      args: [call.word("advice") === "dontneed" ? 1 : 0],
      gives: "value",
    }),
  shrink: (call) => {
    const { modelOnly: reason } = shrinkerRow(call.word("what"));
    if (reason !== undefined) return modelOnly(reason)(call);
    return callModule(call, "gem_shrink", { gives: "value" });
  },
  chardev: (call) => {
    if (call.word("primitive") === "fault_page" && call.word("memory") === "block" && !fitsAPage(call))
      return modelOnly(
        "of a block whose pages the fault handler gives out can be asked of the model only: unmapping frees a page " +
          "that the driver still has",
      )(call);
    const args = [
      call.number("size"),
      primitives.indexOf(call.word("primitive")),
      memories.indexOf(call.word("memory")),
      uapi.bitsOf(mappingFlags, call.words("flags")),
    ];
    const device = call.open(call.builder.string(`/dev/${moduleDevice}`), uapi.open.rw);
    const lacking = "this machine has no contiguous memory area";
    callModule(call, "chardev", { device, args, lacking });
    return { value: device };
  },
  dma_buf_export: (call) => {
    const { module, modelOnly: reason = "can be asked of the model only" } = memoryRow(call.word("memory"));
    if (module === undefined) return modelOnly(reason)(call);
    return callModule(call, "export", { args: [module, call.number("size"), deviceOf(call)], gives: "value" });
  },
  // Under the number of another's descriptor the driver may have something else: it has no such descriptor.
  dma_buf_put: (call) => (call.sys("close", isOwnDescriptor(call, "buf") ? call.number("buf") : -1), {}),
  migrate: modelOnly("is of the model only: migrate_pages() is not exported, and no call of user space moves one page"),
  compact: modelOnly(
    "is of the model only: compact_memory says nothing of what it moved, which depends on where free memory is",
  ),
  oom_reap: modelOnly(
    "is of the model only: __oom_reap_task_mm() is not exported, and process_mrelease() only takes a process " +
      "that has " +
      "been killed, which cannot look afterwards",
  ),
  revoke: (call) => {
    if (isHandle(call, "buf", "gem")) return modelOnly("of a GEM object that no process can map")(call);
    return withDescriptor(call, "buf", (fd) => callModule(call, "revoke", { args: [fd] }));
  },
};
