/** Reading pictures between their elements. */

import { type Dim, mulDims } from "../../graph/dim.ts";
import { resamplingMatrix } from "../../graph/resampling.ts";
import { at, type Tensor, tensor } from "../../tensor/index.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { fromFront, numbers, range } from "./axes.ts";
import { type Edge, type Interpolation, samplePoints, toPixels } from "./interpolation.ts";
import { windowAxes } from "./window.ts";

export const samplingRules: GradientRules<"Resize" | "GridSample" | "DeformConv"> = {
  Resize: { chain: resizeGradient },

  /** As the weighted sum of the elements around each position, which gives both gradients. */
  GridSample: {
    chain: ({ attributes, input, outputs, through, fail }) => {
      const [x, grid] = [input(0), input(1)];
      const space = x.shape.slice(2);
      const mode = interpolationOf(attributes.mode) ?? fail(`mode "${attributes.mode}" is unknown`);
      const edge: Edge = { mode: attributes.padding_mode, alignCorners: attributes.align_corners !== 0 };
      const count = mulDims(1, ...grid.shape.slice(1, -1));
      const positions = space.map((size, i) => {
        // The grid's last axis counts from the innermost axis of space: x, y, z.
        const along = at(grid, -1, space.length - 1 - i).reshape([grid.shape[0]!, count]);
        return toPixels(along, size, edge.alignCorners);
      });
      const sampled = samplePoints(x, positions, mode, edge);
      return through(sampled.transpose([0, 2, 1]).reshape(outputs[0]!.shape));
    },
  },

  /**
   * Each kernel position reads the picture at its own place plus an offset; then one matrix product.
   * @source Dai et al., arXiv:1703.06211; Zhu et al., arXiv:1811.11168 (mask)
   */
  DeformConv: {
    chain: ({ attributes, input, inputs, outputs, through, fail }) => {
      const [x, weight, offset] = [input(0), input(1), input(2)];
      const [, , , bias, mask] = inputs;
      const { group, offset_group: fields } = attributes;
      const kernel = numbers(weight.shape.slice(2), "kernel sizes", fail);
      const windows = numbers(outputs[0]!.shape.slice(2), "sizes", fail);
      const axes = windowAxes({ ...attributes, auto_pad: "NOTSET" }, kernel, x.shape.slice(2), fail);
      const [b, c, ...space] = x.shape as [Dim, number, ...Dim[]];
      const [places, points] = [product(kernel), product(windows)];
      const count = places * points;

      const offsets = offset.reshape([mulDims(b, fields), places, axes.length, points]);
      const positions = axes.map(({ stride, dilation, begin }, i) => {
        const base = range(count).map((p) => {
          const [k, o] = [coordinate(Math.floor(p / points), kernel, i), coordinate(p % points, windows, i)];
          return o * stride - begin + k * dilation;
        });
        return at(offsets, 2, i)
          .reshape([mulDims(b, fields), count])
          .add(tensor(base, [1, count], x.dtype));
      });
      const perField = x.reshape([mulDims(b, fields), c / fields, ...space]);
      const edge: Edge = { mode: "zeros", alignCorners: true };
      const sampled = samplePoints(perField, positions, "linear", edge);
      const weighed = mask ? sampled.mul(mask.reshape([mulDims(b, fields), count, 1])) : sampled;

      const columns = weighed
        .reshape([b, fields, places, points, c / fields])
        .transpose([0, 1, 4, 2, 3])
        .reshape([b, group, (c / group) * places, points]);
      const out = weight.shape[0]!;
      if (typeof out !== "number") return fail("output channels must be known");
      const products = weight.reshape([group, out / group, (c / group) * places]).matmul(columns);
      const y = products.reshape([b, out, ...windows]);
      return through(bias ? y.add(bias.reshape([out, ...windows.map(() => 1)])) : y);
    },
  },
};

/** Resizing is a matrix along each axis; its gradient is the transposed matrix. */
function resizeGradient({ attributes, cotangent, input, inputs, fail }: GradientContext<"Resize">): readonly Tensor[] {
  const x = input(0);
  const given = (attributes.axes ?? range(x.rank)).map((axis) => fromFront(axis, x.rank));
  if (attributes.keep_aspect_ratio_policy !== "stretch") fail("keep_aspect_ratio_policy must be stretch");
  const scales = inputs[2] && constantNumbers(inputs[2], fail);
  return [
    given.reduce((dy, axis, i) => {
      const scale = scales?.[i];
      if (scale === 1 || (scale === undefined && x.shape[axis] === dy.shape[axis])) return dy;
      const [inSize, outSize] = numbers([x.shape[axis]!, dy.shape[axis]!], `sizes of axis ${axis}`, fail) as [
        number,
        number,
      ];
      const line = { input: inSize, output: outSize, scale: scale ?? outSize / inSize };
      const matrix =
        resamplingMatrix(line, attributes) ??
        fail(`coordinate_transformation_mode ${attributes.coordinate_transformation_mode}`);
      return alongAxis(dy, tensor(Array.from(matrix), [outSize, inSize], dy.dtype), axis);
    }, cotangent(0)),
  ];
}

/** Multiplies an axis of size `out` by a matrix [out, in]. */
function alongAxis(t: Tensor, matrix: Tensor, axis: number): Tensor {
  if (axis === t.rank - 1) return t.matmul(matrix);
  if (axis === t.rank - 2) return matrix.transpose().matmul(t);
  const order = range(t.rank).map((i) => (i === axis ? t.rank - 1 : i === t.rank - 1 ? axis : i));
  return t.transpose(order).matmul(matrix).transpose(order);
}

function constantNumbers(t: Tensor, fail: (reason: string) => never): readonly number[] {
  const { source } = t.value;
  return source.kind === "constant" ? Array.from(source.data.data, Number) : fail("scales must be constant");
}

/** ONNX has two names for each mode: before and since opset 20. */
function interpolationOf(mode: string): Interpolation | undefined {
  if (mode === "nearest") return "nearest";
  if (mode === "bilinear" || mode === "linear") return "linear";
  return mode === "bicubic" || mode === "cubic" ? "cubic" : undefined;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}

/** The position along one axis of the `flat`-th element of an array. */
function coordinate(flat: number, shape: readonly number[], axis: number): number {
  return Math.floor(flat / product(shape.slice(axis + 1))) % shape[axis]!;
}
