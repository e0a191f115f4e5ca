/** Tables of relative-position biases at another window size. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { applyToGrid, axisMatrices, type GridSize, type Matrix } from "./positions.ts";

/**
 * How a bias table is resized. `geometric`: the old offsets stand at distances that grow by a constant factor, dense in the middle where the
 * table varies most, and values between them are linear (timm's `resize_rel_pos_bias_table`, after BEiT). `bicubic`: plain bicubic, a = −0.75,
 * edges repeated (timm's `resize_rel_pos_bias_table_simple`, as Swin's own code does).
 */
export type BiasTableRule = "geometric" | "bicubic";

/**
 * A table of biases for another window.
 * @param table float32 [(2 h − 1)(2 w − 1), a]: one row for each offset between two places of the window, one column for each head
 * @param from the window it was made for, [h, w]
 * @throws {VitrineError} SHAPE_MISMATCH when the table does not have that many rows.
 * @source timm/layers/pos_embed_rel.py
 */
export function resizeBiasTable(table: NdArray, from: GridSize, to: GridSize, rule: BiasTableRule): NdArray {
  const offsets = ([h, w]: GridSize): GridSize => [2 * h - 1, 2 * w - 1];
  const [source, target] = [offsets(from), offsets(to)];
  const [rows, heads] = table.shape;
  if (table.shape.length !== 2 || table.dtype !== "float32" || rows !== source[0] * source[1])
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `a bias table of a ${from.join(" × ")} window must be float32 [${source[0] * source[1]}, heads]`,
      evidence: `got ${table.dtype} [${table.shape.join(", ")}]`,
    });
  if (source[0] === target[0] && source[1] === target[1]) return table;
  const [down, across] =
    rule === "bicubic"
      ? axisMatrices(source, target, "huggingface")
      : [geometricMatrix(source[0], target[0]), geometricMatrix(source[1], target[1])];
  const data = applyToGrid(table.data as Float32Array, [...source, heads!], down, across);
  return { dtype: "float32", shape: [target[0] * target[1], heads!], data: Float32Array.from(data) };
}

/** Weights of `from` values at growing distances in `to` values at equal ones. */
function geometricMatrix(from: number, to: number): Matrix {
  const places = geometricPlaces(from, to);
  const middle = Math.floor(to / 2);
  return Array.from({ length: to }, (_, i) => {
    const place = i - middle;
    const weights = new Float64Array(from);
    const found = places.findIndex((p) => p >= place);
    const right = found < 0 ? from - 1 : found;
    const left = Math.max(0, right - 1);
    const toLeft = Math.max(0, place - places[left]!);
    const toRight = Math.max(0, places[right]! - place);
    const whole = toLeft + toRight;
    weights[left] = weights[left]! + (whole === 0 ? 0.5 : toRight / whole);
    weights[right] = weights[right]! + (whole === 0 ? 0.5 : toLeft / whole);
    return weights;
  });
}

/** −d, …, −1, 0, 1, …, d with steps 1, q, q², …, where q brings d nearest to the edge of `to`. */
function geometricPlaces(from: number, to: number): readonly number[] {
  const half = Math.floor(from / 2);
  let [low, high, q] = [1.01, 1.5, 0];
  while (high - low > 1e-6) {
    q = (low + high) / 2;
    if ((1 - q ** half) / (1 - q) > Math.floor(to / 2)) high = q;
    else low = q;
  }
  const distances: number[] = [];
  for (let i = 0, reached = 1; i < half; i++) {
    distances.push(reached);
    reached += q ** (i + 1);
  }
  return [...distances.map((d) => -d).reverse(), 0, ...distances];
}
