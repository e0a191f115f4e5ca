/** One step of a recurrent network, for decoders whose next input depends on the last result. Names as torch.nn's cells. */

import { VitrineError } from "../errors.ts";
import { linear, sigmoid, split, type Tensor, tanh } from "../tensor/index.ts";
import { uniform } from "./init.ts";
import { Module, type Parameter, parameter } from "./module.ts";

/** What a cell carries from step to step, [b, h] each; `cell` of the LSTM only. */
export interface CellState {
  readonly state: Tensor;
  readonly cell?: Tensor | undefined;
}

/** @throws {VitrineError} INVALID_ARGUMENT unless all sizes are whole numbers from 1 up. */
export function checkSizes(sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!(Number.isInteger(size) && size >= 1))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `recurrent network: ${name} is a whole number from 1 up`,
        evidence: `got ${size}`,
      });
}

/** A cell in two parts, so that what the inputs say can be computed for all steps at once. */
export abstract class Cell extends Module {
  /** [gates · h, d], [gates · h, h] */
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter;
  readonly biasHh: Parameter;

  protected constructor(width: number, hidden: number, gates: number) {
    super();
    checkSizes({ width, hidden });
    const init = uniform(1 / Math.sqrt(hidden));
    this.weightIh = parameter([gates * hidden, width], init);
    this.weightHh = parameter([gates * hidden, hidden], init);
    this.biasIh = parameter([gates * hidden], init);
    this.biasHh = parameter([gates * hidden], init);
  }

  /** Input [b, d] and state → the next state. */
  forward(x: Tensor, before: CellState): CellState {
    return this.advance(linear(x, this.weightIh, this.biasIh), before);
  }

  /** The same from the input's part of the gates, W x + b [b, gates · h]. */
  abstract advance(fromInput: Tensor, before: CellState): CellState;
}

/** @source torch/nn/modules/rnn.py GRUCell */
export class GruCell extends Cell {
  constructor(width: number, hidden: number) {
    super(width, hidden, 3);
  }

  advance(fromInput: Tensor, { state }: CellState): CellState {
    const h = state.shape[1] as number;
    const [x, a] = split(fromInput, [2 * h, h], 1) as [Tensor, Tensor];
    const [y, q] = split(linear(state, this.weightHh, this.biasHh), [2 * h, h], 1) as [Tensor, Tensor];
    const [r, z] = split(sigmoid(x.add(y)), 2, 1) as [Tensor, Tensor];
    const n = tanh(a.add(r.mul(q)));
    return { state: n.add(z.mul(state.sub(n))) };
  }
}

/** @source torch/nn/modules/rnn.py LSTMCell */
export class LstmCell extends Cell {
  constructor(width: number, hidden: number) {
    super(width, hidden, 4);
  }

  advance(fromInput: Tensor, { state, cell }: CellState): CellState {
    const gates = fromInput.add(linear(state, this.weightHh, this.biasHh));
    const [i, f, g, o] = split(gates, 4, 1) as [Tensor, Tensor, Tensor, Tensor];
    const gain = sigmoid(i).mul(tanh(g));
    const next = cell ? sigmoid(f).mul(cell).add(gain) : gain;
    return { state: sigmoid(o).mul(tanh(next)), cell: next };
  }
}
