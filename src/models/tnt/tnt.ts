/**
 * Transformer in Transformer (TNT): patches are sentences, and the words inside each attend to each other too.
 *
 * Han et al., "Transformer in Transformer", arXiv:2103.00112; Figure 1, Table 1. The paper's equations stand beside the lines: Y are words, Z sentences.
 * Reference code and names: timm 1.0.29, timm/models/tnt.py, both of its forms. Other names: huawei-noah/Efficient-AI-Backbones tnt_pytorch, by rules
 * in weights/tnt-rules.ts.
 *
 * Departs from the paper, as both codes do: words are made by a 7 × 7 convolution, not by unfolding and a linear map; sentences begin as a projection of the
 * words before the first block, not as zeros; FC(Vec(Y)) is normalised before and after its map (in blocks of the legacy form before it alone, word by word).
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w patch grid · n sentences (1 + h·w) · s sentences of all images (b·h·w) · y x words of a
 * patch, m = y·x · d sentence width · e word width (the paper's c) · a heads · k width per head
 */

import { attend, checkHeads } from "../../nn/attention.ts";
import { Conv2d } from "../../nn/conv.ts";
import { Dropout, DropPath, dropPathRates } from "../../nn/drop.ts";
import { truncatedNormal, zeros } from "../../nn/init.ts";
import { Linear, type LinearInit } from "../../nn/linear.ts";
import { Mlp } from "../../nn/mlp.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { at, concat, dims, expand, mean, rearrange, slice, split, type Tensor, tap } from "../../tensor/index.ts";
import type { ImageClassifier, TokenLayout } from "../classifier.ts";
import { type TNTConfig, type TNTOptions, tntConfig, tntGrid, tntWords } from "./config.ts";

type TNTSize = Pick<TNTConfig, "width" | "innerWidth" | "depth" | "heads" | "innerHeads">;

/** Sizes by their published letter: Table 1. */
export const tntSizes: Readonly<Record<"S" | "B", TNTSize>> = {
  S: { width: 384, innerWidth: 24, depth: 12, heads: 6, innerHeads: 4 },
  B: { width: 640, innerWidth: 40, depth: 12, heads: 10, innerHeads: 4 },
};

/** How linear maps begin. */
const init: LinearInit = { weight: truncatedNormal(0.02), bias: zeros };

/** Image in, logits out. */
export class TNT extends Module implements ImageClassifier {
  readonly config: TNTConfig;
  /** Its tokens are one row for each patch, in every block. */
  readonly stages: readonly never[] = [];
  readonly clsToken: Parameter; //  Z_class
  readonly patchPos: Parameter; //  E_sentence
  readonly pixelPos: Parameter; //  E_word
  readonly pixelEmbed: PixelEmbed;
  readonly norm1Proj: LayerNorm;
  readonly proj: Linear;
  readonly norm2Proj: LayerNorm;
  readonly posDrop: Dropout;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly headDrop: Dropout;
  readonly head: Linear | undefined;

  /** @param options what differs from TNT-S at 224 pixels with 1000 classes */
  constructor(options: TNTOptions = {}) {
    super();
    const config = tntConfig(options);
    const { width, innerWidth, depth, labels, eps } = config;
    const [[h, w], [y, x]] = [tntGrid(config), tntWords(config)];
    this.config = config;
    this.clsToken = parameter([1, 1, width], truncatedNormal(0.02));
    this.patchPos = parameter([1, 1 + h * w, width], truncatedNormal(0.02));
    this.pixelPos = parameter([1, innerWidth, y, x], truncatedNormal(0.02));
    this.pixelEmbed = new PixelEmbed(config);
    this.norm1Proj = new LayerNorm(y * x * innerWidth, { eps });
    this.proj = new Linear(y * x * innerWidth, width, { init });
    this.norm2Proj = new LayerNorm(width, { eps });
    this.posDrop = new Dropout(config.posDropout);
    this.blocks = dropPathRates(config.dropPath, depth).map((rate) => new Block(config, rate));
    this.norm = new LayerNorm(width, { eps });
    this.headDrop = new Dropout(config.headDropout);
    this.head = labels > 0 ? new Linear(width, labels, { init }) : undefined;
  }

