/** Operators that pick and place elements by integer positions: a gather's gradient is a scatter, and the reverse. */

import { addDims, type Dim, mulDims, type Shape, subDims } from "../../graph/dim.ts";
import {
  apply,
  at,
  cast,
  concat,
  equal,
  expand,
  full,
  gather,
  gatherElements,
  gatherNd,
  ints,
  less,
  pad,
  scalar,
  scatterElements,
  scatterNd,
  sizeScalar,
  sum,
  type Tensor,
  tensor,
  unsqueeze,
  where,
} from "../../tensor/index.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { fromFront, range } from "./axes.ts";

type IndexingOp =
  | ("Gather" | "GatherElements" | "GatherND" | "ScatterElements" | "ScatterND")
  | ("OneHot" | "EyeLike" | "Range" | "Shape" | "Size" | "ConstantOfShape");

export const indexingRules: GradientRules<IndexingOp> = {
  Gather: { chain: gatherGradients },
  GatherElements: {
    chain: ({ attributes, cotangent, input }) => {
      const x = input(0);
      return [scatterElements(full(x.shape, 0, x.dtype), input(1), cotangent(0), attributes.axis, "add")];
    },
  },
  GatherND: {
    chain: ({ attributes, cotangent, input, fail }) => {
      const x = input(0);
      const indices = input(1);
      const depth = indices.shape.at(-1);
      if (typeof depth !== "number") return fail("the number of coordinates must be known");
      const axes = attributes.batch_dims + depth;
      const rows = rowNumbers(indices, x.shape, attributes.batch_dims);
      return [
        addedRows(mulDims(1, ...x.shape.slice(0, axes)), x.shape.slice(axes), rows, cotangent(0)).reshape(x.shape),
      ];
    },
  },
  ScatterElements: {
    chain: (context) => {
      const indices = context.input(1);
      const { axis } = context.attributes;
      return scatterGradients(context, context.attributes.reduction, {
        gather: (t) => gatherElements(t, indices, axis),
        scatter: (t, updates, reduction) => scatterElements(t, indices, updates, axis, reduction),
      });
    },
  },
  ScatterND: {
    chain: (context) => {
      const indices = context.input(1);
      const depth = indices.shape.at(-1);
      if (typeof depth !== "number") return context.fail("the number of coordinates must be known");
      const added = (t: Tensor, updates: Tensor): Tensor => {
        const count = mulDims(1, ...t.shape.slice(0, depth));
        return t.add(addedRows(count, t.shape.slice(depth), rowNumbers(indices, t.shape, 0), updates).reshape(t.shape));
      };
      return scatterGradients(context, context.attributes.reduction, {
        gather: (t) => gatherNd(t, indices),
        scatter: (t, updates, reduction) =>
          reduction === "add" ? added(t, updates) : scatterNd(t, indices, updates, reduction),
      });
    },
  },
  /** With respect to the two values; the positions are integers. */
  OneHot: {
    chain: ({ attributes, cotangent, input, needs }) => {
      if (!needs(2)) return [];
      const [dy, values] = [cotangent(0), input(2)];
      const hot = apply("OneHot", [input(0), input(1), tensor([0, 1], [2], values.dtype)], { axis: attributes.axis });
      const on = sum(dy.mul(hot));
      return [undefined, undefined, concat([unsqueeze(sum(dy).sub(on), 0), unsqueeze(on, 0)], 0)];
    },
  },
  EyeLike: { zero: "depends on the shape alone" },
  Range: { zero: "its limits are known before the run" },
  Shape: { zero: "integer result" },
  Size: { zero: "integer result" },
  ConstantOfShape: { zero: "depends on the shape alone" },
};

/** One position: zeros around it. Many: rows go back to where they came from, with the gathered axis in front. */
function gatherGradients({ attributes, cotangent, input }: GradientContext<"Gather">): readonly Tensor[] {
  const [x, indices, dy] = [input(0), input(1), cotangent(0)];
  const axis = fromFront(attributes.axis, x.rank);
  const size = x.shape[axis]!;
  const [position] = indices.value.known ?? [];
  if (indices.rank === 0 && position !== undefined) {
    const before = typeof position === "number" && position < 0 ? addDims(size, position) : position;
    return [pad(unsqueeze(dy, axis), [axis], [[before, subDims(size, addDims(before, 1))]])];
  }
  const back = typeof size === "number" ? wayBack(indices, size) : undefined;
  if (back) return [gatheredBack(dy, back, { axis, picked: indices })];
  const picked = indices.rank;
  const others = range(x.rank).filter((a) => a !== axis);
  const places = (a: number): number => (a < axis ? a : a + picked - 1);
  const rows = dy.transpose([...range(picked).map((i) => axis + i), ...others.map(places)]);
  const frontShape: Shape = [size, ...others.map((a) => x.shape[a]!)];
  const summed = isDistinct(indices)
    ? scatterNd(full(frontShape, 0, x.dtype), unsqueeze(indices, picked), rows)
    : addedRows(size, frontShape.slice(1), indices.reshape([-1]), rows).reshape(frontShape);
  return [summed.transpose(range(x.rank).map((a) => (a === axis ? 0 : others.indexOf(a) + 1)))];
}

