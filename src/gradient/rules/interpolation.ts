/** Sampling written with gathers and products, so that it has gradients with respect to the picture and to the positions. */

import { type Dim, mulDims } from "../../graph/dim.ts";
import {
  abs,
  and,
  apply,
  cast,
  floor,
  full,
  gatherNd,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  round,
  scalar,
  sizeScalar,
  type Tensor,
  unsqueeze,
  where,
} from "../../tensor/index.ts";
import { range } from "./axes.ts";

export type Interpolation = "nearest" | "linear" | "cubic";

/** What lies outside the picture: `zeros`, `border` or `reflection`; corners are element centres or the outer edges of elements. */
export interface Edge {
  readonly mode: string;
  readonly alignCorners: boolean;
}

/** An element that a position reads along one axis: its index (whole, as a float) and its weight. Both [b, points]. */
interface Tap {
  readonly index: Tensor;
  readonly weight: Tensor;
}

/** Positions in [−1, 1] along an axis of `size` elements, in elements. */
export function toPixels(position: Tensor, size: Dim, alignCorners: boolean): Tensor {
  const count = sizeScalar(size, position.dtype);
  return alignCorners ? position.add(1).mul(count.sub(1).mul(0.5)) : position.add(1).mul(count.mul(0.5)).sub(0.5);
}

/**
 * The picture [b, c, …space] at positions given in elements, one [b, points] tensor for each axis of space: [b, points, c].
 * @source the definition of `GridSample`, which is that of `torch.nn.functional.grid_sample`
 */
export function samplePoints(x: Tensor, positions: readonly Tensor[], mode: Interpolation, edge: Edge): Tensor {
  const [b, c, ...space] = x.shape as [Dim, Dim, ...Dim[]];
  const rows = x.transpose([0, ...range(space.length).map((i) => i + 2), 1]).reshape([b, mulDims(1, ...space), c]);
  const tapsOfAxes = positions.map((position, i) => tapsAlong(position, space[i]!, mode, edge));

  const choose = (axis: number, index: Tensor | undefined, weight: Tensor | undefined): Tensor => {
    if (axis === space.length) {
      const picked = gatherNd(rows, unsqueeze(cast(index!, "int64"), -1), 1);
      return picked.mul(unsqueeze(weight!, -1));
    }
    const parts = tapsOfAxes[axis]!.map((tap) =>
      choose(
        axis + 1,
        index ? index.mul(sizeScalar(space[axis]!, index.dtype)).add(tap.index) : tap.index,
        weight ? weight.mul(tap.weight) : tap.weight,
      ),
    );
    return parts.reduce((sum, part) => sum.add(part));
  };
  return choose(0, undefined, undefined);
}

/** The taps of one axis, with indices inside it; where the edge is `zeros`, those outside have weight 0. */
function tapsAlong(position: Tensor, size: Dim, mode: Interpolation, edge: Edge): readonly Tap[] {
  const last = sizeScalar(size, position.dtype).sub(1);
  // Written so that no gradient passes at the border itself, as in PyTorch.
  const inside = (t: Tensor): Tensor => where(greater(t, 0), where(less(t, last), t, last), 0);
  const placed = (index: Tensor, weight: Tensor): Tap => {
    if (edge.mode !== "zeros") return { index: inside(withinEdge(index, size, edge)), weight };
    const exists = and(greaterOrEqual(index, 0), lessOrEqual(index, last));
    return { index: inside(index), weight: where(exists, weight, 0) };
  };
  // Linear and nearest sampling bring the position inside first; cubic sampling does so for each of its taps.
  const brought = edge.mode === "zeros" || mode === "cubic" ? position : inside(withinEdge(position, size, edge));
  if (mode === "nearest") {
    const index = round(brought);
    return [placed(index, full(index.shape, 1, index.dtype))];
  }
  const low = floor(brought);
  const rest = brought.sub(low);
  if (mode === "linear") return [placed(low, scalar(1, rest.dtype).sub(rest)), placed(low.add(1), rest)];
  return [-1, 0, 1, 2].map((step) => placed(low.add(step), cubicWeight(rest, step)));
}

/** Mirrors what lies outside at the border until it lies inside. */
function withinEdge(position: Tensor, size: Dim, { mode, alignCorners }: Edge): Tensor {
  if (mode !== "reflection") return position;
  const low = alignCorners ? 0 : -0.5;
  const span = sizeScalar(size, position.dtype).sub(alignCorners ? 1 : 0);
  const folded = apply("Mod", [abs(position.sub(low)), span.mul(2)], { fmod: 1 });
  return span.sub(abs(folded.sub(span))).add(low);
}

/** Keys' cubic kernel with a = −0.75 at the distance |step − rest|. */
function cubicWeight(rest: Tensor, step: number): Tensor {
  const a = -0.75;
  const x = step <= 0 ? rest.sub(step) : scalar(step, rest.dtype).sub(rest);
  if (step === 0 || step === 1)
    return x
      .mul(a + 2)
      .sub(a + 3)
      .mul(x)
      .mul(x)
      .add(1);
  return x
    .mul(a)
    .sub(5 * a)
    .mul(x)
    .add(8 * a)
    .mul(x)
    .sub(4 * a);
}
