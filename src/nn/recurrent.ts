/**
 * Recurrent networks over time: RNN, GRU and LSTM, with the names and results of torch.nn.
 *
 * Each layer and direction has its own parameters, `weight_ih_l0`, `weight_hh_l0_reverse`, …; a layer is one operator of the engine. Sequences
 * of a batch may have lengths: what lies beyond a sequence's end is not read, its results are zeros, its last state is that of its own last
 * step, and the backward direction begins there (torch's packed sequences).
 *
 * Axes: b batch · t time · d width in · h state (hidden) · p projected state · s directions
 */

import { VitrineError } from "../errors.ts";
import type { Dim } from "../graph/dim.ts";
import {
  at,
  cast,
  concat,
  dims,
  equal,
  full,
  gru,
  lstm,
  type RecurrenceOptions,
  rnn,
  sizeScalar,
  slice,
  split,
  stack,
  type Tensor,
  unsqueeze,
} from "../tensor/index.ts";
import { countTo } from "./attention-masks.ts";
import { Dropout } from "./drop.ts";
import { uniform } from "./init.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "./module.ts";
import { checkSizes } from "./recurrent-cells.ts";

/** What a recurrent network may be told besides its widths. */
export interface RecurrentOptions {
  /** Layers on top of each other; 1 without it. */
  readonly layers?: number | undefined;
  /** True without it. */
  readonly bias?: boolean | undefined;
  /** A second direction, from the end to the start, beside the first; false without it. */
  readonly bidirectional?: boolean | undefined;
  /** Dropout rate between the layers. */
  readonly dropout?: number | undefined;
}

/** What a run starts from, and where its sequences end. */
export interface RecurrentInputs {
  /** [layers · s, b, h]: the first state of each layer and direction; zeros without it. */
  readonly state?: Tensor | undefined;
  /** [layers · s, b, h]; LSTM only. */
  readonly cell?: Tensor | undefined;
  /** int64 [b], each at least 1; all have the whole length without it. */
  readonly lengths?: Tensor | undefined;
  readonly mode?: Mode | undefined;
}

/** Results of a run. */
export interface RecurrentResults {
  /** [b, t, s · h]: the last layer's states, forward and backward side by side. */
  readonly output: Tensor;
  /** [layers · s, b, h]: the states after the last step, by layer, then direction. */
  readonly state: Tensor;
}

/** The parameters of one layer and direction, as torch stores them. */
interface LayerParameters {
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | undefined;
  readonly biasHh: Parameter | undefined;
  readonly weightHr: Parameter | undefined;
}

/** The weights of one layer in the operator's form: both directions stacked, gates in ONNX's order. */
interface OperatorWeights extends Pick<RecurrenceOptions, "bias"> {
  readonly weight: Tensor;
  readonly recurrent: Tensor;
}

/** What one layer gives: all states [t, s, b, h] and the last ones [s, b, h]. */
interface LayerResults {
  readonly states: Tensor;
  readonly last: Tensor;
  readonly lastCell?: Tensor;
}

abstract class Recurrent extends Module {
  readonly drop: Dropout;
  readonly #layers: readonly (readonly LayerParameters[])[];
  readonly #order: readonly number[];
  protected readonly directions: number;

