/** What the first map of a model looks for: the principal components of its filters, as small images. */

import type { Variable } from "../graph/value.ts";
import type { FiltersExplanation } from "./explanation.ts";
import { principalAxes } from "./principal-axes.ts";
import type { Subject } from "./subject.ts";

/** Components that are shown, as in the paper's figure. */
const shown = 28;

/**
 * The principal directions of filters: orthonormal images that, mixed, give all filters; the one that explains most first.
 * @param filters [d, c, p, q] in C order: d filters of `size` = c · p · q numbers
 * @param count at most d and at most `size`
 * @returns components of length 1, largest element positive, and the share of the filters' variance along each
 * @source Dosovitskiy et al., arXiv:2010.11929, Figure 7 (left)
 */
export function principalFilters(
  filters: Float32Array,
  size: number,
  count: number,
): readonly { readonly values: Float64Array; readonly share: number }[] {
  const d = filters.length / size;
  const means = new Float64Array(size);
  for (let i = 0; i < filters.length; i++) means[i % size]! += filters[i]! / d;
  // The eigenvectors of the filters' products with each other (d × d) lead to those of the larger covariance (size × size).
  const centred = Float64Array.from(filters, (x, i) => x - means[i % size]!);
  const products = gram(centred, d, size);
  let total = 0;
  for (let i = 0; i < d; i++) total += products[i * d + i]!;
  return principalAxes(products, d, Math.min(count, size)).map(({ value, vector }) => {
    const direction = new Float64Array(size);
    for (let i = 0; i < d; i++) for (let j = 0; j < size; j++) direction[j]! += vector[i]! * centred[i * size + j]!;
    const peak = direction.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    const length = Math.hypot(...direction) * Math.sign(peak) || 1;
    return { values: direction.map((x) => x / length), share: value / total };
  });
}

/** Products of all rows [d, size] with each other. */
function gram(rows: Float64Array, d: number, size: number): Float64Array {
  const out = new Float64Array(d * d);
  for (let a = 0; a < d; a++)
    for (let b = a; b < d; b++) {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += rows[a * size + j]! * rows[b * size + j]!;
      out[a * d + b] = out[b * d + a] = sum;
    }
  return out;
}

/** Names of the filters [d, c, p, q] that models begin with. */
const firstFilters = ["patch_embed.proj.weight", "pixel_embed.proj.weight", "conv1.weight"];

/** The filters [d, c, p, q] that see pixels of grey or RGB images; undefined where there are none, as behind a stem. */
export function filtersOf({ variables }: Pick<Subject, "variables">): Variable | undefined {
  const weight = firstFilters.map((name) => variables.get(name)).find((found) => found !== undefined);
  const [, channels, rows = 1, cols = 1] = weight?.shape ?? [];
  return rows * cols > 1 && (channels === 1 || channels === 3) ? weight : undefined;
}

/** The first components of the filters of a model that has some. */
export function explainFilters(subject: Subject): FiltersExplanation {
  const weight = filtersOf(subject)!;
  const [, channels, rows, cols] = weight.shape as readonly [number, number, number, number];
  const axes = principalFilters(weight.data.data as Float32Array, channels * rows * cols, shown);
  const filters = axes.map(({ values, share }, i) => ({
    name: `component ${i + 1}`,
    values: Float32Array.from(values, (_, k) => {
      const [pixel, channel] = [Math.floor(k / channels), k % channels];
      return values[channel * rows * cols + pixel]!;
    }),
    share,
  }));
  return {
    kind: "filters",
    method: "filters",
    model: subject.name,
    quantity: "filter weight",
    rows,
    cols,
    channels,
    filters,
  };
}
