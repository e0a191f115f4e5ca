/** Loss and accuracy of a model as it is now, between steps of its training. */

import { compile, type Executable } from "../compile/index.ts";
import type { Batch } from "../data/loader-batch.ts";
import { crossEntropy } from "../losses/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { argMax, cast, equal } from "../tensor/index.ts";
import type { Means } from "./events.ts";
import type { Classifier } from "./objective.ts";

/**
 * Compiles a validation step that reads the variables' newest values at each run. Inputs: `images` [b, c, H, W], `labels` [b] int64; outputs:
 * `loss` [], the batch's sum, and `correct` [b] float32, 1 where the largest logit is the label's, else 0.
 */
export function compileValidation(
  model: Classifier,
  imageShape: readonly [number, number, number],
  runtime: Runtime,
): Promise<Executable> {
  return compile(
    ({ images, labels }) => {
      const logits = model.forward(images);
      return {
        loss: crossEntropy(logits, labels, { reduction: "sum" }),
        correct: cast(equal(argMax(logits, 1), labels), "float32"),
      };
    },
    { images: ["b", ...imageShape], labels: { dtype: "int64", shape: ["b"] } },
    { runtime, variables: "live" },
  );
}

/** Runs a validation step over all batches. Accuracy is balanced, too, where some classes have more images than others; classes without any do not count. */
export async function validate(executable: Executable, batches: AsyncIterable<Batch>): Promise<Means> {
  let [loss, right, images] = [0, 0, 0];
  const classes = new Map<number, { images: number; right: number }>();
  for await (const batch of batches) {
    const result = await executable.run({
      images: { dtype: "float32", shape: batch.shape, data: batch.images },
      labels: { dtype: "int64", shape: [batch.labels.length], data: BigInt64Array.from(batch.labels, BigInt) },
    });
    loss += Number(result.loss!.data[0]);
    for (const [i, label] of batch.labels.entries()) {
      const own = classes.get(label) ?? { images: 0, right: 0 };
      const isRight = Number(result.correct!.data[i]);
      classes.set(label, { images: own.images + 1, right: own.right + isRight });
      right += isRight;
    }
    images += batch.labels.length;
  }
  const means = { loss: loss / images, accuracy: right / images };
  const counts = [...classes.values()];
  if (counts.every((one) => one.images === counts[0]!.images)) return means;
  return { ...means, balancedAccuracy: counts.reduce((sum, one) => sum + one.right / one.images, 0) / counts.length };
}
