/** Pooling: the largest or the mean element of each window. */

import { mulDims, type Shape } from "../../graph/dim.ts";
import {
  apply,
  cast,
  equal,
  expand,
  full,
  scatterElements,
  sizeScalar,
  sum,
  type Tensor,
  tensor,
  where,
} from "../../tensor/index.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { knownNumbers, numbers, range } from "./axes.ts";
import { transposedOnto } from "./convolution.ts";
import { type WindowAxis, windowAttributes, windowAxes } from "./window.ts";

type PoolingOp = "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "Col2Im";

export const poolingRules: GradientRules<PoolingOp> = {
  /** The operator itself says where each largest element was found; windows that overlap may add to the same one. */
  MaxPool: {
    chain: ({ attributes, cotangent, input, outputs, fail }) => {
      if (attributes.storage_order !== 0) fail("storage_order must be 0");
      const x = input(0);
      const flat = full([mulDims(1, ...x.shape)], 0, x.dtype);
      const [places, parts] = [outputs[1]!.reshape([-1]), cotangent(0).reshape([-1])];
      return [scatterElements(flat, places, parts, 0, "add").reshape(x.shape)];
    },
  },
  AveragePool: { chain: averagePoolGradient },
  GlobalAveragePool: {
    chain: ({ cotangent, input }) => {
      const [x, dy] = [input(0), cotangent(0)];
      const count = mulDims(1, ...x.shape.slice(2));
      return [expand(typeof count === "number" ? dy.mul(1 / count) : dy.div(sizeScalar(count, dy.dtype)), x.shape)];
    },
  },
  /** Elements that attain the maximum share its gradient equally. */
  GlobalMaxPool: {
    chain: ({ cotangent, input, outputs }) => {
      const [x, dy] = [input(0), cotangent(0)];
      const attains = equal(x, outputs[0]!);
      const count = sum(cast(attains, dy.dtype), { axes: range(x.rank).slice(2), keepDims: true });
      return [where(attains, dy.div(count), 0)];
    },
  },
  /** The windows of the image as columns again: a convolution with one kernel for each position of the block. */
  Col2Im: {
    chain: ({ attributes, cotangent, input, fail }) => {
      const dy = cotangent(0);
      const block = knownNumbers(input(2), "block_shape", fail);
      const axes = windowAxes({ ...attributes, auto_pad: "NOTSET" }, block, dy.shape.slice(2), fail);
      const positions = block.reduce((product, size) => product * size, 1);
      const single = range(positions * positions).map((i) => (i % (positions + 1) === 0 ? 1 : 0));
      const kernel = tensor(single, [positions, 1, ...block], dy.dtype);
      const columns = apply("Conv", [merged(dy), kernel], { ...windowAttributes(axes), kernel_shape: block });
      return [columns.reshape(input(0).shape)];
    },
  },
};

/** Every element gets the sum of the shares of the windows that hold it. */
function averagePoolGradient(context: GradientContext<"AveragePool">): readonly Tensor[] {
  const { attributes, cotangent, input, fail } = context;
  const x = input(0);
  const kernel = attributes.kernel_shape ?? fail("kernel_shape must be given");
  const axes = windowAxes(attributes, kernel, x.shape.slice(2), fail);
  const shares = merged(shared(cotangent(0), axes, context));
  const ones = tensor(Array<number>(kernel.reduce((a, b) => a * b, 1)).fill(1), [1, 1, ...kernel], x.dtype);
  return [transposedOnto(x.shape.slice(2), shares, ones, axes, 1).reshape(x.shape)];
}

/** `dy` divided by the number of elements that each window counts. */
function shared(
  dy: Tensor,
  axes: readonly WindowAxis[],
  { attributes, input, fail }: GradientContext<"AveragePool">,
): Tensor {
  const countsPadding = attributes.count_include_pad !== 0;
  const isPlain = axes.every(({ begin, end }) => countsPadding || (begin === 0 && end === 0));
  if (isPlain && attributes.ceil_mode === 0)
    return dy.mul(1 / axes.reduce((product, axis) => product * axis.kernel, 1));
  const windows = numbers(dy.shape.slice(2), "sizes", fail);
  const sizes = numbers(input(0).shape.slice(2), "sizes", fail);
  const counts = axes.map(({ kernel, stride, dilation, begin, end }, i) => {
    // The border that still counts: the padding, but not what ceil_mode adds beyond it.
    const [low, high] = countsPadding ? [-begin, sizes[i]! + end] : [0, sizes[i]!];
    return range(windows[i]!).map((w) => {
      const read = range(kernel).map((k) => w * stride - begin + k * dilation);
      return read.filter((at) => at >= low && at < high).length;
    });
  });
  return counts.reduce((t: Tensor, along, i) => {
    const shape = [along.length, ...windows.slice(i + 1).map(() => 1)];
    return t.mul(
      tensor(
        along.map((count) => 1 / count),
        shape,
        t.dtype,
      ),
    );
  }, dy);
}

/** [b, c, …] → [b · c, 1, …]: each channel on its own. */
function merged(t: Tensor): Tensor {
  const [b, c, ...space] = t.shape;
  const shape: Shape = [mulDims(b!, c!), 1, ...space];
  return t.reshape(shape);
}
