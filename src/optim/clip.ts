/** Limits on gradients. */

import { minimum, scalar, sqrt, stack, sum, sumSquare, type Tensor } from "../tensor/index.ts";

/**
 * Scales all gradients together so that their joint Euclidean norm is at most `maxNorm`: by min(1, maxNorm / (norm + 1e-6)).
 * @param maxNorm without it the gradients stay as they are
 * @returns the scaled gradients, and the norm [] before scaling
 * @source torch/nn/utils/clip_grad.py clip_grad_norm_
 */
export function clipByGlobalNorm(
  gradients: readonly Tensor[],
  maxNorm: number | undefined,
): { readonly gradients: readonly Tensor[]; readonly norm: Tensor } {
  const norm = globalNorm(gradients);
  if (maxNorm === undefined) return { gradients, norm };
  const factor = minimum(scalar(maxNorm).div(norm.add(1e-6)), 1);
  return { gradients: gradients.map((gradient) => gradient.mul(factor)), norm };
}

/** Joint Euclidean norm [] of tensors of any shapes. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  const squares = tensors.map((t) => sumSquare(t));
  return sqrt(sum(stack(squares, 0)));
}
