/**
 * Batches for training and evaluation, decoded and augmented on worker threads ahead of the step that uses them.
 *
 * What a batch holds is a pure function of data set, plan, epoch and number: not of how many workers there are or which is faster. So a training can go on in
 * the middle of an epoch by asking for the batches from there.
 */

import { Worker } from "node:worker_threads";
import { VitrineError } from "../errors.ts";
import { workerEntry } from "../workers/worker-entry-node.ts";
import type { Dataset } from "./datasets/dataset.ts";
import {
  type BadFile,
  type Batch,
  type BatchPlan,
  batchesPerEpoch,
  epochOrder,
  imagesPerEpoch,
  makeBatch,
} from "./loader-batch.ts";
import type { ImageStore, ImageStoreOptions } from "./loader-store.ts";
import { makeImageStore, openImageStore } from "./loader-store-node.ts";
import type { LoaderReply, LoaderRequest, LoaderWorkerData } from "./loader-worker-node.ts";

/** How batches are made. */
export interface LoaderOptions {
  /** Worker threads; default 2. With 0, batches are made on the calling thread when they are asked for. */
  readonly workers?: number;
  /** Batches made ahead; default two for each worker. */
  readonly ahead?: number;
  /** Keeps decoded images for later epochs; the batches are the same. Of no effect where images need no decoding. */
  readonly store?: ImageStoreOptions | undefined;
  /** Stops at the first file that cannot be read, instead of reporting it and going on. */
  readonly strict?: boolean;
}

/** A source of batches, epoch after epoch. */
export interface Loader {
  /** Batches in each epoch. */
  readonly batchesPerEpoch: number;
  /** Every file that could not be read so far, once each. */
  readonly badFiles: readonly BadFile[];
  /**
   * The batches of an epoch in order, beginning with number `from`. One epoch at a time.
   * @throws {VitrineError} DATA_PROBLEM for a bad file where the loader is strict, or when no readable image is left; RUNTIME_FAILURE when a worker dies.
   */
  epoch(epoch: number, from?: number): AsyncGenerator<Batch, void, undefined>;
  /** Ends the worker threads. */
  close(): Promise<void>;
}

/**
 * A loader of a data set.
 * Its threads start with the first batch.
 * @throws {VitrineError} INVALID_ARGUMENT for a batch size below 1, mixing without `soften`, or a data set smaller than one batch with `dropLast`.
 */
export function openLoader(dataset: Dataset, plan: BatchPlan, options: LoaderOptions = {}): Loader {
  const total = batchesPerEpoch(dataset.length, plan);
  const refuse = (rule: string, evidence: string): VitrineError =>
    new VitrineError("INVALID_ARGUMENT", { rule, evidence });
  if (!Number.isInteger(plan.batchSize) || plan.batchSize < 1)
    throw refuse("batch size must be a positive integer", `got ${plan.batchSize}`);
  if (plan.mix && plan.soften === undefined) throw refuse("mixing needs targets", "soften is not set");
  if (total === 0)
    throw refuse(
      "an epoch must have a batch",
      `${imagesPerEpoch(dataset.length, plan)} images, batch size ${plan.batchSize}`,
    );
  const workers = options.workers ?? 2;
  const makers = workers === 0 ? inline(dataset, plan, options.store) : threads(dataset, plan, workers, options.store);
  const badFiles: BadFile[] = [];
  const reported = new Set<number>();

  async function* epoch(number: number, from = 0): AsyncGenerator<Batch, void, undefined> {
    const order = epochOrder(dataset.length, plan, number, (i) => dataset.labelOf(i));
    const ahead = workers === 0 ? 1 : (options.ahead ?? 2 * workers);
    const pending: Promise<Batch>[] = [];
    let next = from;
    try {
      for (let current = from; current < total; current++) {
        while (next < total && pending.length < ahead) {
          const indices = order.slice(next * plan.batchSize, (next + 1) * plan.batchSize);
          const batch = makers.make({ epoch: number, number: next++, indices });
          // A rejection is thrown where the batch's turn comes, even if that is much later.
          batch.catch(() => {});
          pending.push(batch);
        }
        const batch = await pending.shift()!;
        for (const bad of batch.bad) {
          if (options.strict)
            throw new VitrineError("DATA_PROBLEM", {
              rule: "every image must be readable under strict",
              evidence: bad.reason,
              next: "repair or remove the file, or train without strict to skip it",
            });
          if (!reported.has(bad.index)) badFiles.push(bad);
          reported.add(bad.index);
        }
        if (batch.labels.length > 0) yield batch;
      }
    } finally {
      await Promise.allSettled(pending);
    }
  }

  return { batchesPerEpoch: total, badFiles, epoch, close: makers.close };
}

