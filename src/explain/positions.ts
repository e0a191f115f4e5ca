/** How alike the position embeddings of patches are: what a model has learned about neighbourhood. */

import type { Variable } from "../graph/value.ts";
import type { ExplanationMap, PositionsExplanation } from "./explanation.ts";
import type { Subject } from "./subject.ts";

/**
 * Cosine similarity of each patch's position embedding with all others'. Tokens that are no patches are left out.
 * @param positions [prefix + rows · cols, width] in C order
 * @source Dosovitskiy et al., arXiv:2010.11929, Figure 7 (centre)
 */
export function positionSimilarity(
  positions: Float32Array,
  { rows, cols, width }: { readonly rows: number; readonly cols: number; readonly width: number },
): readonly ExplanationMap[] {
  const patches = rows * cols;
  const own = positions.subarray(positions.length - patches * width);
  const unit = Float64Array.from(own);
  for (let i = 0; i < patches; i++) {
    const row = unit.subarray(i * width, (i + 1) * width);
    const length = Math.hypot(...row);
    for (let k = 0; k < width; k++) row[k]! /= length || 1;
  }
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += unit[a * width + k]! * unit[b * width + k]!;
    return sum;
  };
  return Array.from({ length: patches }, (_, i) => ({
    name: `row ${Math.floor(i / cols)}, column ${i % cols}`,
    rows,
    cols,
    values: Float32Array.from({ length: patches }, (_, j) => dot(i, j)),
    outside: 0,
  }));
}

/** The position embeddings [1, n, d] of a model; undefined where it has none. */
export function positionsOf({ variables }: Pick<Subject, "variables">): Variable | undefined {
  return variables.get("pos_embed") ?? variables.get("patch_pos");
}

/** The position embeddings of a model that has some, as it was trained. */
export function explainPositions(subject: Subject): PositionsExplanation {
  const { name, grid } = subject;
  const positions = positionsOf(subject)!;
  const [rows, cols] = grid;
  const maps = positionSimilarity(positions.data.data as Float32Array, { rows, cols, width: positions.shape[2]! });
  return {
    kind: "positions",
    method: "positions",
    model: name,
    quantity: "cosine similarity",
    grid: { rows, cols },
    maps,
  };
}
