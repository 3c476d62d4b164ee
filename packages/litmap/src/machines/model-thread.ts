/**
 * The model in a thread of its own, so that however long a test takes signals are heard and kernels are served. A test
 * that takes the thread with it, or never ends, costs itself an answer only.
 */
import { Worker } from "node:worker_threads";
import type { Machine, Test } from "@litmap/litmus";
import { endingOf } from "@litmap/model";
import type { KernelOptions } from "@litmap/model";
import type { Answer, TestMachine } from "./machine.js";
import { ModelMachine } from "./model.js";
import type { SearchLimits } from "./model.js";

export interface Question {
  readonly id: number;
  readonly test: Test;
  readonly options: KernelOptions;
  readonly limits: Omit<SearchLimits, "onProgress">;
}

export type Reply =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly executions: number };

/** A question under way, and whom to tell. */
interface Asked {
  readonly question: Question;
  readonly onProgress: ((executions: number) => void) | undefined;
  readonly answered: (answer: Answer) => void;
}

/** Milliseconds that a test may take beyond the limit of its search: no answer then, and a new thread. */
const PATIENCE_MS = 120_000;

/** One thread for all models of a run: there are fewer processors than kernels. */
class Thread {
  private worker: Worker | undefined;
  private readonly queue: Asked[] = [];
  private watch: NodeJS.Timeout | undefined;
  private ids = 0;

  ask(test: Test, options: KernelOptions, { onProgress, ...limits }: SearchLimits): Promise<Answer> {
    return new Promise((answered) => {
      const question = { id: ++this.ids, test, options, limits };
      this.queue.push({ question, onProgress, answered });
      if (this.worker === undefined) this.start();
      else this.worker.postMessage(question);
      if (this.queue.length === 1) this.begin();
    });
  }

  private start(): void {
    const worker = new Worker(new URL("./model-worker.js", import.meta.url));
    this.worker = worker;
    worker.on("message", (reply: Reply) => this.hear(reply));
    worker.on("error", (error) => this.lose(worker, { ...endingOf(error), values: {}, ms: 0 }));
    worker.unref();
    for (const { question } of this.queue) worker.postMessage(question);
  }

  /** The first of the queue is being answered. */
  private begin(): void {
    clearTimeout(this.watch);
    const [first] = this.queue;
    // An idle thread keeps nobody from ending.
    if (first === undefined) return this.worker?.unref();
    this.worker?.ref();
    const ms = first.question.limits.ms + PATIENCE_MS;
    this.watch = setTimeout(() => {
      const { worker } = this;
      void worker?.terminate();
      this.lose(worker, { status: "incomplete", reason: `no answer within ${ms / 1000} s`, values: {}, ms });
    }, ms);
  }

  private hear(reply: Reply): void {
    const [first] = this.queue;
    if (first?.question.id !== reply.id) return;
    if ("executions" in reply) return first.onProgress?.(reply.executions);
    this.queue.shift();
    this.begin();
    first.answered(reply.answer);
  }

  /** The thread is gone, with the test that it was at. The others get a new one. */
  private lose(worker: Worker | undefined, outcome: Answer["outcome"]): void {
    if (worker !== this.worker) return;
    this.worker = undefined;
    const first = this.queue.shift();
    if (this.queue.length > 0) this.start();
    this.begin();
    first?.answered({ outcome, decided: new Map() });
  }
}

const thread = new Thread();

export class ModelThread implements TestMachine {
  readonly machine: Machine & { readonly kind: "model" };
  readonly aside = "";

  constructor(
    private readonly options: KernelOptions,
    private readonly limits: SearchLimits,
  ) {
    this.machine = new ModelMachine(options, limits).machine;
  }

  /** `onProgress` is told how many executions of a long search have run. */
  run(test: Test, onProgress?: (executions: number) => void): Promise<Answer> {
    return thread.ask(test, this.options, { ...this.limits, onProgress });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
