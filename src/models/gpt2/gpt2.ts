/**
 * GPT-2, and GPT-3's change to it.
 *
 * Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; section 2.3, Table 2.
 * Brown et al., "Language Models are Few-Shot Learners", arXiv:2005.14165; section 2.1: layers of banded attention between dense ones.
 * Reference code: transformers 4.57, models/gpt2/modeling_gpt2.py; openai/gpt-2, src/model.py.
 * Primary weights: the published files' names (`h.0.attn.c_attn.weight`), their matrices as stored, [in, out]. Others by weights/gpt2-rules.ts.
 *
 * Axes: b batch · n words · c kept words · d width · a heads · k width per head · e MLP width · v vocabulary
 */

import { VitrineError } from "../../errors.ts";
import { type Dim, mulDims } from "../../graph/dim.ts";
import { activate } from "../../nn/activations.ts";
import { attendInStages, checkHeads, type KeysAndValues } from "../../nn/attention.ts";
import {
  bandMask,
  type CachePlace,
  cacheMask,
  cachePositions,
  causalMask,
  joinMasks,
  keyPaddingMask,
  type Mask,
} from "../../nn/attention-masks.ts";
import { dot, type Similarity, scaledDot } from "../../nn/attention-similarity.ts";
import { Dropout } from "../../nn/drop.ts";
import { Embedding } from "../../nn/embedding.ts";
import { type Initializer, normal, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { apply, at, dims, linear, rearrange, slice, split, type Tensor, tap, withPath } from "../../tensor/index.ts";
import { type Gpt2Config, type Gpt2Options, gpt2Config } from "./config.ts";

/** What a decoder goes on from. */
export interface Gpt2Cache extends CachePlace {
  /** Of each layer: [b, a, c, k], c at least 1. */
  readonly layers: readonly KeysAndValues[];
}

/** What a reader is told of texts besides their words. */
export interface Gpt2Reading {
  /** bool [b, n], false where a word is padding, which none looks at; all are words without it. */
  readonly valid?: Tensor | undefined;
  /** int64 [b, n], each word's place in its text; 0, 1, … without it. */
  readonly positions?: Tensor | undefined;
  /** int64 [b, n], what kind of word each is, as ids of words: their vectors are added. None without it. @source transformers, `token_type_ids` */
  readonly types?: Tensor | undefined;
}

/** Words in, logits of each next word out. */
export class Gpt2 extends Module {
  readonly config: Gpt2Config;
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly drop: Dropout;
  readonly h: readonly Block[];
  readonly lnF: LayerNorm;
  readonly lmHead: Linear | undefined;

  /** @param options what differs from GPT-2 of 124 million parameters */
  constructor(options: Gpt2Options = {}) {
    super();
    const config = gpt2Config(options);
    const { words, positions, width, depth, eps, bias } = config;
    this.config = config;
    this.wte = new Embedding(words, width, normal(0.02));
    this.wpe = new Embedding(positions, width, normal(0.02));
    this.drop = new Dropout(config.embedDropout);
    this.h = Array.from({ length: depth }, (_, i) => new Block(config, i));
    this.lnF = new LayerNorm(width, { eps, bias });
    this.lmHead = config.tied
      ? undefined
      : new Linear(width, words, { bias: false, init: { weight: normal(0.02), bias: zeros } });
  }

  /**
   * Ids, int64 [b, n] → logits [b, n, v] of each next word. Taps: `words`, `places`, `embedded`, `h.I`, `ln_f`, and in each block `ln_1`,
   * `attn` (in it `qkv`, `q`, `k`, `v`, `scores`, `probs`, `mixed`), `between`, `ln_2`, `mlp` (in it `wide`, `active`).
   * @throws {VitrineError} SHAPE_MISMATCH for more words than there are positions.
   */
  forward(ids: Tensor, mode: Mode = evaluation, reading: Gpt2Reading = {}): Tensor {
    return this.#read(this.features(ids, mode, reading)); //                           [b, n, v]
  }

  /**
   * Ids, int64 [b, n] → what the last block makes of each word, normalised [b, n, d]: for a model that has this one as a part.
   * Errors and taps as of `forward`.
   */
  features(ids: Tensor, mode: Mode = evaluation, { valid, positions, types }: Gpt2Reading = {}): Tensor {
    return withPath(this.path, () => {
      const { n } = dims(ids, "b n");
      if (typeof n === "number" && n > this.config.positions)
        throw new VitrineError("SHAPE_MISMATCH", {
          rule: `GPT: a text has at most ${this.config.positions} words`,
          evidence: `got ${n}`,
          next: "cut it into parts",
        });
      const words = tap("words", this.wte.forward(ids)); //                             [b, n, d]
      const table = positions ? this.wpe.forward(positions) : slice(this.wpe.weight, 0, 0, n);
      const places = tap("places", table); //                                           [n, d] or [b, n, d]
      const padding = valid && keyPaddingMask(valid);
      const masks = this.#masks(
        () => joinMasks(causalMask(n), padding)!,
        (band) => joinMasks(bandMask(n, n, { before: band - 1, after: 0 }), padding)!,
      );
      const plain = words.add(places);
      const x = this.drop.forward(tap("embedded", types ? plain.add(this.wte.forward(types)) : plain), mode);
      return this.#norm(this.#pass(x, (i) => ({ mask: masks(i), mode })).x);
    });
  }

  /**
   * Reads more words of texts whose earlier words are kept: logits [b, v] of the word after the last, and what to keep of these words, for
   * each layer [b, a, n, k].
   * @param ids int64 [b, n]
   */
  resume(ids: Tensor, cache: Gpt2Cache): { readonly logits: Tensor; readonly layers: readonly KeysAndValues[] } {
    const { n } = dims(ids, "b n");
    const c = cache.layers[0]!.keys.shape[2]!;
    const masks = this.#masks(
      () => cacheMask(n, c, cache),
      (band) => cacheMask(n, c, cache, band - 1),
    );
    const x = this.wte.forward(ids).add(this.wpe.forward(cachePositions(n, cache))); // [b, n, d]
    const { x: last, layers } = this.#pass(x, (i) => ({ mask: masks(i), past: cache.layers[i], mode: evaluation }));
    return { logits: this.#read(this.#norm(at(last, 1, -1))), layers };
  }

  /** The mask of each layer; each kind is made once. */
  #masks(dense: () => Mask, banded: (band: number) => Mask): (layer: number) => Mask {
    const { band } = this.config;
    const kinds = band === undefined ? [dense()] : [dense(), banded(band)];
    return (layer) => kinds[layer % kinds.length]!;
  }

  #pass(
    words: Tensor,
    how: (layer: number) => HowToAttend,
  ): { readonly x: Tensor; readonly layers: readonly KeysAndValues[] } {
    let x = words;
    const layers = this.h.map((block, i) => {
      const { y, kept } = block.forward(x, how(i));
      x = y;
      return kept;
    });
    return { x, layers };
  }

  /** [.., d] → [.., d]. */
  #norm(x: Tensor): Tensor {
    return tap("ln_f", this.lnF.forward(x));
  }

  /** [.., d] → [.., v]. */
  #read(features: Tensor): Tensor {
    return this.lmHead ? this.lmHead.forward(features) : linear(features, this.wte.weight);
  }
}

