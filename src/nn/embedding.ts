/** Tables of vectors, one for each word. */

import { equal, gather, slice, type Tensor, unsqueeze, where } from "../tensor/index.ts";
import { type Initializer, normal } from "./init.ts";
import { Module, type Parameter, parameter } from "./module.ts";

/** A learned vector for each id. @source torch.nn.Embedding */
export class Embedding extends Module {
  /** [words, width] */
  readonly weight: Parameter;
  readonly #pad: number | undefined;

  /**
   * @param init N(0, 1) without it, as in PyTorch
   * @param pad id whose vector does not learn from being looked up (PyTorch's `padding_idx`)
   */
  constructor(words: number, width: number, init: Initializer = normal(1), pad?: number) {
    super();
    this.weight = parameter([words, width], init);
    this.#pad = pad;
  }

  /** Ids [..] → vectors [.., width]. */
  forward(ids: Tensor): Tensor {
    const vectors = gather(this.weight, ids, 0);
    if (this.#pad === undefined) return vectors;
    const row = slice(this.weight.withoutGradient, 0, this.#pad, this.#pad + 1); // [1, width]
    return where(unsqueeze(equal(ids, this.#pad), -1), row, vectors);
  }
}
