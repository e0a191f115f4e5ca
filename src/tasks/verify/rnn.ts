/** Cases of recurrent networks: torch.nn.RNN, GRU and LSTM. */

import { Gru, Lstm, type RecurrentOptions, Rnn } from "../../nn/recurrent.ts";
import { squeeze, type Tensor, unsqueeze } from "../../tensor/index.ts";
import { type GoldenModel, unknownReference } from "./adapter.ts";
import { configNumber } from "./config.ts";
import type { GoldenFile } from "./golden-file.ts";
import { sequenceLayout } from "./torch-sequences.ts";

/** @throws {VitrineError} as `Adapter`. */
export function rnnAdapter(golden: GoldenFile): GoldenModel {
  const module = networkOf(golden);
  const { single, enter, leave } = sequenceLayout(golden, "x");
  const wide = (t: Tensor | undefined): Tensor | undefined => (t && single ? unsqueeze(t, 1) : t);
  const narrow = (t: Tensor): Tensor => (single ? squeeze(t, 1) : t);
  return {
    module,
    rules: [],
    inputs: ["x", "h_0", "c_0", "lengths"],
    forward: ({ x, h_0: state, c_0: cell, lengths }, mode) => {
      const results = module.forward(enter(x!), { state: wide(state), cell: wide(cell), lengths, mode });
      const { output, state: last } = results;
      const cells = "cell" in results ? { c_n: narrow(results.cell as Tensor) } : {};
      return { output: leave(output), h_n: narrow(last), ...cells };
    },
    valueNamed: (name) => ({ tap: name }),
  };
}

function networkOf(golden: GoldenFile): Rnn | Gru | Lstm {
  const { config, reference } = golden;
  const [width, hidden] = [configNumber(golden, "input_size"), configNumber(golden, "hidden_size")];
  const options: RecurrentOptions = {
    layers: configNumber(golden, "num_layers", 1),
    bias: config.bias !== false,
    bidirectional: config.bidirectional === true,
  };
  switch (/torch\.nn\.(RNN|GRU|LSTM)\b/.exec(reference)?.[1]) {
    case "RNN":
      return new Rnn(width, hidden, { ...options, activation: config.nonlinearity === "relu" ? "relu" : "tanh" });
    case "GRU":
      return new Gru(width, hidden, options);
    case "LSTM":
      return new Lstm(width, hidden, { ...options, projWidth: configNumber(golden, "proj_size", 0) || undefined });
    default:
      throw unknownReference(golden, "torch.nn (RNN, GRU, LSTM)");
  }
}
