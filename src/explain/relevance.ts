/** Gradient-weighted attention: which tokens the attention carried that raised one class' logit. */

import { grad } from "../gradient/index.ts";
import { concat, mean, relu, type Tensor } from "../tensor/index.ts";
import type { Question } from "./look.ts";
import type { Subject } from "./subject.ts";
import { timesMatrix } from "./token-rows.ts";

/**
 * Asks for Ā = E_h[(∂y/∂A ∘ A)⁺] of each block [b, n, n], where y is the class' logit, and for the same of a pooling query [b, 1, n].
 *
 * The logit and not the probability, which depends on all other classes too.
 */
export function relevanceQuestion({ readout }: Pick<Subject, "readout">): Question {
  return ({ attention, logit, tap }) => {
    const pooling = readout.kind === "attention" ? [tap(readout.tap)] : [];
    const parts = [...attention.flat(), ...pooling];
    const gradients = grad(logit, parts);
    const weighted = new Map(parts.map((probs, i) => [probs, relu(gradients[i]!.mul(probs))] as const));
    const ofHeads = (block: readonly Tensor[]): Tensor =>
      mean(
        concat(
          block.map((probs) => weighted.get(probs)!),
          1,
        ),
        { axes: [1] },
      );
    const answers: Record<string, Tensor> = {};
    for (const [i, block] of attention.entries()) answers[`block ${i}`] = ofHeads(block);
    if (pooling.length > 0) answers.pooling = ofHeads(pooling);
    return answers;
  };
}

/**
 * row · (I + Ā_L) ⋯ (I + Ā_1): the row of R after R ← R + Ā R for each block, from R = I.
 * @param start weights [n] over the tokens after the last block
 * @param matrices Ā [n, n] of each block in C order, first block first
 * @returns relevance [n] of each input token; not normalised, at least `start` everywhere
 * @source Chefer, Gur & Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers", arXiv:2103.15679,
 * equations (5), (6)
 */
export function relevanceRow(start: Float64Array, matrices: readonly ArrayLike<number>[]): Float64Array {
  return [...matrices].reverse().reduce((row: Float64Array, matrix) => {
    const carried = timesMatrix(row, matrix);
    return row.map((weight, j) => weight + carried[j]!);
  }, start);
}
