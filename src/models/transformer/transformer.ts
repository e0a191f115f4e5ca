/**
 * Transformer: encoder and decoder.
 *
 * Vaswani et al., "Attention Is All You Need", arXiv:1706.03762; Figure 1, section 3.
 * Xiong et al., "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745: the normalisation before each part.
 * Reference code: torch.nn.Transformer 2.13. Names are PyTorch's.
 *
 * Departs from the paper as PyTorch does: both stacks end in a normalisation also where each part has its own after it (`finalNorm`).
 *
 * Axes: b batch · s source · t target · c kept · d width · a heads · k width per head
 */

import { type Activation, activate } from "../../nn/activations.ts";
import type { KeysAndValues } from "../../nn/attention.ts";
import type { Mask } from "../../nn/attention-masks.ts";
import { MultiheadAttention } from "../../nn/attention-multihead.ts";
import { Dropout } from "../../nn/drop.ts";
import { torchBias, xavierUniform } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { evaluation, type Mode, Module } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { type Tensor, tap } from "../../tensor/index.ts";

/** Sizes of one of the two stacks. */
export interface StackSize {
  readonly layers: number;
  readonly heads: number;
  /** Width inside the two-layer networks. */
  readonly mlpWidth: number;
}

/** A Transformer in full. */
export interface TransformerConfig {
  readonly width: number;
  readonly encoder: StackSize;
  readonly decoder: StackSize;
  readonly activation: Activation;
  /** Each part's normalisation stands before it, not after its sum. */
  readonly normFirst: boolean;
  /** Both stacks end in a normalisation. */
  readonly finalNorm: boolean;
  readonly eps: number;
  /** Biases of all maps and normalisations. */
  readonly bias: boolean;
  /** Of each part's result, between the maps of the two-layer networks, of the attention's weights. */
  readonly dropout: number;
}

/** What is given; the rest is the paper's base model as PyTorch has it. */
export type TransformerOptions = Partial<TransformerConfig>;

/** A whole configuration. */
export function transformerConfig(options: TransformerOptions = {}): TransformerConfig {
  const stack = { layers: 6, heads: 8, mlpWidth: 2048 };
  return {
    width: 512,
    encoder: stack,
    decoder: stack,
    activation: "relu",
    normFirst: false,
    finalNorm: true,
    eps: 1e-5,
    bias: true,
    dropout: 0.1,
    ...options,
  };
}

/** Vectors of both sentences, and who sees whom. */
export interface TransformerInputs {
  /** [b, s, d] */
  readonly source: Tensor;
  /** [b, t, d] */
  readonly target: Tensor;
  /** Broadcast to [b, a, s, s], [b, a, t, t] and [b, a, t, s]. */
  readonly sourceMask?: Mask | undefined;
  readonly targetMask?: Mask | undefined;
  readonly memoryMask?: Mask | undefined;
}

/** How a decoder goes on from what it kept. */
export interface DecoderInputs {
  /** Mapped keys and values of the source for each layer, as `prepare` gives them. */
  readonly memory: readonly KeysAndValues[];
  readonly memoryMask?: Mask | undefined;
  readonly targetMask?: Mask | undefined;
  /** Of each layer, [b, a, c, k]. */
  readonly past?: readonly KeysAndValues[] | undefined;
  readonly mode?: Mode | undefined;
}

/** Vectors in, vectors out. */
export class Transformer extends Module {
  readonly config: TransformerConfig;
  readonly encoder: Encoder;
  readonly decoder: Decoder;

  constructor(options: TransformerOptions = {}) {
    super();
    this.config = transformerConfig(options);
    this.encoder = new Encoder(this.config);
    this.decoder = new Decoder(this.config);
  }

  /** → [b, t, d]; taps `encoder`, `decoder`, and of every layer its own name and `self_attn.probs`, `multihead_attn.probs`. */
  forward({ source, target, sourceMask, targetMask, memoryMask }: TransformerInputs, mode: Mode = evaluation): Tensor {
    const memory = this.encoder.forward(source, sourceMask, mode); //                    [b, s, d]
    const { output } = this.decoder.forward(target, {
      memory: this.decoder.prepare(memory),
      memoryMask,
      targetMask,
      mode,
    });
    return output; //                                                                    [b, t, d]
  }
}

class Encoder extends Module {
  readonly layers: readonly EncoderLayer[];
  readonly norm: LayerNorm | undefined;

  constructor(config: TransformerConfig) {
    super();
    const { width, encoder, finalNorm, eps, bias } = config;
    this.layers = Array.from({ length: encoder.layers }, () => new EncoderLayer(config));
    this.norm = finalNorm ? new LayerNorm(width, { eps, bias }) : undefined;
  }

  /** [b, s, d] → [b, s, d]. */
  forward(x: Tensor, mask: Mask | undefined, mode: Mode): Tensor {
    const y = this.layers.reduce((z, layer) => layer.forward(z, mask, mode), x);
    return tap("", this.norm ? this.norm.forward(y) : y);
  }
}

