/**
 * A GPT that gives a text a number instead of a next word: a reward model, or a value function.
 *
 * Stiennon et al., "Learning to summarize from human feedback", arXiv:2009.01325, section 3.4: the last layer gives way to a map onto one number.
 * Names are those of transformers 4.57, models/gpt2/modeling_gpt2.py GPT2ForSequenceClassification with one label: `transformer.…`, `score.weight`.
 *
 * Axes: b batch · n words · d width
 */

import { normal, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { evaluation, type Mode, Module } from "../../nn/module.ts";
import { dims, type Tensor } from "../../tensor/index.ts";
import type { Gpt2Options } from "./config.ts";
import { Gpt2 } from "./gpt2.ts";

/** Words in, a number for each beginning of the text out. */
export class Gpt2Scorer extends Module {
  readonly transformer: Gpt2;
  readonly score: Linear;

  constructor(options: Gpt2Options = {}) {
    super();
    this.transformer = new Gpt2({ ...options, tied: true });
    const { width } = this.transformer.config;
    this.score = new Linear(width, 1, { bias: false, init: { weight: normal(0.02), bias: zeros } });
  }

  /**
   * Ids, int64 [b, n] → [b, n]: of the text up to and with each word.
   * @throws {VitrineError} SHAPE_MISMATCH for more words than there are positions.
   */
  forward(ids: Tensor, mode: Mode = evaluation): Tensor {
    const { b, n } = dims(ids, "b n");
    return this.score.forward(this.transformer.features(ids, mode)).reshape([b, n]);
  }
}
