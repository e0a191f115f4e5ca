/** Rows of token matrices: how much each token counts, followed down through the blocks. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { concat, max, mean, min, type Tensor } from "../tensor/index.ts";
import type { ExplanationMap } from "./explanation.ts";
import type { Seen, TokenLayout } from "./look.ts";
import type { Subject } from "./subject.ts";

/** How the heads of a block become one matrix. */
export type HeadFusion = "mean" | "max" | "min";

/** Attention weights [b, a, n, n] of one block, and of all heads one matrix [b, n, n]. */
export function fuseHeads(parts: readonly Tensor[], fusion: HeadFusion): Tensor {
  return { mean, max, min }[fusion](concat(parts, 1), { axes: [1] });
}

/** row · matrix, with matrix [n, n] in C order. */
export function timesMatrix(row: Float64Array, matrix: ArrayLike<number>): Float64Array {
  const n = row.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const factor = row[i]!;
    if (factor !== 0) for (let j = 0; j < n; j++) out[j]! += factor * matrix[i * n + j]!;
  }
  return out;
}

/**
 * The row that stands for the logits, or for a chosen token: weights [n] over the tokens after the last block.
 * @param pooling what the answers hold under `pooling`, where the model reads its tokens with a learned query: [1, n − first]
 * @throws {VitrineError} INVALID_ARGUMENT when the model's pooling has no such row.
 */
export function startingRow(
  { readout }: Pick<Subject, "readout">,
  { prefix, grid }: TokenLayout,
  { token, pooling }: { readonly token?: number | undefined; readonly pooling?: NdArray | undefined },
): Float64Array {
  const row = new Float64Array(prefix + grid[0] * grid[1]);
  if (token !== undefined) row[token] = 1;
  else if (readout.kind === "tokens") for (const i of readout.tokens) row[i] = 1 / readout.tokens.length;
  else if (readout.kind === "mean") row.fill(1 / (row.length - readout.first), readout.first);
  else if (readout.kind === "attention" && pooling) row.set(pooling.data as Float32Array, readout.first);
  else throw noRow(readout.kind === "none" ? readout.reason : "its pooling was not looked at");
  return row;
}

function noRow(reason: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "explain: no token stands for this model's logits",
    evidence: reason,
    next: "choose a token or patch, or a method that starts at the logit: grad-cam, integrated-gradients",
  });
}

/** The patches' part of a row as a map; the rest is counted as outside. */
export function mapOfRow(
  name: string,
  row: ArrayLike<number>,
  { prefix, grid: [rows, cols] }: TokenLayout,
): ExplanationMap {
  let outside = 0;
  for (let i = 0; i < prefix; i++) outside += row[i]!;
  return { name, rows, cols, values: Float32Array.from({ length: rows * cols }, (_, i) => row[prefix + i]!), outside };
}

/** A block's matrix among the answers. */
export function matrixOf({ answers }: Pick<Seen, "answers">, block: number): Float32Array {
  return answers[`block ${block}`]!.data as Float32Array;
}