class Decoder extends Module {
  readonly layers: readonly DecoderLayer[];
  readonly norm: LayerNorm | undefined;

  constructor(config: TransformerConfig) {
    super();
    const { width, decoder, finalNorm, eps, bias } = config;
    this.layers = Array.from({ length: decoder.layers }, () => new DecoderLayer(config));
    this.norm = finalNorm ? new LayerNorm(width, { eps, bias }) : undefined;
  }

  /** What each layer reads of the source, mapped once for all steps: [b, a, s, k]. */
  prepare(memory: Tensor): readonly KeysAndValues[] {
    return this.layers.map((layer) => layer.multiheadAttn.keysAndValues(memory));
  }

  /** [b, t, d] → [b, t, d], and of each layer the keys and values [b, a, t, k] to keep. */
  forward(
    x: Tensor,
    { memory, past, memoryMask, targetMask, mode = evaluation }: DecoderInputs,
  ): { readonly output: Tensor; readonly kept: readonly KeysAndValues[] } {
    let y = x;
    const kept = this.layers.map((layer, i) => {
      const result = layer.forward(y, { memory: memory[i]!, past: past?.[i], memoryMask, targetMask, mode });
      y = result.output;
      return result.kept;
    });
    return { output: tap("", this.norm ? this.norm.forward(y) : y), kept };
  }
}

/** What both kinds of layers have. */
abstract class Layer extends Module {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly drop: Dropout;
  readonly #activation: Activation;
  readonly #normFirst: boolean;

  constructor(config: TransformerConfig, { heads, mlpWidth }: StackSize) {
    super();
    const { width, eps, bias } = config;
    this.selfAttn = attentionOf(config, heads);
    this.linear1 = linearOf(width, mlpWidth, bias);
    this.linear2 = linearOf(mlpWidth, width, bias);
    this.norm1 = new LayerNorm(width, { eps, bias });
    this.norm2 = new LayerNorm(width, { eps, bias });
    this.drop = new Dropout(config.dropout);
    this.#activation = config.activation;
    this.#normFirst = config.normFirst;
  }

  /** LN(x + part(x)), or x + part(LN x). */
  protected around(x: Tensor, norm: LayerNorm, mode: Mode, part: (x: Tensor) => Tensor): Tensor {
    if (this.#normFirst) return x.add(this.drop.forward(part(norm.forward(x)), mode));
    return norm.forward(x.add(this.drop.forward(part(x), mode)));
  }

  /** FFN(x) = W₂ act(W₁ x + b₁) + b₂. @source section 3.3 */
  protected network(x: Tensor, mode: Mode): Tensor {
    return this.linear2.forward(this.drop.forward(activate(this.linear1.forward(x), this.#activation), mode));
  }
}

class EncoderLayer extends Layer {
  constructor(config: TransformerConfig) {
    super(config, config.encoder);
  }

  forward(x: Tensor, mask: Mask | undefined, mode: Mode): Tensor {
    const y = this.around(x, this.norm1, mode, (z) => this.selfAttn.forward(z, { mask, mode }).output);
    return tap(
      "",
      this.around(y, this.norm2, mode, (z) => this.network(z, mode)),
    );
  }
}

class DecoderLayer extends Layer {
  readonly multiheadAttn: MultiheadAttention;
  readonly norm3: LayerNorm;

  constructor(config: TransformerConfig) {
    super(config, config.decoder);
    this.multiheadAttn = attentionOf(config, config.decoder.heads);
    this.norm3 = new LayerNorm(config.width, { eps: config.eps, bias: config.bias });
  }

  forward(
    x: Tensor,
    how: Omit<DecoderInputs, "memory" | "past" | "mode"> & {
      readonly memory: KeysAndValues;
      readonly past: KeysAndValues | undefined;
      readonly mode: Mode;
    },
  ): { readonly output: Tensor; readonly kept: KeysAndValues } {
    const { memory, past, memoryMask, targetMask, mode } = how;
    let kept: KeysAndValues | undefined;
    let y = this.around(x, this.norm1, mode, (z) => {
      const attended = this.selfAttn.forward(z, { mask: targetMask, past, mode });
      kept = attended.kept;
      return attended.output;
    });
    y = this.around(
      y,
      this.norm2,
      mode,
      (z) => this.multiheadAttn.forward(z, { mapped: memory, mask: memoryMask, mode }).output,
    );
    y = this.around(y, this.norm3, mode, (z) => this.network(z, mode));
    return { output: tap("", y), kept: kept! };
  }
}

/** Matrices begin as torch.nn.Transformer draws them again once it is built. */
function linearOf(width: number, out: number, bias: boolean): Linear {
  return new Linear(width, out, { bias, init: { weight: xavierUniform, bias: torchBias([out, width]) } });
}

function attentionOf({ width, dropout, bias }: TransformerConfig, heads: number): MultiheadAttention {
  return new MultiheadAttention(width, heads, { dropout, bias, outInit: xavierUniform });
}
