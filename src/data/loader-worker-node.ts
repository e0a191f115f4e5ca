/** The thread that makes batches: opens the data set once, then answers each request by one batch. */

import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, type ErrorFields, VitrineError } from "../errors.ts";
import type { DatasetSource } from "./datasets/dataset.ts";
import { reopenDataset } from "./datasets/reopen-node.ts";
import { type Batch, type BatchPlan, makeBatch } from "./loader-batch.ts";
import { type ImageStoreSource, openImageStore } from "./loader-store-node.ts";

/** What a worker starts with. */
export interface LoaderWorkerData {
  readonly source: DatasetSource;
  readonly plan: BatchPlan;
  readonly store: ImageStoreSource | undefined;
}

/** A batch to make. */
export interface LoaderRequest {
  readonly epoch: number;
  readonly number: number;
  readonly indices: Uint32Array;
}

/** Errors cross threads as plain data, so that their code and fields survive. */
export type LoaderReply =
  | { readonly epoch: number; readonly batch: Batch }
  | { readonly epoch: number; readonly number: number; readonly code: ErrorCode; readonly fields: ErrorFields };

const { source, plan, store: storeSource } = workerData as LoaderWorkerData;
const dataset = reopenDataset(source);
const store = storeSource && openImageStore(storeSource);
const port = parentPort!;

port.on("message", ({ epoch, number, indices }: LoaderRequest) => {
  makeBatch(dataset, plan, epoch, number, indices, store).then(
    (batch) => {
      const transfer = [
        batch.images.buffer as ArrayBuffer,
        ...(batch.targets ? [batch.targets.buffer as ArrayBuffer] : []),
      ];
      port.postMessage({ epoch, batch } satisfies LoaderReply, transfer);
    },
    (error: unknown) => {
      if (!(error instanceof VitrineError)) throw error;
      const { cause: _, ...fields } = error.fields;
      port.postMessage({ epoch, number, code: error.code, fields } satisfies LoaderReply);
    },
  );
});
