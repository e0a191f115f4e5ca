/** The two-layer networks that transformers apply to each token. */

import { split, type Tensor } from "../tensor/index.ts";
import { type Activation, activate } from "./activations.ts";
import { Dropout } from "./drop.ts";
import { Linear, type LinearInit } from "./linear.ts";
import { type Mode, Module } from "./module.ts";
import type { TokenNorm, TokenNormMaker } from "./norm.ts";

/** What an MLP may be told besides its sizes. */
export interface MlpOptions {
  /** GELU (erf) without it. */
  readonly activation?: Activation;
  /** Biases in both maps; true without it. */
  readonly bias?: boolean;
  /** A normalisation between the maps. */
  readonly norm?: TokenNormMaker | undefined;
  /** Dropout rate after the activation and after the second map. */
  readonly dropout?: number;
  readonly init?: LinearInit | undefined;
}

/** fc2(act(fc1 x)). */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly norm: TokenNorm | undefined;
  readonly fc2: Linear;
  readonly drop: Dropout;
  readonly #activation: Activation;

  /** @param mlpWidth width between the two maps */
  constructor(width: number, mlpWidth: number, options: MlpOptions = {}) {
    super();
    const { bias = true, init } = options;
    this.fc1 = new Linear(width, mlpWidth, { bias, init });
    this.norm = options.norm?.(mlpWidth);
    this.fc2 = new Linear(mlpWidth, width, { bias, init });
    this.drop = new Dropout(options.dropout ?? 0);
    this.#activation = options.activation ?? "gelu";
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    let y = activate(this.fc1.forward(x, mode), this.#activation); // [.., e]
    y = this.drop.forward(y, mode);
    if (this.norm) y = this.norm.forward(y);
    return this.drop.forward(this.fc2.forward(y, mode), mode); //     [.., d]
  }
}

/**
 * fc2(act(g) · v), where fc1 x = [g, v]: SwiGLU with both maps in one weight.
 * @source Shazeer, arXiv:2002.05202; timm/layers/mlp.py GluMlp with gate_last=False
 */
export class PackedSwiGlu extends Module {
  readonly fc1: Linear;
  readonly norm: TokenNorm | undefined;
  readonly fc2: Linear;
  readonly drop: Dropout;
  readonly #activation: Activation;

  /** @param mlpWidth width of gate and value together; even */
  constructor(width: number, mlpWidth: number, options: MlpOptions = {}) {
    super();
    const { bias = true, init } = options;
    this.fc1 = new Linear(width, mlpWidth, { bias, init });
    this.norm = options.norm?.(mlpWidth / 2);
    this.fc2 = new Linear(mlpWidth / 2, width, { bias, init });
    this.drop = new Dropout(options.dropout ?? 0);
    this.#activation = options.activation ?? "silu";
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const [gate, value] = split(this.fc1.forward(x, mode), 2, -1) as [Tensor, Tensor]; // [.., e/2] each
    let y = this.drop.forward(activate(gate, this.#activation).mul(value), mode); // [.., e/2]
    if (this.norm) y = this.norm.forward(y);
    return this.drop.forward(this.fc2.forward(y, mode), mode); //                    [.., d]
  }
}

/** fc2(act(fc1_g x) · fc1_x x). @source timm/layers/mlp.py SwiGLU */
export class SwiGlu extends Module {
  // Public checkpoints call the two maps so.
  readonly fc1G: Linear;
  readonly fc1X: Linear;
  readonly norm: TokenNorm | undefined;
  readonly fc2: Linear;
  readonly drop: Dropout;
  readonly #activation: Activation;

  constructor(width: number, mlpWidth: number, options: MlpOptions = {}) {
    super();
    const { bias = true, init } = options;
    this.fc1G = new Linear(width, mlpWidth, { bias, init });
    this.fc1X = new Linear(width, mlpWidth, { bias, init });
    this.norm = options.norm?.(mlpWidth);
    this.fc2 = new Linear(mlpWidth, width, { bias, init });
    this.drop = new Dropout(options.dropout ?? 0);
    this.#activation = options.activation ?? "silu";
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const gate = activate(this.fc1G.forward(x, mode), this.#activation); //    [.., e]
    let y = this.drop.forward(gate.mul(this.fc1X.forward(x, mode)), mode); //  [.., e]
    if (this.norm) y = this.norm.forward(y);
    return this.drop.forward(this.fc2.forward(y, mode), mode); //                    [.., d]
  }
}
