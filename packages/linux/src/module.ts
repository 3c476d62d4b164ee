/**
 * Calls of the test module (`module/litmap.h` has the same numbers): what drivers and the kernel
 * itself do, through /dev/litmap. Each driver of a test is a process that holds it open.
 */
import { deviceRow, isaOf, operation, slotBase } from "@litmap/litmus";
import type { Argument } from "@litmap/litmus";
import type { Operand, Ref } from "./program.js";
import { data, imm, pid, result } from "./program.js";
import type { Call, Compiled } from "./call.js";
import { UnsupportedHere } from "./call.js";

/** Under /dev. */
export const moduleDevice = "litmap";

/** Why a kernel cannot be asked what needs it. */
export const noModule = "needs litmap's test module, which this kernel does not have (litmap kernel module)";

export const opcodes = [
  "attach",
  "detach",
  "map_attachment",
  "unmap_attachment",
  "pin",
  "unpin",
  "dma_read",
  "dma_write",
  "begin_cpu_access",
  "end_cpu_access",
  "vmap",
  "vunmap",
  "load",
  "store",
  "take_pages",
  "put_pages",
  "follow_pfn",
  "notifier_register",
  "notifier_count",
  "revoke",
  "gem_create",
  "gem_get_sg_table",
  "gem_madvise",
  "gem_vmap",
  "gem_vunmap",
  "gem_shrink",
  "chardev",
  "export",
  "reg_mr",
  "dereg_mr",
  "mr_read",
  "mr_write",
  "mr_sync",
  "reg_memfd",
  "cache_mode",
] as const;
type Opcode = (typeof opcodes)[number];

const structBytes = 56;
const valueOffset = 48;
const request = 0xc0384c4d;

export const gupFlags = { write: 1, force: 2, longterm: 4, fast: 8, pin: 16, p2pdma: 32 } as const;
export const primitives = [
  "vm_insert_page",
  "vm_map_pages",
  "remap_pfn_range",
  "vmf_insert_pfn",
  "vmf_insert_mixed",
  "fault_insert_page",
  "fault_page",
  "remap_io_mapping",
] as const;
/**
 * What keeps the pages of a region; bare frame numbers are left out: through them memory that was freed would be
 * written.
 */
export const holds: Readonly<Record<string, number>> = { pin: 0, get: 1, notifier: 2 };
export const regionAccess = { read: 1, write: 2 } as const;
export const memories = ["ram", "block", "compound", "cma", "iomem"] as const;
export const mappingFlags = { io: 1, pfnmap: 2, mixedmap: 4, dontexpand: 8, dontdump: 16, dontcopy: 32 } as const;
export const directions = { bidirectional: 0, to_device: 1, from_device: 2 } as const;

/** Why the module has not made a call, by the errno that it gives then; no function of the kernel gives it. */
const notMade = {
  ESTALE: "would use memory that may have been freed: the driver has detached with a table mapped",
  EPROTONOSUPPORT:
    "against the direction of the mapping, behind an IOMMU, can be asked of the model only: the device of the test " +
    "module has no engine that an IOMMU could stop",
} as const;

interface Wanted {
  /** What this kernel or machine has not got where the module gives EOPNOTSUPP. */
  readonly lacking?: string;
  /** Default: the driver's own. */
  readonly device?: Ref;
  readonly handle?: Operand;
  readonly args?: readonly (Operand | number)[];
  /** It gives a value; `unstable` when that differs from run to run. */
  readonly gives?: "value" | "unstable";
}

/** One call of the module. Without a value it gives 0. */
export function callModule(
  call: Call,
  opcode: Opcode,
  { lacking, device = call.scene.moduleOf(call.step.actor), handle = imm(0), args = [], gives }: Wanted,
): Compiled {
  const at = call.struct(structBytes, [
    [0, 4, opcodes.indexOf(opcode)],
    [4, 4, handle],
    ...args.map((arg, i) => [8 + i * 8, 8, arg] as const),
  ]);
  const called = call.sys("ioctl", result(device), request, data(at));
  call.lacks(called, ["EOPNOTSUPP"], lacking ?? `this kernel is built without what ${call.step.op}() needs`);
  for (const [errno, reason] of Object.entries(notMade))
    call.lacks(called, [errno as keyof typeof notMade], `${call.step.op}() ${reason}`);
  if (gives === undefined) return {};
  return { value: call.emit({ op: "load", imm: 8, args: [data(at, valueOffset)], volatile: gives === "unstable" }) };
}

/** A descriptor of another process as one of the driver's own, until `use` is done with it. */
export function withDescriptor(call: Call, param: string, use: (fd: Operand) => Compiled): Compiled {
  const argument = call.argument(param);
  const owner = ownerOf(call, argument);
  if (owner === undefined || owner === call.actor) return use(call.operand(argument));
  const process = call.sysVolatile("pidfd_open", pid(owner), 0);
  const fd = call.sysVolatile("pidfd_getfd", result(process), call.operand(argument), 0);
  const compiled = use(result(fd));
  call.softSys([fd], "close", result(fd));
  call.softSys([process], "close", result(process));
  return compiled;
}

/** The process whose memory an address is of. */
export function processOf(call: Call, param: string): Operand {
  return pid(ownerOf(call, call.argument(param)) ?? 0);
}

/** Whether a descriptor is one of the calling driver's own. */
export function isOwnDescriptor(call: Call, param: string): boolean {
  return ownerOf(call, call.argument(param)) === call.actor;
}

/** Where the mappings of tests begin; below is the executor's own memory. */
export function testsMemory(call: Call): number {
  return slotBase[isaOf(call.kernel.arch)];
}

/** Whether an argument names a handle of this kind, not a descriptor. */
export function isHandle(call: Call, param: string, of: string): boolean {
  const argument = call.argument(param);
  const op = argument.kind === "ref" ? call.scene.bound(argument.name)?.op : undefined;
  const made = op === undefined ? undefined : operation(op).result;
  return made?.kind === "handle" && made.of === of;
}

function ownerOf(call: Call, argument: Argument): number | undefined {
  if (argument.kind === "ref") return call.scene.ownerNumber(argument.name);
  if (argument.kind === "sum") return ownerOf(call, argument.left) ?? ownerOf(call, argument.right);
  return undefined;
}

/**
 * The number of the device that the calling driver acts for. @throws UnsupportedHere where a kernel in a virtual
 * machine has none such.
 */
export function deviceOf(call: Call): number {
  const { device } = call.scene.actorOf(call.step.actor);
  const number = device === undefined ? undefined : deviceRow(device)?.module;
  if (number === undefined)
    throw new UnsupportedHere(
      `a driver on '${device}' can be asked of the model only: no virtual machine has such a device`,
    );
  return number;
}

/** What only the model can be asked. */
export function modelOnly(reason: string): (call: Call) => never {
  return (call) => {
    throw new UnsupportedHere(`${call.step.op}() ${reason}`);
  };
}
