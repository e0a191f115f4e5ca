/** Losses of numbers: distances between a prediction and a target of the same shape. */

import { abs, minimum, square, type Tensor } from "../tensor/index.ts";
import { type LossOptions, reduceLoss } from "./reduction.ts";

/** |prediction − target|. */
export function l1Loss(prediction: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  return reduceLoss(abs(prediction.sub(target)), reduction);
}

/** (prediction − target)². */
export function mseLoss(prediction: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  return reduceLoss(square(prediction.sub(target)), reduction);
}

/**
 * d² / 2 for |d| ≤ δ, δ (|d| − δ / 2) beyond.
 * @source Huber 1964; torch.nn.functional.huber_loss
 */
export function huberLoss(
  prediction: Tensor,
  target: Tensor,
  { delta = 1, reduction }: LossOptions & { readonly delta?: number } = {},
): Tensor {
  return reduceLoss(elementwiseHuber(prediction, target, delta), reduction);
}

/**
 * Huber's loss divided by δ = β: d² / 2β near 0, |d| − β / 2 beyond β.
 * @source Girshick, arXiv:1504.08083, equation 3; torch.nn.functional.smooth_l1_loss
 */
export function smoothL1Loss(
  prediction: Tensor,
  target: Tensor,
  { beta = 1, reduction }: LossOptions & { readonly beta?: number } = {},
): Tensor {
  return reduceLoss(elementwiseHuber(prediction, target, beta).mul(1 / beta), reduction);
}

/** With c = min(|d|, δ) both branches are c (|d| − c / 2). */
function elementwiseHuber(prediction: Tensor, target: Tensor, delta: number): Tensor {
  const distance = abs(prediction.sub(target));
  const capped = minimum(distance, delta);
  return capped.mul(distance.sub(capped.mul(0.5)));
}