interface HowToAttend {
  readonly mask: Mask;
  readonly past?: KeysAndValues | undefined;
  readonly mode: Mode;
}

/** x + attention(LN x), then x + MLP(LN x). */
class Block extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: CausalAttention;
  readonly ln_2: LayerNorm;
  readonly mlp: GptMlp;

  constructor(config: Gpt2Config, index: number) {
    super();
    const { width, eps, bias } = config;
    this.ln_1 = new LayerNorm(width, { eps, bias });
    this.attn = new CausalAttention(config, index);
    this.ln_2 = new LayerNorm(width, { eps, bias });
    this.mlp = new GptMlp(config);
  }

  forward(x: Tensor, how: HowToAttend): { readonly y: Tensor; readonly kept: KeysAndValues } {
    const { output, kept } = this.attn.forward(tap("ln_1", this.ln_1.forward(x)), how);
    const between = tap("between", x.add(output)); //                                   [b, n, d]
    return { y: tap("", between.add(this.mlp.forward(tap("ln_2", this.ln_2.forward(between)), how.mode))), kept };
  }
}

class CausalAttention extends Module {
  readonly cAttn: InOutLinear;
  readonly cProj: InOutLinear;
  readonly attnDrop: Dropout;
  readonly residDrop: Dropout;
  readonly #heads: number;
  readonly #similarity: Similarity;

