/** A tensor is lazy: it writes a graph. Gradients are more of the same graph. */

import { grad, printGraph, softmax, sum, tensor } from "vitrine";

// Attention over three tokens, by hand: softmax(q kᵀ / √2) v.
const q = tensor([1, 0, 0, 1, 1, 1], [3, 2]);
const k = tensor([1, 0, 0, 1, 0, 0], [3, 2]);
const v = tensor([1, 2, 3], [3, 1]);
const weights = softmax(q.matmul(k.transpose()).mul(Math.SQRT1_2)); // [3, 3]
const output = weights.matmul(v); //                                   [3, 1]

console.log("each token looks at", (await weights.array()).data);
const [dv] = grad(sum(output), [v]); // how much the result depends on each value
console.log("∂/∂v", (await dv!.array()).data);
console.log(printGraph({ inputs: [], outputs: new Map([["dv", dv!.value]]), updates: new Map() }));
