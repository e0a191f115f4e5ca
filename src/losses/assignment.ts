/** The assignment problem: who is matched with whom, at least total cost. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";

/** Matched pairs; `rows` ascends. */
export interface Assignment {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/**
 * The matching of rows with columns, each used at most once and as many as there can be, whose costs add up to the least.
 *
 * Shortest augmenting paths with dual variables, O(n² m). @source Crouse, "On implementing 2D rectangular assignment algorithms" (2016),
 * the algorithm of scipy.optimize.linear_sum_assignment
 * @param cost [n, m]; finite numbers
 * @throws {VitrineError} SHAPE_MISMATCH unless `cost` is a matrix, INVALID_ARGUMENT for NaN and infinities.
 */
export function assign(cost: NdArray): Assignment {
  const [n, m] = cost.shape;
  if (cost.shape.length !== 2 || n === undefined || m === undefined)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "assign: costs must be a matrix",
      evidence: `got [${cost.shape.join(", ")}]`,
    });
  const values = Float64Array.from(cost.data as Float32Array);
  if (!values.every(Number.isFinite))
    throw new VitrineError("INVALID_ARGUMENT", { rule: "assign: costs must be finite" });
  if (n > m) {
    const { rows, columns } = assignRows(m, n, (i, j) => values[j * m + i]!);
    const pairs = rows.map((column, i) => [columns[i]!, column] as const).sort((a, b) => a[0] - b[0]);
    return { rows: pairs.map(([row]) => row), columns: pairs.map(([, column]) => column) };
  }
  return assignRows(n, m, (i, j) => values[i * m + j]!);
}

/** Matches every one of `n` rows, n ≤ m. */
function assignRows(n: number, m: number, cost: (row: number, column: number) => number): Assignment {
  const rowPrice = new Float64Array(n);
  const columnPrice = new Float64Array(m);
  const columnOf = new Int32Array(n).fill(-1);
  const rowOf = new Int32Array(m).fill(-1);
  for (let start = 0; start < n; start++) {
    const distance = new Float64Array(m).fill(Number.POSITIVE_INFINITY);
    const cameFrom = new Int32Array(m).fill(-1);
    const settledRows = new Set<number>();
    const settled = new Uint8Array(m);
    let row = start;
    let reached = 0;
    let sink = -1;
    while (sink < 0) {
      settledRows.add(row);
      let nearest = -1;
      for (let j = 0; j < m; j++) {
        if (settled[j]) continue;
        const through = reached + cost(row, j) - rowPrice[row]! - columnPrice[j]!;
        if (through < distance[j]!) {
          distance[j] = through;
          cameFrom[j] = row;
        }
        // Of equally near columns a free one ends the path sooner.
        if (nearest < 0 || distance[j]! < distance[nearest]! || (distance[j] === distance[nearest] && rowOf[j]! < 0))
          nearest = j;
      }
      reached = distance[nearest]!;
      settled[nearest] = 1;
      if (rowOf[nearest]! < 0) sink = nearest;
      else row = rowOf[nearest]!;
    }
    rowPrice[start] = rowPrice[start]! + reached;
    for (const i of settledRows) if (i !== start) rowPrice[i] = rowPrice[i]! + reached - distance[columnOf[i]!]!;
    for (let j = 0; j < m; j++) if (settled[j]) columnPrice[j] = columnPrice[j]! - (reached - distance[j]!);
    for (let j = sink, i = -1; i !== start; ) {
      i = cameFrom[j]!;
      rowOf[j] = i;
      [columnOf[i], j] = [j, columnOf[i]!];
    }
  }
  return { rows: Array.from({ length: n }, (_, i) => i), columns: Array.from(columnOf) };
}
