/** The encoder that the notes write out: words and learned positions, a mask for padding, blocks of attention and a small network. */

import { compile, type NdArray, ndarray, nodeRuntime, relu, slice, type Tensor } from "vitrine";
import { Embedding, keyPaddingMask, LayerNorm, Linear, type Mask, Module, MultiheadAttention } from "vitrine/nn";

class Block extends Module {
  readonly attention: MultiheadAttention;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly wide: Linear;
  readonly narrow: Linear;

  constructor(width: number, heads: number) {
    super();
    this.attention = new MultiheadAttention(width, heads);
    this.norm1 = new LayerNorm(width);
    this.norm2 = new LayerNorm(width);
    this.wide = new Linear(width, 4 * width);
    this.narrow = new Linear(4 * width, width);
  }

  /** [b, n, d] → [b, n, d]. */
  forward(x: Tensor, mask: Mask): Tensor {
    const y = this.norm1.forward(x.add(this.attention.forward(x, { mask }).output));
    return this.norm2.forward(y.add(this.narrow.forward(relu(this.wide.forward(y)))));
  }
}

class Encoder extends Module {
  readonly words: Embedding = new Embedding(30, 16);
  readonly positions: Embedding = new Embedding(12, 16); // learned: a row for each place
  readonly layers: readonly Block[] = [new Block(16, 4), new Block(16, 4)];

  /** Ids [b, n], and which of them are words: [b, n] → [b, n, d]. */
  forward(ids: Tensor, valid: Tensor): Tensor {
    const x = this.words.forward(ids).add(slice(this.positions.weight, 0, 0, ids.shape[1]!));
    return this.layers.reduce((y, layer) => layer.forward(y, keyPaddingMask(valid)), x);
  }
}

const encoder = new Encoder().initialize(0);
const run = await compile(
  ({ ids, valid }) => ({ vectors: encoder.forward(ids, valid) }),
  { ids: { dtype: "int64", shape: ["b", "n"] }, valid: { dtype: "bool", shape: ["b", "n"] } },
  { runtime: await nodeRuntime({ threads: 1 }), taps: ["layers.0.attention.probs"] },
);
const encode = (ids: number[], valid: number[]) =>
  run.run({ ids: ndarray("int64", [1, ids.length], ids), valid: ndarray("bool", [1, ids.length], valid) });

// A short sentence alone, and the same with padding behind it: its words get the same vectors.
const alone = await encode([5, 9, 2], [1, 1, 1]);
const padded = await encode([5, 9, 2, 0, 0], [1, 1, 1, 0, 0]);
const numbers = ({ data }: NdArray): number[] => Array.from(data, Number);
const [before, after] = [numbers(alone.vectors!), numbers(padded.vectors!)];
const most = Math.max(...before.map((x, i) => Math.abs(x - after[i]!)));
console.log("padding changes a word by", most < 1e-6 ? "nothing" : most);
const weights = numbers(padded["layers.0.attention.probs"]!).slice(0, 5);
console.log("head 0, first word looks at", weights.map((x) => x.toFixed(2)).join(" ")); // two zeros at the end
await run.dispose();
