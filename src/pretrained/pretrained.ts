/** A model with all that it needs to be used: weights, preprocessing, labels. */

import type { Preprocessing } from "../data/preprocess.ts";
import type { ImageClassifier } from "../models/classifier.ts";

/** A model ready for use, whatever folder, file, hub repository or name it came from. */
export interface Pretrained<Model extends ImageClassifier = ImageClassifier> {
  /** How people call it: an architecture's name, a folder's, a hub id. */
  readonly name: string;
  /** timm's name of the architecture it is a variant of, for `config.json`. */
  readonly architecture: string;
  readonly model: Model;
  readonly preprocessing: Preprocessing;
  /** Name of each label, by its index in the logits. */
  readonly labels: readonly string[];
  /** Whether no file names the labels: then `labels` are their indices. */
  readonly unnamedLabels?: boolean | undefined;
  /** Whether the head's weights were drawn from a seed and have learnt nothing (`ModelChanges.newHead`). */
  readonly freshHead?: boolean | undefined;
}
