/**
 * npm and npx hand SIGTERM to the shell between them and a command, which ends without handing it on: the command would
 * go on alone. A thread looks for that, because this one may be busy.
 */
import { Worker } from "node:worker_threads";

const POLL_MS = 200;

/** Has this process end by SIGTERM when the shell that npm started it in is gone. */
export function endWithNpm(): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const watch =
    `const parent = ${process.ppid};` +
    `setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGTERM"); }, ${POLL_MS});`;
  new Worker(watch, { eval: true }).unref();
}
