/** Tables of vectors, one for each word. */

import { gather, type Tensor } from "../tensor/index.ts";
import { type Initializer, normal } from "./init.ts";
import { Module, type Parameter, parameter } from "./module.ts";

/** A learned vector for each id. @source torch.nn.Embedding */
export class Embedding extends Module {
  /** [words, width] */
  readonly weight: Parameter;

  /** @param init N(0, 1) without it, as in PyTorch */
  constructor(words: number, width: number, init: Initializer = normal(1)) {
    super();
    this.weight = parameter([words, width], init);
  }

  /** Ids [..] → vectors [.., width]. */
  forward(ids: Tensor): Tensor {
    return gather(this.weight, ids, 0);
  }
}