  get tokens(): TokenLayout {
    const readout =
      this.config.pool === "token"
        ? ({ kind: "tokens", tokens: [0], name: "class token" } as const)
        : ({ kind: "mean", first: 1, name: "mean of all patches" } as const);
    return { grid: tntGrid(this.config), prefix: ["class token"], readout };
  }

  /**
   * Images [b, c, H, W], normalised as the weights want them → logits [b, labels]; features [b, d] where there is no head.
   * Taps: `tokens.inner`, `blocks.I.inner` (words, [b·h·w, m, e]), `patch_embed`, `tokens`, `blocks.I` (sentences, [b, n, d]),
   * `blocks.I.attn_in.probs` ([b·h·w, a, m, m]), `blocks.I.attn_out.probs` ([b, a, n, n]), `features`, `pooled`.
   * @throws {VitrineError} SHAPE_MISMATCH for images of another size.
   */
  forward(images: Tensor, mode: Mode = evaluation): Tensor {
    const [high, wide] = this.config.imageSize;
    const { b } = dims(images, `b c ${high} ${wide}`);
    const placed = this.pixelEmbed.forward(images).add(this.pixelPos); //           [s, e, y, x]  Y⁰ + E_word
    let words = tap("tokens.inner", rearrange(placed, "s e y x -> s (y x) e")); //  [s, m, e]
    const patches = tap("patch_embed", fromWords(words, this.tokens.grid, this)); // [b, h·w, d]
    const prefix = expand(this.clsToken, [b, 1, this.config.width]);
    let sentences = concat([prefix, patches], 1).add(this.patchPos); //             [b, n, d]     Z⁰ + E_sentence
    sentences = tap("tokens", this.posDrop.forward(sentences, mode));
    for (const block of this.blocks) [words, sentences] = block.forward(words, sentences, mode); // Yˡ, Zˡ = TNT(Yˡ⁻¹, Zˡ⁻¹)
    const features = tap("features", this.norm.forward(sentences)); //              [b, n, d]
    const pooled = this.config.pool === "token" ? at(features, 1, 0) : mean(slice(features, 1, 1), { axes: [1] });
    const y = tap("pooled", this.headDrop.forward(pooled, mode)); //                [b, d]
    return this.head ? this.head.forward(y, mode) : y; //                           [b, labels]
  }
}

/** Vec(Y): the words of each sentence in one row, [b·h·w, m, e] → [b, h·w, m·e]. */
function vec(words: Tensor, [h, w]: TokenLayout["grid"]): Tensor {
  return rearrange(words, "(b n) m e -> b n (m e)", { n: h * w });
}

/** The map from words to sentences, with its normalisations; in blocks of the legacy form the first is of each word, and there is no second. */
interface Projection {
  readonly norm1Proj: LayerNorm;
  readonly proj: Linear;
  readonly norm2Proj: LayerNorm | undefined;
}

/** FC(Vec(Y)): what words are in the space of their sentences, [b·h·w, m, e] → [b, h·w, d]. */
function fromWords(words: Tensor, grid: TokenLayout["grid"], { norm1Proj, proj, norm2Proj }: Projection): Tensor {
  if (!norm2Proj) return proj.forward(vec(norm1Proj.forward(words), grid));
  return norm2Proj.forward(proj.forward(norm1Proj.forward(vec(words, grid))));
}

/** Words of all patches: a convolution inside each patch, or in the legacy form over the image, cut afterwards. */
class PixelEmbed extends Module {
  readonly proj: Conv2d;
  readonly #config: TNTConfig;

  constructor(config: TNTConfig) {
    super();
    this.proj = new Conv2d(config.channels, config.innerWidth, 7, { stride: config.stride, padding: 3 });
    this.#config = config;
  }