/** The two directions of one addressing scheme, with its positions filled in. */
interface Addressing {
  readonly gather: (t: Tensor) => Tensor;
  readonly scatter: (t: Tensor, updates: Tensor, reduction: "none" | "add" | "mul") => Tensor;
}

/** As in PyTorch: without reduction, updates must not meet; elements that attain a maximum or minimum share its gradient equally. */
function scatterGradients(
  { cotangent, input, needs, outputs, fail }: GradientContext<"ScatterElements"> | GradientContext<"ScatterND">,
  reduction: string,
  { gather, scatter }: Addressing,
): readonly (Tensor | undefined)[] {
  const [x, updates, dy, y] = [input(0), input(2), cotangent(0), outputs[0]!];
  const gradients = (toX: () => Tensor, toUpdates: () => Tensor): readonly (Tensor | undefined)[] => [
    needs(0) ? toX() : undefined,
    undefined,
    needs(2) ? toUpdates() : undefined,
  ];
  const zeros = (t: Tensor): Tensor => full(t.shape, 0, t.dtype);
  if (reduction === "none")
    return gradients(
      () => scatter(dy, zeros(updates), "none"),
      () => gather(dy),
    );
  if (reduction === "add")
    return gradients(
      () => dy,
      () => gather(dy),
    );
  if (reduction === "mul")
    return gradients(
      () => scatter(dy, updates, "mul"),
      () => gather(dy.mul(y)).div(updates),
    );
  if (reduction !== "max" && reduction !== "min") return fail(`reduction "${reduction}" is unknown`);
  const kept = cast(equal(x, y), x.dtype);
  const placed = cast(equal(updates, gather(y)), x.dtype);
  const share = dy.div(scatter(kept, placed, "add"));
  return gradients(
    () => where(equal(kept, 1), share, 0),
    () => gather(share).mul(placed),
  );
}

/**
 * Zeros [count, rest] with rows [.., rest] added at the positions `places` [n], which may repeat.
 *
 * `ScatterElements` adds one after the other. `ScatterND` would be faster, but ONNX Runtime's (1.30, CPU) adds from several threads without
 * locks and loses what meets in one place.
 */
function addedRows(count: Dim, rest: Shape, places: Tensor, rows: Tensor): Tensor {
  const width = mulDims(1, ...rest);
  const n = places.shape[0]!;
  const everywhere = expand(unsqueeze(places, 1), [n, width]);
  return scatterElements(full([count, width], 0, rows.dtype), everywhere, rows.reshape([n, width]), 0, "add");
}

/** True where positions are constant, count from the front, and no two are the same. */
function isDistinct({ value }: Tensor): boolean {
  if (value.source.kind !== "constant") return false;
  const positions = Array.from(value.source.data.data, Number);
  return positions.every((p) => p >= 0) && new Set(positions).size === positions.length;
}

/**
 * For each position along an axis, which of the constant `indices` picks it, −1: none. Undefined where one is picked twice or where
 * indices are computed. Whoever picks rows by a permutation gets their gradients by another one, with no sums and no zeros to add to.
 */
function wayBack({ value }: Tensor, size: number): readonly number[] | undefined {
  if (value.source.kind !== "constant") return undefined;
  const back = new Array<number>(size).fill(-1);
  for (const [i, index] of Array.from(value.source.data.data, Number).entries()) {
    const position = index < 0 ? index + size : index;
    if (back[position] !== -1) return undefined;
    back[position] = i;
  }
  return back;
}

/** The picked parts of an axis in their old places, zeros where nothing was picked. */
function gatheredBack(
  dy: Tensor,
  back: readonly number[],
  { axis, picked }: { readonly axis: number; readonly picked: Tensor },
): Tensor {
  const count = picked.shape.reduce<number>((product, dim) => product * (dim as number), 1);
  const flat = dy.reshape([...dy.shape.slice(0, axis), count, ...dy.shape.slice(axis + picked.rank)]);
  const filled = back.includes(-1) ? pad(flat, [axis], [[0, 1]]) : flat;
  const places = back.map((place) => (place < 0 ? count : place));
  return gather(filled, ints(places), axis);
}

/** Where coordinates [batch…, .., depth] point in an array whose first axes are one: [n]. */
function rowNumbers(indices: Tensor, shape: Shape, batchDims: number): Tensor {
  const lead = indices.shape.slice(0, -1);
  const coordinate = (axis: number): Tensor => {
    const size = sizeScalar(shape[axis]!);
    if (axis < batchDims) return iota(shape[axis]!).reshape(lead.map((dim, i) => (i === axis ? dim : 1)));
    const given = at(indices, -1, axis - batchDims);
    return where(less(given, 0), given.add(size), given);
  };
  const depth = indices.shape.at(-1) as number;
  const rows = range(batchDims + depth)
    .map(coordinate)
    .reduce((row, next, axis) => row.mul(sizeScalar(shape[axis]!)).add(next));
  return expand(rows, lead).reshape([-1]);
}

/** int64 0 … length − 1. */
function iota(length: Dim): Tensor {
  return apply("Range", [scalar(0, "int64"), sizeScalar(length), scalar(1, "int64")]);
}
