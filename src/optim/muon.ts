/** Muon: the momentum of each matrix, made nearly orthogonal; AdamW for all that is no matrix. */

import type { Variable } from "../graph/value.ts";
import { maximum, norm, recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import { type AdamOptions, adamW } from "./adam.ts";
import { byName, type Optimizer, perGroup, requireGradients, type Trainable, zeroState } from "./optimizer.ts";

/** Options of `muon`; PyTorch's defaults. */
export interface MuonOptions {
  /** How much of the running mean of gradients is kept; default 0.95. */
  readonly momentum?: number;
  /** Look ahead along the momentum; default true. */
  readonly nesterov?: boolean;
  /**
   * Factor on the learning rate of a matrix [rows, columns]. `original`: √max(1, rows / columns). `match-rms`: 0.2 √max(rows, columns), with
   * which one learning rate and weight decay serve the matrices and AdamW's parameters alike. Default `original`.
   */
  readonly adjust?: "original" | "match-rms";
  /** Which matrices are Muon's; default all parameters of two axes. Its authors leave embeddings and the head to AdamW. */
  readonly isHidden?: (variable: Variable) => boolean;
  /** Of the parameters that are AdamW's. */
  readonly adam?: AdamOptions;
}

/**
 * m ← μ m + (1 − μ) g, u ← orthogonal((1 − μ) g + μ m), p ← p (1 − η λ) − η s u.
 * State: `PARAMETER/momentum_buffer`, and AdamW's for the others.
 * @source Jordan et al. 2024, kellerjordan.github.io/posts/muon; torch/optim/_muon.py, here in float32 throughout; `match-rms` from Liu et al.,
 *   arXiv:2502.16982, section 2.2
 */
export function muon(trainables: readonly Trainable[], options: MuonOptions = {}): Optimizer {
  const { momentum = 0.95, nesterov = true, adjust = "original", isHidden = () => true } = options;
  const isMatrix = ({ variable }: Trainable): boolean => variable.shape.length === 2 && isHidden(variable);
  const matrices = trainables.filter(isMatrix);
  const others = adamW(
    trainables.filter((t) => !isMatrix(t)),
    options.adam,
  );
  const means = new Map(matrices.map(({ variable }) => [variable, zeroState(variable, "momentum_buffer")]));

  return {
    inputs: others.inputs,
    state: new Map([...byName(means.values()), ...others.state]),

    feeds: others.feeds,

    update(gradients, inputs) {
      requireGradients(trainables, gradients);
      others.update(
        gradients.filter((_, i) => !isMatrix(trainables[i]!)),
        inputs,
      );
      withPath("optimizer", () => {
        const rate = inputs.learning_rate!;
        const keep = perGroup(({ learningRateScale, weightDecay }) =>
          rate.mul(-learningRateScale * weightDecay).add(1),
        );
        for (const [i, settings] of trainables.entries()) {
          const { variable, weightDecay, learningRateScale } = settings;
          const mean = means.get(variable);
          if (!mean) continue;
          const [p, g] = [new Tensor(variable.value), gradients[i]!];
          const next = new Tensor(mean.value).mul(momentum).add(g.mul(1 - momentum));
          const along = nesterov ? g.mul(1 - momentum).add(next.mul(momentum)) : next;
          const [rows, columns] = variable.shape as readonly [number, number];
          const ratio = adjust === "original" ? Math.max(1, rows / columns) : 0.04 * Math.max(rows, columns);
          const change = orthogonal(along, rows > columns).mul(rate.mul(learningRateScale * Math.sqrt(ratio)));
          recordUpdate(mean, next.value);
          recordUpdate(variable, (weightDecay === 0 ? p : p.mul(keep(settings))).sub(change).value);
        }
      });
    },
  };
}

/**
 * Five Newton–Schulz steps X ← a X + (b A + c A²) X with A = X Xᵀ, from X = G / ‖G‖: singular values come near 1 (0.7 to 1.2), and the
 * singular vectors stay.
 * @param tall whether there are more rows than columns; the products are then of the transpose, which is smaller
 */
function orthogonal(matrix: Tensor, tall: boolean): Tensor {
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  let x = matrix.div(maximum(norm(matrix), 1e-7));
  if (tall) x = x.transpose();
  for (let step = 0; step < 5; step++) {
    const gram = x.matmul(x.transpose());
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x));
  }
  return tall ? x.transpose() : x;
}
