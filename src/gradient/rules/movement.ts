/** Operators that move elements: the gradient moves them back, and sums what was copied. */

import { addDims, type Dim, divideExactly, mulDims } from "../../graph/dim.ts";
import { apply, concat, slice, squeeze, sum, unsqueeze } from "../../tensor/index.ts";
import { unbroadcast } from "../broadcast.ts";
import type { GradientRule, GradientRules } from "../rule.ts";
import { fromFront, knownNumbers, knownSizes, range } from "./axes.ts";
import { padGradients, sliceGradients } from "./borders.ts";

type MovementOp =
  | ("Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Concat" | "Split" | "Slice" | "Pad")
  | ("Expand" | "Tile" | "Trilu" | "DepthToSpace" | "SpaceToDepth" | "Dropout");

const backInShape: GradientRule<"Reshape" | "Flatten"> = {
  chain: ({ cotangent, input }) => [cotangent(0).reshape(input(0).shape)],
};

export const movementRules: GradientRules<MovementOp> = {
  Reshape: backInShape as GradientRule<"Reshape">,
  Flatten: backInShape as GradientRule<"Flatten">,
  Squeeze: {
    chain: ({ cotangent, input, inputs, fail }) => {
      const axes = inputs[1] && knownNumbers(inputs[1], "axes", fail);
      const { rank, shape } = input(0);
      return [
        axes
          ? unsqueeze(cotangent(0), ...axes.map((axis) => fromFront(axis, rank)).sort((a, b) => a - b))
          : cotangent(0).reshape(shape),
      ];
    },
  },
  Unsqueeze: {
    chain: ({ cotangent, input, fail }) => [squeeze(cotangent(0), ...knownNumbers(input(1), "axes", fail))],
  },
  Transpose: {
    chain: ({ attributes, cotangent, input }) => {
      const { rank } = input(0);
      const order = attributes.perm ?? range(rank).toReversed();
      return [cotangent(0).transpose(range(rank).map((axis) => order.indexOf(axis)))];
    },
  },
  Concat: {
    chain: ({ attributes, cotangent, inputs, needs }) => {
      const dy = cotangent(0);
      const axis = fromFront(attributes.axis!, dy.rank);
      let start: Dim = 0;
      return inputs.map((part, i) => {
        if (!part) return undefined;
        const from = start;
        start = addDims(start, part.shape[axis]!);
        return needs(i) ? slice(dy, axis, from, start) : undefined;
      });
    },
  },
  Split: {
    chain: ({ attributes, cotangent, outputs }) => [
      concat(
        outputs.map((_, i) => cotangent(i)),
        attributes.axis,
      ),
    ],
  },
  Slice: { chain: sliceGradients },
  Pad: { chain: padGradients },
  Expand: { chain: ({ cotangent, input }) => [unbroadcast(cotangent(0), input(0))] },
  Tile: {
    chain: ({ cotangent, input, fail }) => {
      const repeats = knownSizes(input(1), "repeats", fail);
      const { rank, shape } = input(0);
      const repeated = range(rank).filter((axis) => repeats[axis] !== 1);
      if (repeated.length === 0) return [cotangent(0)];
      const apart = cotangent(0).reshape(shape.flatMap((dim, axis) => [repeats[axis]!, dim]));
      return [sum(apart, { axes: range(rank).map((axis) => 2 * axis) })];
    },
  },
  Trilu: {
    chain: ({ attributes, cotangent, inputs }) => [
      apply("Trilu", [cotangent(0), inputs[1]], { upper: attributes.upper }),
    ],
  },
  DepthToSpace: {
    chain: ({ attributes, cotangent, fail }) => {
      const { blocksize: block = 1, mode } = attributes;
      const dy = cotangent(0);
      if (mode === "DCR") return [apply("SpaceToDepth", [dy], { blocksize: block })];
      const [b, c, h, w] = dy.shape as [Dim, Dim, Dim, Dim];
      const exactly = (dim: Dim): Dim => divideExactly(dim, block) ?? fail(`${dim} must divide by ${block}`);
      const [rows, columns] = [exactly(h), exactly(w)];
      const apart = dy.reshape([b, c, rows, block, columns, block]).transpose([0, 1, 3, 5, 2, 4]);
      return [apart.reshape([b, mulDims(c, block * block), rows, columns])];
    },
  },
  SpaceToDepth: {
    chain: ({ attributes, cotangent }) => [
      apply("DepthToSpace", [cotangent(0)], { blocksize: attributes.blocksize, mode: "DCR" }),
    ],
  },
  /** The identity outside training. Training graphs multiply by random masks of their own, which repeat and resume. */
  Dropout: {
    chain: ({ cotangent, inputs, fail }) => {
      const source = inputs[2]?.value.source;
      const off = source === undefined || (source.kind === "constant" && Number(source.data.data[0]) === 0);
      return [off ? cotangent(0) : fail("in training mode it hides its mask")];
    },
  },
};
