/** Machines for tests: made under stand-ins, stopped after each test. */
import { afterEach, expect } from "vitest";
import type { Fault, RunOutcome, Started, Target, VmOptions } from "../src/index.js";
import { Machine, VmTarget } from "../src/index.js";
import { fakeVm } from "./stand-ins.js";

const machines: Machine[] = [];
export const notes: string[] = [];

export function machineOn(target: Target): Machine {
  const machine = new Machine(target, { onNote: (line) => notes.push(line) });
  machines.push(machine);
  return machine;
}

export async function fakeMachine(options: Partial<VmOptions> = {}): Promise<Machine> {
  return machineOn(new VmTarget(await fakeVm(options)));
}

afterEach(async () => {
  await Promise.all(machines.splice(0).map((machine) => machine.stop()));
  notes.length = 0;
});

export async function started(machine: Machine): Promise<Started> {
  const result = await machine.start();
  if (!result.ok) throw result.fault;
  return result.value;
}

export async function faultOfStart(machine: Machine): Promise<Fault> {
  const result = await machine.start();
  if (result.ok) throw new Error("it should not have started");
  return result.fault;
}

export const run = (machine: Machine, word: string, timeoutMs = 2500): Promise<RunOutcome> =>
  machine.run(Buffer.from(word), { timeoutMs });

/** After anything at all, the next Program is answered. */
export async function expectAlive(machine: Machine): Promise<void> {
  const outcome = await run(machine, "hello");
  expect(outcome.kind === "result" && Buffer.from(outcome.payload).toString()).toBe("hello");
}
