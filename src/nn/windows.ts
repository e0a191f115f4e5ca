/**
 * Maps of tokens cut into windows, after a cyclic shift if wanted: one permutation of the tokens there, and one back. Which axis windows lie along follows from
 * the cut (`WindowOrder`); what is made of them need not know it.
 *
 * @source Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030, sections 3.2 and Figure 4
 *
 * Axes: g windows of a map, row by row · n places of a window, row by row
 */

import { type Dim, mulDims } from "../graph/dim.ts";
import { gather, ints, pad, type Tensor, tap, tensor, tile } from "../tensor/index.ts";
import type { GridSize } from "./positions.ts";

/** How a map is cut. */
export interface WindowCut {
  /** Tokens of the map, [high, wide]. */
  readonly map: GridSize;
  readonly window: GridSize;
  /** Rows and columns that go from the beginning to the end before the map is cut; 0: none. */
  readonly shift: GridSize;
  /** Whether zeros fill the last windows before the shift (transformers) or after it (timm); the same where windows fit. */
  readonly padFirst: boolean;
}

/**
 * Which axis the windows of one map lie along: in `windows`, [b, g, n, d], each is like a small image; in `places`, [b, n, g, d], those of
 * one image lie beside each other as heads do, so that what differs from window to window needs no copy for each image.
 */
export type WindowOrder = "windows" | "places";

/** A cut map. */
export interface Windows {
  readonly cut: WindowCut;
  /** Number of windows, and of places in each. */
  readonly g: number;
  readonly n: number;
  /** For each window and place, window by window: the token there, by its number in the map; −1 for a zero that fills the window. */
  readonly tokens: Int32Array;
  /** For each window and place the region it comes from; only tokens of one region belong together. Undefined where there is one region. */
  readonly regions: Int32Array | undefined;
  /** `places` where regions make windows differ. */
  readonly order: WindowOrder;
}

/** Cuts a map. */
export function cutWindows(cut: WindowCut): Windows {
  const { map, window, shift, padFirst } = cut;
  const across: GridSize = [Math.ceil(map[0] / window[0]), Math.ceil(map[1] / window[1])];
  const padded: GridSize = [across[0] * window[0], across[1] * window[1]];
  const [g, n] = [across[0] * across[1], window[0] * window[1]];
  /** Where a row or column of the padded, shifted map comes from; −1: nowhere. */
  const source = (axis: 0 | 1, i: number): number => {
    const size = map[axis];
    if (!padFirst) return i < size ? (i + shift[axis]) % size : -1;
    const from = (i + shift[axis]) % padded[axis];
    return from < size ? from : -1;
  };
  /** What was apart before the shift: all but the last windows, and the two sides of the seam in these. */
  const region = (axis: 0 | 1, i: number): number => {
    if (shift[axis] === 0 || i < padded[axis] - window[axis]) return 0;
    return i < padded[axis] - shift[axis] ? 1 : 2;
  };
  const tokens = new Int32Array(g * n);
  const regions = new Int32Array(g * n);
  for (let place = 0; place < g * n; place++) {
    const [which, inside] = [Math.floor(place / n), place % n];
    const row = Math.floor(which / across[1]) * window[0] + Math.floor(inside / window[1]);
    const column = (which % across[1]) * window[1] + (inside % window[1]);
    const [from, side] = [source(0, row), source(1, column)];
    tokens[place] = from < 0 || side < 0 ? -1 : from * map[1] + side;
    regions[place] = 3 * region(0, row) + region(1, column);
  }
  const shifted = shift[0] > 0 || shift[1] > 0;
  return { cut, g, n, tokens, regions: shifted ? regions : undefined, order: shifted ? "places" : "windows" };
}

/** [b, h, w, d] → [b, g, n, d], or [b, n, g, d]. What lies where is tapped as `windows`: row and column in the map, [g, n, 2]; −1 for what fills a window. */
export function toWindows(x: Tensor, windows: Windows): Tensor {
  const [b, h, w, d] = x.shape as [Dim, number, number, number];
  const { g, n, order } = windows;
  tap("windows", placesOf(windows));
  const { places, zeros } = permutation(windows);
  const rows = x.reshape([b, h * w, d]); //                        [b, h·w, d]
  const filled = zeros > 0 ? pad(rows, [1], [[0, zeros]]) : rows; // [b, g·n, d]
  const moved = isIdentity(places) ? filled : gather(filled, ints(places), 1);
  return moved.reshape(order === "windows" ? [b, g, n, d] : [b, n, g, d]);
}

/** The way back; zeros that filled windows are left out. */
export function fromWindows(x: Tensor, windows: Windows): Tensor {
  const [b, , , d] = x.shape;
  const [h, w] = windows.cut.map;
  const { places, zeros } = permutation(windows);
  const back = inverse(places).slice(0, places.length - zeros);
  const rows = x.reshape([b!, windows.g * windows.n, d!]); //      [b, g·n, d]
  const moved = zeros === 0 && isIdentity(back) ? rows : gather(rows, ints(back), 1); // [b, h·w, d]
  return moved.reshape([b!, h, w, d!]);
}

