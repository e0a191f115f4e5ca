/** Weights and images that need no file: the same numbers as `drawn` in tools/vit-variants-golden.py. */

import { type NdArray, sizeOf } from "../../src/graph/dtype.ts";

/** Uniform numbers from a hash of the name and the index; around 1 for scales and variances, else around 0, about 1/√fan-in wide. */
export function drawn(name: string, shape: readonly number[]): NdArray {
  let seed = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
  const nearOne = /(\.weight|\.gamma|running_var)$/.test(name);
  const fanIn = name === "image" ? 0.1 : sizeOf(shape.slice(1));
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    const u = (x >>> 8) / 2 ** 24 - 0.5;
    if (shape.length <= 1) return nearOne ? 1 + u : 0.4 * u;
    return (3 * u) / Math.sqrt(fanIn);
  });
  return { dtype: "float32", shape, data };
}
