/** Attention is three stages: how alike (similarity), who counts (softmax), what comes of it (weighted sum). Masks act between the first two. */

import { concat, ndarray, slice, softmax, stream, type Tensor, tensor } from "vitrine";
import { attendInStages, causalMask, keyPaddingMask } from "vitrine/nn";

const random = stream(0);
const [n, k] = [4, 8];
const x = tensor(
  Float32Array.from({ length: n * k }, () => random.normal()),
  [n, k],
); // four words
const rows = async (t: Tensor): Promise<number[][]> => {
  const { data, shape } = await t.array();
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, i) =>
    Array.from({ length: width }, (_, j) => Number(data[i * width + j])),
  );
};
const largest = (a: number[][], b: number[][]): number =>
  Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i]![j]!))));

// 1. Similarity: every word with every word. 2. Softmax: each row becomes shares. 3. Sum of the values by these shares.
const scores = x.matmul(x.transpose()).mul(1 / Math.sqrt(k)); // [n, n]
const weights = softmax(scores); //                               [n, n]
const output = weights.matmul(x); //                              [n, k]
const staged = attendInStages(x, x, x);
console.log("one function for all", largest(await rows(output), await rows(staged.output)));

// A mask is added to the scores, never to the values: what is out of sight gets the share 0, and a row still adds up to 1.
const causal = await rows(attendInStages(x, x, x, { mask: causalMask(n) }).weights);
console.log("causal", causal.map((row) => row.map((weight) => weight.toFixed(2)).join(" ")).join(" | "));
const valid = tensor(ndarray("bool", [1, n], [1, 1, 1, 0])); // the last word is padding
const batch = x.reshape([1, 1, n, k]);
const padded = await rows(attendInStages(batch, batch, batch, { mask: keyPaddingMask(valid) }).weights);
console.log(
  "nobody looks at padding",
  padded.every((row) => row[n - 1] === 0),
);
console.log("but padding still looks", padded[n - 1]!.map((weight) => weight.toFixed(2)).join(" ")); // the loss must leave it out

// Without position codes the order of the words means nothing: shuffled words give the same vectors, shuffled.
const order = [2, 0, 3, 1];
const pick = (t: Tensor): Tensor =>
  concat(
    order.map((i) => slice(t, 0, i, i + 1)),
    0,
  );
const shuffled = attendInStages(pick(x), pick(x), pick(x)).output;
console.log("f(P x) = P f(x)", largest(await rows(shuffled), await rows(pick(output))) < 1e-6);
