/** Preprocessing where no file says it, or for another size of image. */

import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromTimm, preprocessingToTimm } from "../data/preprocess-config.ts";
import type { ImageClassifierConfig } from "../models/classifier.ts";
import type { NamedModel } from "../models/family.ts";
import type { GridSize } from "../nn/positions.ts";

/** The preprocessing that an architecture's default weights want, for a model's own size of image and channels. */
export function defaultPreprocessing(
  { name, preprocessing }: NamedModel,
  { channels, imageSize }: Pick<ImageClassifierConfig, "channels" | "imageSize">,
): Preprocessing {
  const mean = channels === preprocessing.mean.length ? preprocessing.mean : [0.5];
  const std = channels === preprocessing.std.length ? preprocessing.std : [0.5];
  return preprocessingFromTimm({ ...preprocessing, mean, std, input_size: [channels, ...imageSize] }, name);
}

/**
 * The same preprocessing for images of another size: the crop keeps its share.
 * @throws {VitrineError} INVALID_ARGUMENT for one that timm's evaluation transform cannot express.
 */
export function preprocessingForSize(preprocessing: Preprocessing, [height, width]: GridSize): Preprocessing {
  const [channels] = preprocessing.inputSize;
  return preprocessingFromTimm(
    { ...preprocessingToTimm(preprocessing), input_size: [channels, height, width] },
    "preprocessing",
  );
}
