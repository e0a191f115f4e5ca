/** What becomes of the losses of single examples or elements. */

import { mean, sum, type Tensor } from "../tensor/index.ts";

/** One number for all (`mean`, `sum`), or one for each. */
export type Reduction = "mean" | "sum" | "none";

/** Options that all elementwise losses share. */
export interface LossOptions {
  /** Default `mean`. */
  readonly reduction?: Reduction;
}

/** Reduces losses of any shape to [] unless `none`. */
export function reduceLoss(losses: Tensor, reduction: Reduction = "mean"): Tensor {
  return reduction === "mean" ? mean(losses) : reduction === "sum" ? sum(losses) : losses;
}
