/** Attention inside windows: what a patch looks at in one block, and in the next, whose windows are shifted. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { GridSize } from "../nn/positions.ts";
import { chosen } from "./attention.ts";
import type { ExplanationMap } from "./explanation.ts";
import type { Question, Seen, WindowBlock } from "./look.ts";

/** Whose attention, and where. */
export interface WindowChoices {
  /** Row and column in the blocks' map; the one right below the middle without it. */
  readonly patch?: GridSize | undefined;
  /** One of the two blocks, counted through all stages; without it the last pair with more than one window. */
  readonly block?: number | undefined;
  /** One head; the mean of all without it. */
  readonly head?: number | undefined;
}

/** Attention of one patch in two blocks. */
export interface WindowMaps {
  readonly maps: readonly ExplanationMap[];
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly patch: GridSize;
}

/**
 * Asks for the weights of a block with windows where they were cut and of the next of its stage, and for what lies where in them.
 * @param block one of the two
 * @throws {VitrineError} INVALID_ARGUMENT for a block that the model has not.
 */
export function windowQuestion(block: number | undefined): Question {
  return ({ windows }) => {
    const pair = pairOf(windows, block);
    return Object.fromEntries(
      pair.flatMap((i) => {
        const { name, places, probs } = windows[i]!;
        return [
          [`places ${i} ${name}`, places],
          [`probs ${i} ${name}`, probs],
        ] as const;
      }),
    );
  };
}

/** The numbers of the chosen blocks. */
function pairOf(windows: readonly WindowBlock[], asked: number | undefined): readonly number[] {
  const stageOf = (i: number): string | undefined => windows[i]?.name.replace(/\d+$/, "");
  const inStage = windows.map((_, i) => i - windows.findIndex((__, j) => stageOf(j) === stageOf(i)));
  const several = windows.findLastIndex(({ places }, i) => inStage[i]! % 2 === 0 && (places.shape[0] as number) > 1);
  const [near] = chosen("block", asked ?? Math.max(several, 0), windows.length);
  const first = near! - (inStage[near!]! % 2);
  return stageOf(first) === stageOf(first + 1) ? [first, first + 1] : [first];
}

/**
 * A patch's attention over the whole map: zero outside its window.
 * @throws {VitrineError} INVALID_ARGUMENT for a patch or head that the blocks have not.
 * @source Liu et al., arXiv:2103.14030, Figure 2, equation (4)
 */
export function windowMaps({ answers }: Pick<Seen, "answers">, { patch: asked, head }: WindowChoices): WindowMaps {
  const blocks = Object.keys(answers).flatMap((key) => (key.startsWith("places ") ? [key.slice(7)] : []));
  const grid = gridOf(answers[`places ${blocks[0]}`]!);
  const patch = patchAsked(asked, grid);
  const maps = blocks.map((block) => {
    const [places, probs] = [answers[`places ${block}`]!, answers[`probs ${block}`]!];
    return mapOf(`block ${block.split(" ", 1)[0]}`, { places, probs, grid, patch, head });
  });
  return { maps, grid: { rows: grid[0], cols: grid[1] }, patch };
}

function gridOf({ data }: NdArray): GridSize {
  const last = (axis: 0 | 1): number => {
    let most = 0;
    for (let i = axis; i < data.length; i += 2) most = Math.max(most, Number(data[i]));
    return most;
  };
  return [last(0) + 1, last(1) + 1];
}

function patchAsked(asked: GridSize | undefined, [rows, cols]: GridSize): GridSize {
  const [row, col] = asked ?? [Math.floor(rows / 2), Math.floor(cols / 2)];
  if (row >= 0 && row < rows && col >= 0 && col < cols) return [row, col];
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `window-attention: a patch has a row from 0 to ${rows - 1} and a column from 0 to ${cols - 1} in these blocks`,
    evidence: `got ${row}, ${col}`,
  });
}

interface Asked {
  /** [g, n, 2], and [b·g, a, n, n] or [b, g·a, n, n] for one image: heads of a window beside each other in both. */
  readonly places: NdArray;
  readonly probs: NdArray;
  readonly grid: GridSize;
  readonly patch: GridSize;
  readonly head: number | undefined;
}

function mapOf(name: string, { places, probs, grid: [rows, cols], patch: [row, col], head }: Asked): ExplanationMap {
  const [g, n] = places.shape as readonly [number, number];
  const headCount = probs.data.length / (g * n * n);
  const heads = chosen("head", head, headCount);
  const at = (place: number): number => {
    const [r, c] = [Number(places.data[2 * place]), Number(places.data[2 * place + 1])];
    return r < 0 ? -1 : r * cols + c;
  };
  const windows = new Array<number>(rows * cols).fill(0);
  let query = 0;
  for (let place = 0; place < g * n; place++) {
    const token = at(place);
    if (token >= 0) windows[token] = Math.floor(place / n);
    if (token === row * cols + col) query = place;
  }
  const window = Math.floor(query / n);
  const values = new Float32Array(rows * cols);
  let outside = 0;
  for (let j = 0; j < n; j++) {
    let weight = 0;
    for (const h of heads)
      weight += Number(probs.data[((window * headCount + h) * n + (query % n)) * n + j]) / heads.length;
    const token = at(window * n + j);
    if (token < 0) outside += weight;
    else values[token] = weight;
  }
  return {
    name: `${name}, ${head === undefined ? "mean of heads" : `head ${head}`}`,
    rows,
    cols,
    values,
    outside,
    windows,
  };
}
