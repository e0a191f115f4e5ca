/** One optimiser step on a batch of images, compiled. */

import { accumulateGradients, type Executable, type LossOutputs, partsFor, traceGraph } from "../compile/index.ts";
import { nodeFlops } from "../graph/flops.ts";
import { rootsOf, topologicalOrder } from "../graph/graph.ts";
import type { Parameter } from "../nn/module.ts";
import { argMax, cast, equal, mean, scalar, type Tensor } from "../tensor/index.ts";
import { compileLessonStep, type Lesson, type MoveOptions } from "./lesson.ts";
import { type Classifier, classification, type Objective, type TrainingBatch } from "./objective.ts";

/**
 * Tokens, tables and networks of positions that weight decay leaves alone, whatever their rank.
 * @source timm's no_weight_decay of Vision Transformers and TNT; microsoft/Swin-Transformer, no_weight_decay_keywords of models/swin_transformer.py and
 *   swin_transformer_v2.py (timm 1.0.29 names the same of version 2, but as modules, which its groups of parameters do not find, so that it decays them)
 */
export const noWeightDecay: readonly string[] = [
  ...["pos_embed", "cls_token", "dist_token", "reg_token"],
  ...["absolute_pos_embed", "relative_position_bias_table", "logit_scale", "cpb_mlp"],
  ...["patch_pos", "pixel_pos"],
];

/** Sizes and optimiser of a training step. */
export interface StepOptions extends MoveOptions {
  /** Images of one batch. */
  readonly batchSize: number;
  /** Channels, height and width of an image. */
  readonly imageShape: readonly [number, number, number];
  readonly labels: number;
  /** Which parameters are trained, by name; all without it. The others get neither gradient nor optimiser state. */
  readonly trained?: ((name: string) => boolean) | undefined;
  /** What is minimised; cross-entropy without it. */
  readonly objective?: Objective | undefined;
  /** Whether cheap values of the forward pass are made again for the backward pass rather than kept (see `grad`); default false. */
  readonly recompute?: boolean | undefined;
}

/** The parameters of a model that are trained. */
export function trainedParameters(
  model: Classifier,
  trained: ((name: string) => boolean) | undefined,
): ReadonlyMap<string, Parameter> {
  const all = model.parameters();
  return trained ? new Map([...all].filter(([name]) => trained(name))) : all;
}

/**
 * Compiles a training step. Inputs: `images` [b, c, H, W], `targets` [b, labels] (probabilities: labels as one-hot, smoothed or mixed), the
 * objective's, the optimiser's and the average's. Outputs: `loss`, `accuracy`, `gradientNorm`.
 */
export function compileTrainingStep(model: Classifier, options: StepOptions): Promise<Executable> {
  return compileLessonStep(imageLesson(model, options), "", options);
}

/** What a model learns from images, as a lesson of one kind: its sizes are known. */
export function imageLesson(model: Classifier, options: StepOptions): Lesson<TrainingBatch> {
  const { objective = classification(model) } = options;
  const specs = batchSpecs(options);
  return {
    model,
    parameters: trainedParameters(model, options.trained),
    kinds: [""],
    kindOf: () => "",
    specs: () => specs,
    feeds: async (batch) => ({
      images: batch.images,
      targets: batch.targets,
      ...(await options.objective?.feeds?.(batch)),
    }),
    examples: ({ images }) => images.shape[0]!,
    parts: partsOf(model, options),
    means: (part) => imageMeans(objective, part),
    gradients: batchGradients(model, options),
  };
}

function imageMeans(objective: Objective, part: Readonly<Record<string, Tensor>>): LossOutputs {
  const { loss, logits } = objective.loss(part);
  if (!logits) return { loss, accuracy: scalar(0) };
  return { loss, accuracy: mean(cast(equal(argMax(logits, 1), argMax(part.targets!, 1)), "float32")) };
}

/** Names and shapes of what a batch feeds. */
export function batchSpecs({
  batchSize,
  imageShape,
  labels,
  objective,
}: StepOptions): Readonly<Record<string, readonly number[]>> {
  const further = Object.entries(objective?.inputs ?? {}).map(([name, sizes]) => [name, [batchSize, ...sizes]]);
  return { images: [batchSize, ...imageShape], targets: [batchSize, labels], ...Object.fromEntries(further) };
}

/** Traces loss and accuracy of a batch, and the gradients of the trained parameters. */
export function batchGradients(
  model: Classifier,
  options: StepOptions,
): (inputs: Readonly<Record<string, Tensor>>) => {
  readonly outputs: LossOutputs;
  readonly gradients: readonly Tensor[];
} {
  const { objective = classification(model) } = options;
  const parts = partsOf(model, options);
  const parameters = [...trainedParameters(model, options.trained).values()];
  const names = Object.keys(batchSpecs(options));
  return (inputs) =>
    accumulateGradients(
      (part) => imageMeans(objective, part),
      Object.fromEntries(names.map((name) => [name, inputs[name]!])),
      parameters,
      parts,
      { recompute: options.recompute },
    );
}

/** Into how many parts a batch is cut. */
export function partsOf(
  model: Classifier,
  { batchSize, imageShape }: Pick<StepOptions, "batchSize" | "imageShape">,
): number {
  return partsFor(batchSize, rowsPerImage(model, imageShape));
}

/** Width of the results that `partsFor` counts rows of: the hidden layer of ViT-S, on which its numbers were measured. */
const usualWidth = 1536;

/**
 * The rows of the usual width that one image's numbers fill in the hidden layers of the matrix products: what decides into how many parts a batch is
 * cut. Parts are to fit the processor's caches, so rows of a narrow model count for less; where stages differ, each counts by its work.
 */
function rowsPerImage(model: Classifier, imageShape: readonly [number, number, number]): number {
  const { graph } = traceGraph(({ images }) => ({ logits: model.forward(images) }), { images: [1, ...imageShape] });
  const products = topologicalOrder(rootsOf(graph)).flatMap((node) => {
    if (node.op !== "Gemm") return [];
    const [rows, columns] = node.outputs[0]!.shape.map(Number) as [number, number];
    return [{ rows, columns, work: Number(nodeFlops(node)) }];
  });
  const widest = new Map<number, number>();
  for (const { rows, columns } of products) widest.set(rows, Math.max(columns, widest.get(rows) ?? 0));
  const work = products.reduce((sum, product) => sum + product.work, 0);
  const filled = products.reduce((sum, product) => sum + product.work * product.rows * widest.get(product.rows)!, 0);
  return work === 0 ? 1 / usualWidth : filled / work / usualWidth;
}
