/** What a training step makes small: the place where a teacher, or a further term of the loss, comes in. */

import type { NdArray } from "../graph/dtype.ts";
import { crossEntropySoft } from "../losses/index.ts";
import type { Mode, Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/index.ts";

/** A model that maps pixels [b, c, H, W] to logits [b, labels]. */
export interface Classifier extends Module {
  forward(images: Tensor, mode?: Mode): Tensor;
}

/** What one step learns from. */
export interface TrainingBatch {
  /** float32 [b, c, H, W], normalised. */
  readonly images: NdArray;
  /** float32 [b, labels]: how probable each label is. */
  readonly targets: NdArray;
  /** Files that could not be read; others took their places. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** Loss of logits [b, labels] beside targets [b, labels], a mean over the batch []. */
export type LabelLoss = (logits: Tensor, targets: Tensor) => Tensor;

/** What is minimised. */
export interface Objective {
  /** Further inputs of the step (a teacher's logits): name → sizes of one example. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /** The values of `inputs` for a batch, float32 [b, …sizes]; a pure function of the batch, or a continued run differs. */
  readonly feeds?: (batch: TrainingBatch) => Promise<Readonly<Record<string, NdArray>>>;
  /**
   * Traces the loss of some examples.
   * @param part `images` [b, c, H, W], `targets` [b, labels] and the further inputs
   * @returns the mean loss [], and the logits [b, labels] whose largest is the answer; none where nothing is classified, so that accuracy is 0
   */
  readonly loss: (part: Readonly<Record<string, Tensor>>) => {
    readonly loss: Tensor;
    readonly logits?: Tensor | undefined;
  };
  /** Plain data that tells this objective from others: a run is continued only with the one it began with. */
  readonly identity?: unknown;
}

/** An objective that classifies. */
export interface LabelObjective extends Objective {
  readonly loss: (part: Readonly<Record<string, Tensor>>) => { readonly loss: Tensor; readonly logits: Tensor };
}

/**
 * The loss of a model's logits beside the targets.
 * @param labelLoss cross-entropy where nothing else is said
 * @param mode evaluation for a model whose frozen part must see images as it will in use
 */
export function classification(
  model: Classifier,
  labelLoss: LabelLoss = crossEntropySoft,
  mode: Mode = { train: true },
): LabelObjective {
  return {
    loss: ({ images, targets }) => {
      const logits = model.forward(images!, mode);
      return { loss: labelLoss(logits, targets!), logits };
    },
  };
}