interface Makers {
  make(request: LoaderRequest): Promise<Batch>;
  close(): Promise<void>;
}

function inline(dataset: Dataset, plan: BatchPlan, kept: ImageStoreOptions | undefined): Makers {
  let opened: Promise<ImageStore | undefined> | undefined;
  const open = async (): Promise<ImageStore | undefined> => {
    const source = kept && (await makeImageStore(dataset, plan, kept));
    return source && openImageStore(source);
  };
  return {
    async make({ epoch, number, indices }) {
      opened ??= open();
      return makeBatch(dataset, plan, epoch, number, indices, await opened);
    },
    close: async () => {},
  };
}

interface Job {
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread and the jobs it has not answered yet, by batch number. */
interface Thread {
  readonly worker: Worker;
  readonly jobs: Map<string, Job>;
}

function threads(dataset: Dataset, plan: BatchPlan, count: number, kept: ImageStoreOptions | undefined): Makers {
  let closed = false;
  let failure: VitrineError | undefined;
  let pool: Promise<readonly Thread[]> | undefined;

  async function start(): Promise<readonly Thread[]> {
    const entry = await workerEntry("loader", new URL("./loader-worker-node.ts", import.meta.url));
    const store = kept && (await makeImageStore(dataset, plan, kept));
    const workerData: LoaderWorkerData = { source: dataset.source, plan, store };
    return Array.from({ length: closed ? 0 : count }, () => startThread(entry, workerData));
  }

  function startThread(entry: URL, workerData: LoaderWorkerData): Thread {
    const worker = new Worker(entry, { workerData });
    // A process whose own work is done need not wait for idle workers.
    worker.unref();
    const jobs = new Map<string, Job>();
    const fail = (evidence: string, cause?: unknown): void => {
      failure ??= new VitrineError("RUNTIME_FAILURE", { rule: "a loader thread must not end", evidence, cause });
      for (const job of jobs.values()) job.reject(failure);
      jobs.clear();
      worker.unref();
    };
    worker.on("message", (reply: LoaderReply) => {
      const id = `${reply.epoch}/${"batch" in reply ? reply.batch.number : reply.number}`;
      const job = jobs.get(id);
      jobs.delete(id);
      if (jobs.size === 0) worker.unref();
      if ("batch" in reply) job?.resolve(reply.batch);
      else job?.reject(new VitrineError(reply.code, reply.fields));
    });
    worker.on("error", (error) => fail(error.message, error));
    worker.on("exit", (code) => {
      if (jobs.size > 0 || !closed) fail(`it ended with code ${code}`);
    });
    return { worker, jobs };
  }

  return {
    async make(request) {
      pool ??= start();
      const running = await pool;
      if (failure || closed)
        throw failure ?? new VitrineError("RUNTIME_FAILURE", { rule: "a closed loader makes no batches" });
      const { worker, jobs } = running.reduce((least, thread) => (thread.jobs.size < least.jobs.size ? thread : least));
      return new Promise((resolve, reject) => {
        jobs.set(`${request.epoch}/${request.number}`, { resolve, reject });
        worker.ref();
        worker.postMessage(request);
      });
    },
    async close() {
      closed = true;
      const running = await pool?.catch(() => []);
      await Promise.all((running ?? []).map(({ worker }) => worker.terminate()));
    },
  };
}
