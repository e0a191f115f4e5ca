/** Attention inside patches: which of a patch's words its other words look at. */

import type { GridSize } from "../nn/positions.ts";
import { mean } from "../tensor/index.ts";
import { type AttentionOptions, chosen } from "./attention.ts";
import type { ExplanationMap, MapTable } from "./explanation.ts";
import type { Question, Seen } from "./look.ts";

/** Asks how much of its patch's attention each word gets, the mean over the words that look: [n, a, m] per block. */
export const innerQuestion: Question = ({ inner }) =>
  Object.fromEntries(inner.map((probs, i) => [`block ${i}`, mean(probs, { axes: [2] })]));

/** The chosen heads' maps over the words of the whole image, and the table of blocks (across) and heads (down) they stand in. */
export interface InnerMaps {
  readonly maps: readonly ExplanationMap[];
  readonly table: MapTable;
  /** Words high and wide. */
  readonly grid: { readonly rows: number; readonly cols: number };
  /** Words of one patch. */
  readonly words: number;
}

/**
 * @param inputSize pixels [high, wide] of the model's input
 * @throws {VitrineError} INVALID_ARGUMENT for a block or head that the model has not.
 * @source Han et al., arXiv:2103.00112, the inner transformer block of Figure 1
 */
export function innerMaps(seen: Seen, { block, head }: AttentionOptions, [high, wide]: GridSize): InnerMaps {
  const [rows, cols] = seen.grid;
  const [, headCount, m] = seen.answers["block 0"]!.shape as readonly [number, number, number];
  // Words lie as pixels do: as many times higher than wide as the patch is.
  const y = Math.round(Math.sqrt((m * (high / rows)) / (wide / cols)));
  const x = m / y;
  const grid = { rows: rows * y, cols: cols * x };
  const blocks = chosen("block", block, seen.blocks);
  const heads = chosen("head", head, headCount);
  const maps = heads.flatMap((h) =>
    blocks.map((i): ExplanationMap => {
      const shares = seen.answers[`block ${i}`]!.data as Float32Array;
      const values = Float32Array.from({ length: grid.rows * grid.cols }, (_, place) => {
        const [row, col] = [Math.floor(place / grid.cols), place % grid.cols];
        const patch = Math.floor(row / y) * cols + Math.floor(col / x);
        return shares[(patch * headCount + h) * m + (row % y) * x + (col % x)]!;
      });
      return { name: `block ${i}, head ${h}`, ...grid, values, outside: 0 };
    }),
  );
  const table = { rowTitles: heads.map((h) => `head ${h}`), colTitles: blocks.map((i) => `block ${i}`) };
  return { maps, table, grid, words: m };
}
