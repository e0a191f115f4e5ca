/** One step of a recurrent network, for decoders whose next input depends on the last result. Names as torch.nn's cells. */

import { concat, linear, sigmoid, split, type Tensor, tanh } from "../tensor/index.ts";
import { uniform } from "./init.ts";
import { Module, type Parameter, parameter } from "./module.ts";

abstract class Cell extends Module {
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter;
  readonly biasHh: Parameter;

  protected constructor(width: number, hidden: number, gates: number) {
    super();
    const init = uniform(1 / Math.sqrt(hidden));
    this.weightIh = parameter([gates * hidden, width], init);
    this.weightHh = parameter([gates * hidden, hidden], init);
    this.biasIh = parameter([gates * hidden], init);
    this.biasHh = parameter([gates * hidden], init);
  }
}

/** @source torch/nn/modules/rnn.py GRUCell */
export class GruCell extends Cell {
  constructor(width: number, hidden: number) {
    super(width, hidden, 3);
  }

  /** Input [b, d], state [b, h] → state [b, h]. */
  forward(x: Tensor, state: Tensor): Tensor {
    const h = state.shape[1] as number;
    const [fromInput, a] = split(linear(x, this.weightIh, this.biasIh), [2 * h, h], 1) as [Tensor, Tensor];
    const [fromState, q] = split(linear(state, this.weightHh, this.biasHh), [2 * h, h], 1) as [Tensor, Tensor];
    const [r, z] = split(sigmoid(fromInput.add(fromState)), 2, 1) as [Tensor, Tensor];
    const n = tanh(a.add(r.mul(q)));
    return n.add(z.mul(state.sub(n)));
  }
}

/** @source torch/nn/modules/rnn.py LSTMCell */
export class LstmCell extends Cell {
  constructor(width: number, hidden: number) {
    super(width, hidden, 4);
  }

  /** Input [b, d], state and cell [b, h] → the next two. */
  forward(x: Tensor, state: Tensor, cell: Tensor): { readonly state: Tensor; readonly cell: Tensor } {
    // One product for input and state.
    const weights = concat([this.weightIh, this.weightHh], 1);
    const gates = linear(concat([x, state], 1), weights, this.biasIh.add(this.biasHh));
    const [i, f, g, o] = split(gates, 4, 1) as [Tensor, Tensor, Tensor, Tensor];
    const next = sigmoid(f)
      .mul(cell)
      .add(sigmoid(i).mul(tanh(g)));
    return { state: sigmoid(o).mul(tanh(next)), cell: next };
  }
}