  /**
   * @param order where the operator's gates stand among torch's
   * @throws {VitrineError} INVALID_ARGUMENT for sizes that are no whole numbers from 1 up, and a projection that does not narrow.
   */
  protected constructor(
    width: number,
    hidden: number,
    order: readonly number[],
    { layers = 1, bias = true, bidirectional = false, dropout = 0 }: RecurrentOptions,
    projected?: number,
  ) {
    super();
    checkSizes({ width, hidden, layers, ...(projected === undefined ? {} : { projWidth: projected }) });
    if (projected !== undefined && projected >= hidden)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "recurrent network: the projected state's width is smaller than that of the state",
        evidence: `got ${projected} of ${hidden}`,
      });
    const init = uniform(1 / Math.sqrt(hidden));
    const [gates, out] = [order.length, projected ?? hidden];
    this.directions = bidirectional ? 2 : 1;
    this.#order = order;
    this.#layers = Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: this.directions }, (_, direction) => {
        const read = layer === 0 ? width : out * this.directions;
        const parameters: LayerParameters = {
          weightIh: parameter([gates * hidden, read], init),
          weightHh: parameter([gates * hidden, out], init),
          biasIh: bias ? parameter([gates * hidden], init) : undefined,
          biasHh: bias ? parameter([gates * hidden], init) : undefined,
          weightHr: projected ? parameter([projected, hidden], init) : undefined,
        };
        // As fields of the module, which is where names come from; how many there are is known only here.
        const end = `L${layer}${direction === 1 ? "Reverse" : ""}`;
        for (const [name, value] of Object.entries(parameters))
          if (value) Object.assign(this, { [`${name}${end}`]: value });
        return parameters;
      }),
    );
    this.drop = new Dropout(dropout);
  }

  /** Runs all layers. @param runLayer runs one of them on [t, b, d] */
  protected runLayers(
    x: Tensor,
    { lengths, mode = evaluation }: RecurrentInputs,
    runLayer: (x: Tensor, layer: number, shared: Pick<RecurrenceOptions, "lengths" | "direction">) => LayerResults,
  ): { readonly output: Tensor; readonly last: readonly LayerResults[] } {
    dims(x, "b t d");
    const shared = {
      lengths: lengths && cast(lengths, "int32"),
      direction: this.directions === 2 ? "bidirectional" : "forward",
    } as const;
    let y = x.transpose([1, 0, 2]); //                       [t, b, d]
    const last: LayerResults[] = [];
    for (const layer of this.#layers.keys()) {
      if (layer > 0) y = this.drop.forward(y, mode);
      const results = runLayer(y, layer, shared);
      last.push(results);
      y = sideBySide(results.states); //                     [t, b, s · h]
    }
    return { output: y.transpose([1, 0, 2]), last };
  }

  protected parametersOf(layer: number): readonly LayerParameters[] {
    return this.#layers[layer]!;
  }

  protected weightsOf(layer: number): OperatorWeights {
    const both = this.parametersOf(layer);
    const biases = both.map(
      ({ biasIh, biasHh }) => biasIh && biasHh && concat([this.ordered(biasIh), this.ordered(biasHh)], 0),
    );
    return {
      weight: stack(
        both.map(({ weightIh }) => this.ordered(weightIh)),
        0,
      ),
      recurrent: stack(
        both.map(({ weightHh }) => this.ordered(weightHh)),
        0,
      ),
      bias: biases[0] && stack(biases as Tensor[], 0),
    };
  }

  /** Rows of gates in the operator's order. */
  protected ordered(t: Tensor): Tensor {
    if (this.#order.every((gate, i) => gate === i)) return t;
    const parts = split(t, this.#order.length, 0);
    return concat(
      this.#order.map((gate) => parts[gate]!),
      0,
    );
  }

  /** The first states of one layer, from those of all. */
  protected ofLayer(all: Tensor | undefined, layer: number): Tensor | undefined {
    const s = this.directions;
    return all && this.#layers.length > 1 ? slice(all, 0, layer * s, (layer + 1) * s) : all;
  }
}

/** h = tanh(W x + b + R h + c), or with relu. @source torch/nn/modules/rnn.py RNN (Elman 1990) */
export class Rnn extends Recurrent {
  readonly #activation: "Tanh" | "Relu";

  constructor(
    width: number,
    hidden: number,
    options: RecurrentOptions & { readonly activation?: "tanh" | "relu" | undefined } = {},
  ) {
    super(width, hidden, [0], options);
    this.#activation = options.activation === "relu" ? "Relu" : "Tanh";
  }

  /** [b, t, d] → states [b, t, s · h] and the last ones [layers · s, b, h]. */
  forward(x: Tensor, inputs: RecurrentInputs = {}): RecurrentResults {
    const { output, last } = this.runLayers(x, inputs, (y, layer, shared) => {
      const { weight, recurrent, bias } = this.weightsOf(layer);
      const initial = this.ofLayer(inputs.state, layer);
      return rnn(y, weight, recurrent, { ...shared, bias, initial, activation: this.#activation });
    });
    return {
      output,
      state: concat(
        last.map((layer) => layer.last),
        0,
      ),
    };
  }
}

/**
 * r, z = σ(W x + b + R h + c), n = tanh(W x + b + r ∘ (R h + c)), h = (1 − z) ∘ n + z ∘ h.
 * @source Cho et al., arXiv:1406.1078, with the reset after the state's map as torch/nn/modules/rnn.py GRU
 */
export class Gru extends Recurrent {
  constructor(width: number, hidden: number, options: RecurrentOptions = {}) {
    super(width, hidden, [1, 0, 2], options);
  }

  /** [b, t, d] → states [b, t, s · h] and the last ones [layers · s, b, h]. */
  forward(x: Tensor, inputs: RecurrentInputs = {}): RecurrentResults {
    const { output, last } = this.runLayers(x, inputs, (y, layer, shared) => {
      const { weight, recurrent, bias } = this.weightsOf(layer);
      return gru(y, weight, recurrent, { ...shared, bias, initial: this.ofLayer(inputs.state, layer) });
    });
    return {
      output,
      state: concat(
        last.map((layer) => layer.last),
        0,
      ),
    };
  }
}

/**
 * i, f, o = σ(W x + b + R h + c), g = tanh(…), c = f ∘ c + i ∘ g, h = o ∘ tanh(c); with a projection, h = P (o ∘ tanh(c)).
 * @source Hochreiter & Schmidhuber 1997; Sak et al., arXiv:1402.1128 (projection); torch/nn/modules/rnn.py LSTM
 */
export class Lstm extends Recurrent {
  /** @param options `projWidth`: width p of the projected state; none without it */
  constructor(
    width: number,
    hidden: number,
    options: RecurrentOptions & { readonly projWidth?: number | undefined } = {},
  ) {
    super(width, hidden, [0, 3, 1, 2], options, options.projWidth);
  }

  /** [b, t, d] → states [b, t, s · h] (s · p with a projection), the last ones, and the last cells [layers · s, b, h]. */
  forward(x: Tensor, inputs: RecurrentInputs = {}): RecurrentResults & { readonly cell: Tensor } {
    const { output, last } = this.runLayers(x, inputs, (y, layer, shared) => {
      const run = { ...shared, initialCell: this.ofLayer(inputs.cell, layer) };
      const initial = this.ofLayer(inputs.state, layer);
      if (this.parametersOf(layer)[0]!.weightHr) return this.#projected(y, layer, { ...run, initial });
      const { weight, recurrent, bias } = this.weightsOf(layer);
      return lstm(y, weight, recurrent, { ...run, bias, initial });
    });
    return {
      output,
      state: concat(
        last.map((layer) => layer.last),
        0,
      ),
      cell: concat(
        last.map((layer) => layer.lastCell!),
        0,
      ),
    };
  }

  /**
   * The operator has no projection, and needs none: with m = o ∘ tanh(c) and h = P m, R h is (R P) m, so that m runs on by itself. A first
   * state h, which need not be P times anything, enters the gates of the first step as one more part of the input.
   */
  #projected(
    x: Tensor,
    layer: number,
    { initial, ...run }: RecurrenceOptions & { readonly initialCell?: Tensor | undefined },
  ): LayerResults {
    const both = this.parametersOf(layer);
    const { weight, recurrent, bias } = this.weightsOf(layer); //       recurrent: [s, 4h, p]
    const projection = stack(
      both.map(({ weightHr }) => weightHr!),
      0,
    ); // [s, p, h]
    const [read, wide] = initial
      ? [withFirstStates(x, initial, run.lengths), withFirstWeights(weight, recurrent)]
      : [x, weight];
    const own = lstm(read, wide, recurrent.matmul(projection), { ...run, bias });
    const project = (t: Tensor): Tensor => t.matmul(projection.transpose([0, 2, 1]));
    return { states: project(own.states), last: project(own.last), lastCell: own.lastCell };
  }
}

/** [t, b, d], [s, b, p] → [t, b, d + s · p]: the first state of each direction at the step with which it begins, zeros elsewhere. */
function withFirstStates(x: Tensor, initial: Tensor, lengths: Tensor | undefined): Tensor {
  const t = x.shape[0]!;
  const steps = unsqueeze(countTo(t), 1); //                                        [t, 1]
  const ends = lengths ? cast(lengths, "int64") : sizeScalar(t);
  const starts = [full([1], 0, "int64"), ends.sub(1)];
  const parts = Array.from({ length: initial.shape[0] as number }, (_, s) =>
    cast(unsqueeze(equal(steps, starts[s]!), 2), "float32").mul(unsqueeze(at(initial, 0, s), 0)),
  );
  return concat([x, ...parts], 2);
}

/** [s, 4h, d], [s, 4h, p] → [s, 4h, d + s · p]: each direction reads its own first state only. */
function withFirstWeights(weight: Tensor, recurrent: Tensor): Tensor {
  const [s, rows, p] = recurrent.shape as readonly [number, number, number];
  const of = (direction: number): Tensor =>
    concat(
      [
        at(weight, 0, direction),
        ...Array.from({ length: s }, (_, other) =>
          other === direction ? at(recurrent, 0, other) : full([rows, p], 0),
        ),
      ],
      1,
    );
  return stack(
    Array.from({ length: s }, (_, direction) => of(direction)),
    0,
  );
}

/** [t, s, b, h] → [t, b, s · h]. */
function sideBySide(states: Tensor): Tensor {
  const [t, s, b, h] = states.shape as readonly [Dim, number, Dim, number];
  return states.transpose([0, 2, 1, 3]).reshape([t, b, s * h]);
}
