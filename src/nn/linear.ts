/** Linear maps. */

import { linear, type Tensor } from "../tensor/index.ts";
import { type Initializer, torchBias, torchWeight } from "./init.ts";
import type { Lora } from "./lora.ts";
import { type Mode, Module, type Parameter, parameter } from "./module.ts";

/** How the weights and biases of linear maps begin. */
export interface LinearInit {
  readonly weight: Initializer;
  readonly bias: Initializer;
}

/** What a `Linear` may be told besides its sizes. */
export interface LinearOptions {
  /** With a bias; true without it. */
  readonly bias?: boolean;
  /** PyTorch's default without it: both U(±1/√in). */
  readonly init?: LinearInit | undefined;
}

/** x Wᵀ + bias over the last axis, and what an adapter adds to it. */
export class Linear extends Module {
  /** [out, in], as PyTorch stores it. */
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  /** Set by `addLora`; no model begins with one. */
  lora: Lora | undefined;

  /**
   * @param width size of the last axis of the input
   * @param out size of the last axis of the result
   */
  constructor(width: number, out: number, { bias = true, init }: LinearOptions = {}) {
    super();
    const shape = [out, width];
    this.weight = parameter(shape, init?.weight ?? torchWeight);
    this.bias = bias ? parameter([out], init?.bias ?? torchBias(shape)) : undefined;
  }

  /**
   * [.., in] → [.., out].
   * @param mode only an adapter asks for it
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    const y = linear(x, this.weight, this.bias);
    return this.lora ? y.add(this.lora.forward(x, mode)) : y;
  }
}
