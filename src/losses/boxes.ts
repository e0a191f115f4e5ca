/**
 * Boxes: two corners [.., 4] as (x₀, y₀, x₁, y₁), or centre and size as (x, y, w, h); and how far two boxes agree.
 */

import { concat, maximum, minimum, relu, split, squeeze, type Tensor } from "../tensor/index.ts";

/** Corners of boxes given by centre and size. @source torchvision.ops.box_convert */
export function cornersOfCentres(boxes: Tensor): Tensor {
  const [centre, size] = split(boxes, 2, -1);
  const half = size!.mul(0.5);
  return concat([centre!.sub(half), centre!.add(half)], -1);
}

/** Centre and size of boxes given by corners. */
export function centresOfCorners(boxes: Tensor): Tensor {
  const [first, last] = split(boxes, 2, -1);
  return concat([first!.add(last!).mul(0.5), last!.sub(first!)], -1);
}

/** First corner and size of boxes given by corners: how COCO writes them. */
export function cocoOfCorners(boxes: Tensor): Tensor {
  const [first, last] = split(boxes, 2, -1);
  return concat([first!, last!.sub(first!)], -1);
}

/** Width times height of boxes given by corners: [.., 4] → [..]. */
export function boxArea(boxes: Tensor): Tensor {
  const [first, last] = split(boxes, 2, -1);
  return productOfSides(last!.sub(first!));
}

/**
 * Intersection over union, box by box: corners [.., 4] and [.., 4], broadcast, → [..].
 * With `unsqueeze(a, 1)` and `unsqueeze(b, 0)` that is every box of a with every box of b.
 * @source torchvision.ops.box_iou
 */
export function boxIou(a: Tensor, b: Tensor): Tensor {
  return overlapOf(a, b).iou;
}

/**
 * Intersection over union, less the share of the smallest enclosing box that neither covers; in (−1, 1].
 * Corners [.., 4] and [.., 4], broadcast, → [..].
 * @source Rezatofighi et al., arXiv:1902.09630; torchvision.ops.generalized_box_iou
 */
export function generalizedBoxIou(a: Tensor, b: Tensor): Tensor {
  const { iou, union } = overlapOf(a, b);
  const [firstA, lastA] = split(a, 2, -1);
  const [firstB, lastB] = split(b, 2, -1);
  const enclosing = productOfSides(maximum(lastA!, lastB!).sub(minimum(firstA!, firstB!)));
  return iou.sub(enclosing.sub(union).div(enclosing));
}

function overlapOf(a: Tensor, b: Tensor): { readonly iou: Tensor; readonly union: Tensor } {
  const [firstA, lastA] = split(a, 2, -1);
  const [firstB, lastB] = split(b, 2, -1);
  const sides = relu(minimum(lastA!, lastB!).sub(maximum(firstA!, firstB!)));
  const common = productOfSides(sides);
  const union = boxArea(a).add(boxArea(b)).sub(common);
  return { iou: common.div(union), union };
}

/** [.., 2] → [..]. */
function productOfSides(sides: Tensor): Tensor {
  const [width, height] = split(sides, 2, -1);
  return squeeze(width!.mul(height!), -1);
}
