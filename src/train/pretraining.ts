/** Learning from images without labels: a masked autoencoder as what a training run trains. */

import type { Variable } from "../graph/value.ts";
import type { MAE } from "../models/mae/mae.ts";
import { type Buffer, Module, type Parameter } from "../nn/module.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Classifier, Objective } from "./objective.ts";
import { fromScratch, type Recipe } from "./recipe.ts";

/** A masked autoencoder where a training step expects a model: images [b, c, H, W] → what is painted, [b, n, p·q·c]. */
export class MaskedPainter extends Module implements Classifier {
  readonly #mae: MAE;

  constructor(mae: MAE) {
    super();
    this.#mae = mae;
    // It is the root: its parts have the names that they have in it.
    mae.variables();
  }

  override parameters(): ReadonlyMap<string, Parameter> {
    return this.#mae.parameters();
  }

  override buffers(): ReadonlyMap<string, Buffer> {
    return this.#mae.buffers();
  }

  override variables(): ReadonlyMap<string, Variable> {
    return this.#mae.variables();
  }

  forward(images: Tensor): Tensor {
    return this.#mae.forward(images).painted;
  }
}

/** The error of what a masked autoencoder paints of hidden patches, others at each step. Labels are not looked at. */
export function painting(mae: MAE): Objective {
  return {
    loss: ({ images }) => ({ loss: mae.forward(images!).loss }),
    identity: { mae: mae.config },
  };
}

/**
 * For small images: the paper's optimiser and changes of images, fewer epochs, a learning rate for small batches.
 * @source He et al., arXiv:2111.06377, Table 8
 */
export const maskedPretraining: Recipe = {
  ...fromScratch,
  epochs: 40,
  batchSize: 64,
  betas: [0.9, 0.95],
  learningRate: 1e-3,
  minLearningRate: 0,
  warmupEpochs: 2,
  weightDecay: 0.05,
  labelSmoothing: 0,
  crop: "resized",
  cropScale: [0.2, 1],
  flip: 0.5,
};
