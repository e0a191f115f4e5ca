/** Position codes of words: waves of many lengths. */

import type { NdArray } from "../graph/dtype.ts";

/**
 * `interleaved`: sine and cosine of one wave are neighbours (the paper). `halves`: all sines, then all cosines (Marian). `opennmt`: as `halves`, but
 * positions count from 1 and the last wave has the whole length of 2 π · 10000 (OpenNMT-tf).
 */
export type SinusoidLayout = "interleaved" | "halves" | "opennmt";

/**
 * PE[p, 2 i] = sin(p / 10000^(2 i / d)), PE[p, 2 i + 1] = cos(the same), for positions from 0.
 * @returns float32 [positions, width]
 * @source Vaswani et al., arXiv:1706.03762, section 3.5; `halves`: transformers, models/marian/modeling_marian.py; `opennmt`: OpenNMT-tf,
 *   opennmt/layers/position.py, SinusoidalPositionEncoder
 */
export function sinusoids(positions: number, width: number, layout: SinusoidLayout): NdArray {
  const data = new Float32Array(positions * width);
  const sines = Math.ceil(width / 2);
  const [first, span] = layout === "opennmt" ? [1, 2 * Math.max(1, sines - 1)] : [0, width];
  for (let p = 0; p < positions; p++)
    for (let column = 0; column < width; column++) {
      const wave = layout === "interleaved" ? Math.floor(column / 2) : column % sines;
      const isSine = layout === "interleaved" ? column % 2 === 0 : column < sines;
      const angle = (p + first) / 10000 ** ((2 * wave) / span);
      data[p * width + column] = isSine ? Math.sin(angle) : Math.cos(angle);
    }
  return { dtype: "float32", shape: [positions, width], data };
}
