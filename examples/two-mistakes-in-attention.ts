/** Two mistakes of the encoder in the notes, and what they cost: scores divided by √(whole width), and one small matrix for all heads. */

import { log, rearrange, softmax, stream, sum, type Tensor, tensor } from "vitrine";

const random = stream(7);
const normal = (...shape: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  );
const numbers = async (t: Tensor): Promise<number[]> => Array.from((await t.array()).data, Number);
const deviation = (x: number[]): number => Math.sqrt(x.reduce((total, value) => total + value * value, 0) / x.length);

// Mistake 1. Queries and keys of a head have k numbers each, so their products spread like √k, and dividing by √k brings them back to 1.
const [n, heads, k] = [64, 8, 32];
const [q, keys] = [normal(heads, n, k), normal(heads, n, k)];
const products = q.matmul(keys.transpose([0, 2, 1])); // [a, n, n]
for (const [name, width] of [
  ["right: √k", k],
  ["notes: √(heads · k)", heads * k],
] as const) {
  const scores = products.mul(1 / Math.sqrt(width));
  const weights = softmax(scores);
  const entropy = sum(weights.mul(log(weights)).neg(), { axes: [-1] });
  const mean = (await numbers(entropy)).reduce((a, b) => a + b) / (heads * n);
  // The wrong width divides by √heads too much: every head looks almost everywhere. Even attention has e^entropy = 64 keys.
  console.log(
    `${name}: scores spread ${deviation(await numbers(scores)).toFixed(2)}, a row looks at ${Math.exp(mean).toFixed(0)} of ${n}`,
  );
}

// Mistake 2. The notes cut a word into heads first and send each part through the same k × k matrix.
const [d, a] = [32, 4];
const word = normal(1, d);
const small = normal(d / a, d / a);
const whole = normal(d, d);
const cut = (x: Tensor): Tensor => rearrange(x, "n (a k) -> n a k", { a });
const right = (x: Tensor): Tensor => cut(x.matmul(whole)); // a head is a part of W x
const notes = (x: Tensor): Tensor => cut(x).matmul(small); // a head is W of a part of x
const nudge = tensor(
  Float32Array.from({ length: d }, (_, i) => (i === 0 ? 1 : 0)),
  [1, d],
);
for (const [name, queries] of [
  ["right: one d × d matrix", right],
  ["notes: one k × k matrix for all", notes],
] as const) {
  const [before, after] = [await numbers(queries(word)), await numbers(queries(word.add(nudge)))];
  const moved = Array.from({ length: a }, (_, head) =>
    before.some((value, i) => Math.floor(i / (d / a)) === head && value !== after[i]),
  );
  // One number of the word changes, in the first head's part.
  console.log(`${name}: heads that notice ${moved.map((yes) => (yes ? "yes" : "no")).join(" ")}`);
}
// All heads are one function of their parts: with equal parts they are the same head.
const equal = await numbers(notes(tensor(new Float32Array(d).fill(1), [1, d])));
const same = equal.every((value, i) => value === equal[i % (d / a)]);
console.log("equal parts, equal heads:", same);
console.log(`numbers in the matrix: right ${d * d}, notes ${(d / a) ** 2}`);
