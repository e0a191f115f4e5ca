/** Models that begin without training. */

import type { Preprocessing } from "../data/preprocess.ts";
import { createModel, type ModelNamed, modelNamed, type OptionsNamed } from "../models/registry.ts";
import { defaultPreprocessing } from "./prepare.ts";
import type { Pretrained } from "./pretrained.ts";

/** Labels, and what differs from the named architecture. */
export interface NewModelOptions<Options = OptionsNamed<string>> {
  /** Names of the labels, by index. */
  readonly labels: readonly string[];
  /** What differs from the named configuration (`{ imageSize: 32, patchSize: 4, width: 96 }`). */
  readonly options?: Omit<Options, "labels">;
  /** Default: the architecture's, for its size of image. */
  readonly preprocessing?: Preprocessing;
}

/**
 * A named model with first weights, which are drawn from seed 0 when they are needed; `model.initialize(seed)` draws them anew.
 * @param architecture timm's name
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names, INVALID_ARGUMENT when options contradict each other.
 */
export function newPretrained<Name extends string>(
  architecture: Name,
  { labels, options, preprocessing }: NewModelOptions<OptionsNamed<Name>>,
): Pretrained<ModelNamed<Name>> {
  const named = modelNamed(architecture);
  const model = createModel(architecture, { ...options, labels: labels.length } as OptionsNamed<Name>);
  return {
    name: architecture,
    architecture: named.name,
    model,
    preprocessing: preprocessing ?? defaultPreprocessing(named, model.config),
    labels,
  };
}
