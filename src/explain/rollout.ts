/** Attention rollout: how attention mixes the input tokens into each token of the last block. */

import { VitrineError } from "../errors.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Question } from "./look.ts";
import type { Subject } from "./subject.ts";
import { fuseHeads, type HeadFusion, timesMatrix } from "./token-rows.ts";

/** Asks for one matrix [n, n] per block, and for the weights of a pooling query. */
export function rolloutQuestion({ readout }: Subject, fusion: HeadFusion): Question {
  return ({ attention, tap }) => {
    const answers: Record<string, Tensor> = {};
    for (const [i, parts] of attention.entries()) answers[`block ${i}`] = fuseHeads(parts, fusion);
    if (readout.kind === "attention") answers.pooling = fuseHeads([tap(readout.tap)], "mean");
    return answers;
  };
}

/**
 * row · Â_L ⋯ Â_1 with Â = A + I, each row divided by its sum: ½ (A + I) where the rows of A sum to 1.
 * @param start weights [n] over the tokens after the last block
 * @param matrices attention [n, n] of each block in C order, first block first, heads fused
 * @param prefix number of tokens that are no patches
 * @returns weights [n] over the input tokens, with the sum of `start`
 * @throws {VitrineError} INVALID_ARGUMENT for a share outside [0, 1) and for attention with negative weights.
 * @source Abnar & Zuidema, "Quantifying Attention Flow in Transformers", arXiv:2005.00928, section 3
 */
export function rolloutRow(
  start: Float64Array,
  matrices: readonly ArrayLike<number>[],
  { discard = 0, prefix = 1 }: { readonly discard?: number; readonly prefix?: number } = {},
): Float64Array {
  if (!(discard >= 0 && discard < 1))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "rollout: the share to discard must be in [0, 1)",
      evidence: `got ${discard}`,
    });
  return [...matrices]
    .reverse()
    .reduce((row: Float64Array, matrix) => timesMatrix(row, mixing(matrix, row.length, prefix, discard)), start);
}

/** A block as a matrix whose rows sum to 1: half attention, half the residual connection. */
function mixing(attention: ArrayLike<number>, n: number, prefix: number, discard: number): Float64Array {
  const matrix = Float64Array.from(attention);
  if (matrix.some((weight) => weight < 0))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "rollout: attention weights must not be negative",
      evidence: "this model subtracts one attention from another",
      next: "choose relevance, grad-cam or integrated-gradients",
    });
  if (discard > 0) discardSmallest(matrix, n, prefix, discard);
  for (let i = 0; i < n; i++) {
    const row = matrix.subarray(i * n, (i + 1) * n);
    row[i]! += 1;
    const total = row.reduce((sum, weight) => sum + weight, 0);
    for (let j = 0; j < n; j++) row[j]! /= total;
  }
  return matrix;
}

function discardSmallest(matrix: Float64Array, n: number, prefix: number, share: number): void {
  const candidates: number[] = [];
  for (let i = 0; i < n; i++) for (let j = prefix; j < n; j++) if (i !== j) candidates.push(i * n + j);
  candidates.sort((a, b) => matrix[a]! - matrix[b]! || a - b);
  for (const place of candidates.slice(0, Math.floor(share * candidates.length))) matrix[place] = 0;
}