  constructor(config: Gpt2Config, index: number) {
    super();
    const { width, heads, depth, bias } = config;
    checkHeads(width, heads);
    this.cAttn = new InOutLinear(width, 3 * width, normal(0.02), bias);
    this.cProj = new InOutLinear(width, width, normal(0.02 / Math.sqrt(2 * depth)), bias);
    this.attnDrop = new Dropout(config.attnDropout);
    this.residDrop = new Dropout(config.dropout);
    this.#heads = heads;
    const compare = config.scaled ? scaledDot : dot;
    this.#similarity = config.scaledByDepth ? (q, k) => compare(q.mul(1 / (index + 1)), k) : compare;
  }

  /** [b, n, d] → [b, n, d], and the keys and values [b, a, n, k] to keep. */
  forward(x: Tensor, { mask, past, mode }: HowToAttend): { readonly output: Tensor; readonly kept: KeysAndValues } {
    const [q, keys, values] = split(tap("qkv", this.cAttn.forward(x)), 3, -1).map((part, i) =>
      tap("qkv"[i]!, rearrange(part, "b n (a k) -> b a n k", { a: this.#heads })),
    ) as [Tensor, Tensor, Tensor]; //                                                   [b, a, n, k] each
    const how = { similarity: this.#similarity, mask, past, drop: this.attnDrop, mode };
    const { scores, output } = attendInStages(q, keys, values, how);
    tap("scores", scores);
    const mixed = tap("mixed", rearrange(output, "b a n k -> b n (a k)")); //           [b, n, d]
    return { output: this.residDrop.forward(tap("", this.cProj.forward(mixed)), mode), kept: { keys, values } };
  }
}

class GptMlp extends Module {
  readonly cFc: InOutLinear;
  readonly cProj: InOutLinear;
  readonly drop: Dropout;
  readonly #activation: Gpt2Config["activation"];

  constructor({ width, mlpWidth, depth, activation, dropout, bias }: Gpt2Config) {
    super();
    this.cFc = new InOutLinear(width, mlpWidth, normal(0.02), bias);
    this.cProj = new InOutLinear(mlpWidth, width, normal(0.02 / Math.sqrt(2 * depth)), bias);
    this.drop = new Dropout(dropout);
    this.#activation = activation;
  }

  /** [b, n, d] → [b, n, d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const wide = tap("wide", this.cFc.forward(x)); //                                   [b, n, e]
    const active = tap("active", activate(wide, this.#activation));
    return this.drop.forward(tap("", this.cProj.forward(active)), mode);
  }
}

/** x W + b with W [in, out], as these weights were always stored. @source transformers, pytorch_utils.py Conv1D */
class InOutLinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(width: number, out: number, init: Initializer, bias: boolean) {
    super();
    this.weight = parameter([width, out], init);
    this.bias = bias ? parameter([out], zeros) : undefined;
  }

  /** [b, n, in] → [b, n, out]. */
  forward(x: Tensor): Tensor {
    const [b, n] = x.shape as readonly [Dim, Dim, Dim];
    const [width, out] = this.weight.shape as readonly [number, number];
    // One product over all rows, as `linear` has it.
    return apply("Gemm", [x.reshape([mulDims(b, n), width]), this.weight, this.bias], {}).reshape([b, n, out]);
  }
}
