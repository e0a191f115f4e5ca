/** How far each head looks, on average: near heads work like small convolutions, far ones see the whole image. */

import type { GridSize } from "../nn/positions.ts";
import { concat, mean, slice, sum, type Tensor, tensor } from "../tensor/index.ts";
import type { Question, Seen } from "./look.ts";

/**
 * Asks for each head's mean distance in pixels between a patch and those it attends to, weighted by attention: [a] per block. Only attention between
 * patches counts, and each patch's weights on patches are taken as one whole.
 * @param patch pixels [high, wide] of one patch
 * @source Dosovitskiy et al., arXiv:2010.11929, Figure 7 (right) and appendix D.7
 */
export function distanceQuestion(pixels: GridSize): Question {
  return ({ attention, prefix, grid }) => {
    const distances = tensor(patchDistances(grid, pixels), [grid[0] * grid[1], grid[0] * grid[1]]);
    const answers: Record<string, Tensor> = {};
    for (const [i, parts] of attention.entries()) {
      const between = slice(slice(concat(parts, 1), 2, prefix), 3, prefix); //             [b, a, h·w, h·w]
      const far = sum(between.mul(distances), { axes: [3] }).div(sum(between, { axes: [3] })); // [b, a, h·w]
      answers[`block ${i}`] = mean(far, { axes: [0, 2] }); //                              [a]
    }
    return answers;
  };
}

/** Distances in pixels between the centres of all patches, [h·w, h·w], for images of the given size. */
export function patchDistances([h, w]: GridSize, [high, wide]: GridSize): Float32Array {
  const n = h * w;
  return Float32Array.from({ length: n * n }, (_, k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    const down = ((Math.floor(i / w) - Math.floor(j / w)) * high) / h;
    const across = (((i % w) - (j % w)) * wide) / w;
    return Math.hypot(down, across);
  });
}

/** [blocks][heads]. */
export function distancesOf({ answers, blocks }: Seen): readonly Float32Array[] {
  return Array.from({ length: blocks }, (_, i) => answers[`block ${i}`]!.data as Float32Array);
}