/** Row and column of the token at each place of each window, int32 [g, n, 2]. */
function placesOf({ tokens, g, n, cut }: Windows): Tensor {
  const [, w] = cut.map;
  const places = Array.from(tokens, (token) => (token < 0 ? [-1, -1] : [Math.floor(token / w), token % w]));
  return tensor(Int32Array.from(places.flat()), [g, n, 2], "int32");
}

/** The token at each place, in a map with as many zero tokens behind it as windows need. */
function permutation({ tokens, g, n, cut, order }: Windows): { places: number[]; zeros: number } {
  let next = cut.map[0] * cut.map[1];
  const first = next;
  const all = Array.from(tokens, (token) => (token < 0 ? next++ : token));
  const places = order === "windows" ? all : all.map((_, i) => all[(i % g) * n + Math.floor(i / g)]!);
  return { places, zeros: next - first };
}

function inverse(places: readonly number[]): number[] {
  const back = new Array<number>(places.length);
  for (const [i, place] of places.entries()) back[place] = i;
  return back;
}

function isIdentity(places: readonly number[]): boolean {
  return places.every((place, i) => place === i);
}

/**
 * What is added to scores between tokens that were apart before the shift. Finite, as in all published codes, which add −100: e⁻¹⁰⁰ is so small
 * that float32 holds it with leading zeros, and with numbers of that form in it attention takes Intel's processors five times as long (`bench/forms.ts`). e⁻¹⁵⁰ is 0.
 *
 * The results are those of −100 where no token that is apart outscores all that are not by more than 80: there −100 would let it through. Swin V2, whose scores lie
 * within 216 of each other, could do so at its largest scale, with cosines 0.9 apart.
 */
const apart = -150;

/** [g, n, n]: 0 between tokens of one region, −150 between others; undefined where all belong together. */
export function windowMask({ g, n, regions }: Windows): Tensor | undefined {
  if (!regions) return undefined;
  const mask = new Float32Array(g * n * n);
  for (let which = 0; which < g; which++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        if (regions[which * n + i] !== regions[which * n + j]) mask[(which * n + i) * n + j] = apart;
  return tensor(mask, [g, n, n]);
}

/**
 * For each pair of places of a window, the row of a table with one row for each offset: (Δy + h − 1)(2w − 1) + Δx + w − 1.
 * @returns n · n numbers, pair (i, j) at i · n + j
 */
export function offsetIndex([h, w]: GridSize): number[] {
  const n = h * w;
  return Array.from({ length: n * n }, (_, pair) => {
    const [i, j] = [Math.floor(pair / n), pair % n];
    const down = Math.floor(i / w) - Math.floor(j / w) + h - 1;
    const right = (i % w) - (j % w) + w - 1;
    return down * (2 * w - 1) + right;
  });
}

/**
 * A table of biases as terms of the scores, with the mask of a shifted map.
 * @param table [(2h − 1)(2w − 1), a]
 * @returns [a, n, n] without a mask, [g·a, n, n] with one
 */
export function windowBias(table: Tensor, windows: Windows): Tensor {
  const { n, g, cut } = windows;
  const heads = table.shape[1] as number;
  const bias = gather(table.transpose(), ints(offsetIndex(cut.window)), 1).reshape([heads, n, n]); // [a, n, n]
  const mask = windowMask(windows);
  if (!mask) return bias;
  return mask
    .reshape([g, 1, n, n])
    .add(bias)
    .reshape([g * heads, n, n]); //                            [g·a, n, n]
}

/**
 * Tokens in windows, parted into heads, for attention inside the windows.
 * @param x [b, g, n, a·k] or [b, n, g, a·k]
 * @returns [b·g, a, n, k] or [b, g·a, n, k]
 */
export function windowHeads(x: Tensor, { order }: Windows, heads: number): Tensor {
  const [b, first, second, d] = x.shape as readonly [Dim, number, number, number];
  const apart: readonly Dim[] =
    order === "windows" ? [mulDims(b, first), second, heads, d / heads] : [b, first, second * heads, d / heads];
  return x.reshape(apart).transpose([0, 2, 1, 3]);
}

/** The way back, for `b` images. */
export function joinWindowHeads(x: Tensor, { g, n, order }: Windows, b: Dim): Tensor {
  const [, a, , k] = x.shape as readonly [Dim, number, number, number];
  const joined: readonly Dim[] = order === "windows" ? [b, g, n, a * k] : [b, n, g, (a / g) * k];
  return x.transpose([0, 2, 1, 3]).reshape(joined);
}

/** What each head has, [a, 1, 1], for the heads of all windows: as it is, or [g·a, 1, 1]. */
export function forEachWindow(x: Tensor, { g, order }: Windows): Tensor {
  return order === "windows" ? x : tile(x, [g, 1, 1]);
}
