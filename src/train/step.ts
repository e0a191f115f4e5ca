/** One optimiser step on a batch of images, compiled. */

import { accumulateGradients, compile, type Executable, partsFor, traceGraph } from "../compile/index.ts";
import { rootsOf, topologicalOrder } from "../graph/graph.ts";
import { crossEntropySoft } from "../losses/index.ts";
import type { Mode, Module } from "../nn/module.ts";
import { clipByGlobalNorm, type Optimizer } from "../optim/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { argMax, cast, equal, mean, type Tensor } from "../tensor/index.ts";

/** Tokens and tables that weight decay leaves alone, whatever their rank. @source timm's no_weight_decay of Vision Transformers */
export const noWeightDecay: readonly string[] = ["pos_embed", "cls_token", "dist_token", "reg_token"];

/** A model that maps pixels [b, c, H, W] to logits [b, labels]. */
export interface Classifier extends Module {
  forward(images: Tensor, mode?: Mode): Tensor;
}

/** Sizes and optimiser of a training step. */
export interface StepOptions {
  readonly runtime: Runtime;
  readonly optimizer: Optimizer;
  /** Images of one step. */
  readonly batchSize: number;
  /** Channels, height and width of an image. */
  readonly imageShape: readonly [number, number, number];
  readonly labels: number;
  /** Largest global norm of the gradient; none without it. */
  readonly clipNorm?: number | undefined;
}

/**
 * Compiles a training step. Inputs: `images` [b, c, H, W], `targets` [b, labels] (probabilities: labels as one-hot, smoothed or mixed), and
 * the optimiser's. Outputs: `loss`, `accuracy`, `gradientNorm`.
 */
export async function compileTrainingStep(model: Classifier, options: StepOptions): Promise<Executable> {
  const { runtime, optimizer, batchSize, imageShape, labels, clipNorm } = options;
  const parts = partsFor(batchSize, rowsPerImage(model, imageShape));
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
        parts,
      );
      const { gradients: clipped, norm } = clipByGlobalNorm(gradients, clipNorm);
      optimizer.update(clipped, scalars);
      return { loss: outputs.loss, accuracy: outputs.accuracy!, gradientNorm: norm };
    },
    { images: [batchSize, ...imageShape], targets: [batchSize, labels], ...optimizer.inputs },
    { runtime },
  );
}

/** The most rows that one image makes in a matrix product (its tokens): what decides into how many parts a batch is cut. */
function rowsPerImage(model: Classifier, imageShape: readonly [number, number, number]): number {
  const { graph } = traceGraph(({ images }) => ({ logits: model.forward(images) }), { images: [1, ...imageShape] });
  const rows = topologicalOrder(rootsOf(graph)).map((node) => (node.op === "Gemm" ? node.outputs[0]!.shape[0]! : 1));
  return Math.max(...rows.map(Number));
}
