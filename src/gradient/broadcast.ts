/** Undoing numpy's broadcasting: what was repeated is summed. */

import { equalDims } from "../graph/dim.ts";
import { squeeze, sum, type Tensor } from "../tensor/index.ts";

/** Sums a gradient over the axes along which its operand, of shape `like`, was broadcast. */
export function unbroadcast(gradient: Tensor, like: Tensor): Tensor {
  const extra = gradient.rank - like.rank;
  const stretched = like.shape.flatMap((dim, i) => (equalDims(dim, gradient.shape[i + extra]!) ? [] : [i + extra]));
  const leading = Array.from({ length: extra }, (_, i) => i);
  if (leading.length + stretched.length === 0) return gradient;
  const onlyLeading = stretched.length === 0;
  const reduced = sum(gradient, { axes: [...leading, ...stretched], keepDims: !onlyLeading });
  return extra > 0 && !onlyLeading ? squeeze(reduced, ...leading) : reduced;
}
