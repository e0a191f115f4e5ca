/** One optimiser step on a batch of images, compiled. */

import { accumulateGradients, compile, type Executable, partsFor } from "../compile/index.ts";
import { crossEntropySoft } from "../losses/index.ts";
import type { Mode, Module } from "../nn/module.ts";
import { clipByGlobalNorm, type Optimizer } from "../optim/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { argMax, cast, equal, mean, type Tensor } from "../tensor/index.ts";

/** A model that maps pixels [b, c, H, W] to logits [b, labels]. */
export interface Classifier extends Module {
  forward(images: Tensor, mode?: Mode): Tensor;
}

export interface StepOptions {
  readonly runtime: Runtime;
  readonly optimizer: Optimizer;
  /** Images of one step. */
  readonly batchSize: number;
  /** Channels, height and width of an image. */
  readonly imageShape: readonly [number, number, number];
  readonly labels: number;
  /** Rows that one image makes in the model's matrix products (its tokens); decides into how many parts a batch is cut. */
  readonly rowsPerImage: number;
  /** Largest global norm of the gradient; none without it. */
  readonly clipNorm?: number | undefined;
}

/**
 * Compiles a training step. Inputs: `images` [b, c, H, W], `targets` [b, labels] (probabilities: labels as one-hot, smoothed or mixed), and
 * the optimiser's. Outputs: `loss`, `accuracy`, `gradientNorm`.
 */
export async function compileTrainingStep(model: Classifier, options: StepOptions): Promise<Executable> {
  const { runtime, optimizer, batchSize, imageShape, labels, rowsPerImage, clipNorm } = options;
  const parameters = [...model.parameters().values()];
  return compile(
    ({ images, targets, ...scalars }) => {
      const { outputs, gradients } = accumulateGradients(
        (part) => {
          const logits = model.forward(part.images!, { train: true });
          const hits = equal(argMax(logits, 1), argMax(part.targets!, 1));
          return { loss: crossEntropySoft(logits, part.targets!), accuracy: mean(cast(hits, "float32")) };
        },
        { images: images!, targets: targets! },
        parameters,
        partsFor(batchSize, rowsPerImage),
      );
      const { gradients: clipped, norm } = clipByGlobalNorm(gradients, clipNorm);
      optimizer.update(clipped, scalars);
      return { loss: outputs.loss, accuracy: outputs.accuracy!, gradientNorm: norm };
    },
    { images: [batchSize, ...imageShape], targets: [batchSize, labels], ...optimizer.inputs },
    { runtime },
  );
}
