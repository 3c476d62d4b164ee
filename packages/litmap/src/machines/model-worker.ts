/** The thread's half of {@link ModelThread}: answers one test after the other. */
import { parentPort } from "node:worker_threads";
import { ModelMachine } from "./model.js";
import type { Question, Reply } from "./model-thread.js";

const port = parentPort!;

port.on("message", ({ id, test, options, limits }: Question) => {
  const model = new ModelMachine(options, {
    ...limits,
    onProgress: (executions) => port.postMessage({ id, executions } satisfies Reply),
  });
  port.postMessage({ id, answer: model.answer(test) } satisfies Reply);
});