  /** [b, c, H, W] → [b·h·w, e, y, x]. */
  forward(images: Tensor): Tensor {
    const { legacy, patchSize } = this.#config;
    const cut = (x: Tensor, [high, wide]: readonly [number, number]): Tensor =>
      rearrange(x, "b c (h p) (w q) -> (b h w) c p q", { p: high, q: wide });
    return legacy ? cut(this.proj.forward(images), tntWords(this.#config)) : this.proj.forward(cut(images, patchSize));
  }
}

/** A transformer over the words of each sentence, then one over the sentences: Figure 1. */
class Block extends Module {
  readonly normIn: LayerNorm;
  readonly attnIn: Attention;
  readonly normMlpIn: LayerNorm;
  readonly mlpIn: Mlp;
  readonly norm1Proj: LayerNorm;
  readonly proj: Linear;
  readonly norm2Proj: LayerNorm | undefined;
  readonly normOut: LayerNorm;
  readonly attnOut: Attention;
  readonly normMlp: LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath: DropPath;
  readonly #grid: TokenLayout["grid"];

  constructor(config: TNTConfig, dropPath: number) {
    super();
    const { width, innerWidth, heads, innerHeads, mlpWidth, legacy, eps, dropout } = config;
    const [y, x] = tntWords(config);
    const words = y * x * innerWidth;
    const norm = (d: number): LayerNorm => new LayerNorm(d, { eps });
    this.normIn = norm(innerWidth);
    this.attnIn = new Attention(innerWidth, innerHeads, config);
    this.normMlpIn = norm(innerWidth);
    this.mlpIn = new Mlp(innerWidth, 4 * innerWidth, { dropout, init });
    this.norm1Proj = norm(legacy ? innerWidth : words);
    this.proj = new Linear(words, width, { bias: legacy, init });
    this.norm2Proj = legacy ? undefined : norm(width);
    this.normOut = norm(width);
    this.attnOut = new Attention(width, heads, config);
    this.normMlp = norm(width);
    this.mlp = new Mlp(width, mlpWidth, { dropout, init });
    this.dropPath = new DropPath(dropPath);
    this.#grid = tntGrid(config);
  }

  /** Words Yˡ⁻¹ [s, m, e] and sentences Zˡ⁻¹ [b, n, d] → Yˡ, Zˡ. */
  forward(words: Tensor, sentences: Tensor, mode: Mode): readonly [Tensor, Tensor] {
    const dropped = (x: Tensor): Tensor => this.dropPath.forward(x, mode);
    let y = words.add(dropped(this.attnIn.forward(this.normIn.forward(words), mode))); //     [s, m, e]   Y′ = Y + MSA(LN(Y))
    y = tap("inner", y.add(dropped(this.mlpIn.forward(this.normMlpIn.forward(y), mode)))); // [s, m, e]   Y = Y′ + MLP(LN(Y′))
    const added = fromWords(y, this.#grid, this); //                                          [b, h·w, d] FC(Vec(Y))
    let z = concat([slice(sentences, 1, 0, 1), slice(sentences, 1, 1).add(added)], 1); //     [b, n, d]   Zⁱ = Zⁱ + FC(Vec(Yⁱ))
    z = z.add(dropped(this.attnOut.forward(this.normOut.forward(z), mode))); //               [b, n, d]   Z′ = Z + MSA(LN(Z))
    z = z.add(dropped(this.mlp.forward(this.normMlp.forward(z), mode))); //                   [b, n, d]   Z = Z′ + MLP(LN(Z′))
    return [y, tap("", z)];
  }
}

/** Multi-head self-attention with queries and keys from one map and values from another. */
class Attention extends Module {
  readonly qk: Linear;
  readonly v: Linear;
  readonly proj: Linear;
  readonly attnDrop: Dropout;
  readonly projDrop: Dropout;
  readonly #heads: number;

  constructor(width: number, heads: number, { qkvBias, attnDropout, dropout }: TNTConfig) {
    super();
    checkHeads(width, heads);
    this.qk = new Linear(width, 2 * width, { bias: qkvBias, init });
    this.v = new Linear(width, width, { bias: qkvBias, init });
    this.proj = new Linear(width, width, { init });
    this.attnDrop = new Dropout(attnDropout);
    this.projDrop = new Dropout(dropout);
    this.#heads = heads;
  }

  /** [b, n, d] → [b, n, d]; the weights [b, a, n, n] are tapped as `probs`. */
  forward(x: Tensor, mode: Mode): Tensor {
    const apart = (t: Tensor): Tensor => rearrange(t, "b n (a k) -> b a n k", { a: this.#heads });
    const [q, k] = split(this.qk.forward(x, mode), 2, -1).map(apart) as [Tensor, Tensor]; //  [b, a, n, k] each
    const y = attend(q, k, apart(this.v.forward(x, mode)), this.attnDrop, mode); //           [b, a, n, k]
    return this.projDrop.forward(this.proj.forward(rearrange(y, "b a n k -> b n (a k)"), mode), mode); // [b, n, d]
  }
}
