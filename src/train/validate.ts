/** Loss and accuracy of a model as it is now, between steps of its training. */

import { compile, type Executable } from "../compile/index.ts";
import type { Batch } from "../data/loader-batch.ts";
import { crossEntropy, topKCorrect } from "../losses/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Means } from "./events.ts";
import type { Classifier } from "./objective.ts";

/**
 * Compiles a validation step that reads the variables' newest values at each run. Inputs: `images` [b, c, H, W], `labels` [b] int64; outputs:
 * `loss` and `correct`, sums over the batch.
 */
export function compileValidation(
  model: Classifier,
  imageShape: readonly [number, number, number],
  runtime: Runtime,
): Promise<Executable> {
  return compile(
    ({ images, labels }) => {
      const logits = model.forward(images);
      return { loss: crossEntropy(logits, labels, { reduction: "sum" }), correct: topKCorrect(logits, labels, 1) };
    },
    { images: ["b", ...imageShape], labels: { dtype: "int64", shape: ["b"] } },
    { runtime, variables: "live" },
  );
}

/** Runs a validation step over all batches. */
export async function validate(executable: Executable, batches: AsyncIterable<Batch>): Promise<Means> {
  let [loss, correct, images] = [0, 0, 0];
  for await (const batch of batches) {
    const result = await executable.run({
      images: { dtype: "float32", shape: batch.shape, data: batch.images },
      labels: { dtype: "int64", shape: [batch.labels.length], data: BigInt64Array.from(batch.labels, BigInt) },
    });
    loss += Number(result.loss!.data[0]);
    correct += Number(result.correct!.data[0]);
    images += batch.labels.length;
  }
  return { loss: loss / images, accuracy: correct / images };
}
