/** What ONNX Runtime's kernels for WebGPU compute wrongly when left alone: both sides of `webgpu-faults.test.ts` run it. */

import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { apply, conv, full, ints, maxPool, resize, square, sum, type Tensor } from "../../src/tensor/index.ts";
import { drawn } from "../models/drawn.ts";

interface Case {
  /** Shapes of the inputs. */
  readonly shapes: readonly (readonly number[])[];
  readonly compute: (x: Tensor, other: Tensor) => Tensor;
  /** Whether the fault is in the gradient. */
  readonly differentiate: boolean;
}

/** Names of the cases. */
export const faulty = [
  "places of the largest elements",
  "transposed convolutions over three axes",
  "convolutions of channels that three divide and four do not",
  "kernels' gradients for batches that three divide and four do not",
  "convolutions over three axes in groups",
  "every second element backwards",
  "products over axes without names",
  "statistics of a batch",
  "images that shrink without aliasing",
] as const;

export type Faulty = (typeof faulty)[number];

const cases: Readonly<Record<Faulty, Case>> = {
  "places of the largest elements": {
    shapes: [[2, 4, 8, 8]],
    compute: (x) => maxPool(x, 3, { stride: 2, padding: 1 }),
    differentiate: true,
  },
  "transposed convolutions over three axes": {
    shapes: [
      [1, 2, 4, 6, 6],
      [4, 2, 2, 3, 3],
    ],
    compute: (x, weight) => conv(x, weight, undefined, { stride: [2, 1, 1], padding: [0, 1, 1, 0, 1, 1] }),
    differentiate: true,
  },
  "convolutions of channels that three divide and four do not": {
    shapes: [
      [2, 6, 8, 8],
      [8, 6, 3, 3],
    ],
    compute: (x, weight) => conv(x, weight, undefined, { stride: 2, padding: 1 }),
    differentiate: true,
  },
  // The gradient of a large kernel is a convolution in which the images of the batch are channels.
  "kernels' gradients for batches that three divide and four do not": {
    shapes: [
      [6, 3, 16, 16],
      [8, 3, 4, 4],
    ],
    compute: (x, weight) => conv(x, weight, undefined, { stride: 4 }),
    differentiate: true,
  },
  "convolutions over three axes in groups": {
    shapes: [
      [1, 4, 4, 4, 4],
      [4, 2, 2, 2, 2],
    ],
    compute: (x, weight) => conv(x, weight, undefined, { groups: 2 }),
    differentiate: false,
  },
  "every second element backwards": {
    shapes: [[2, 7]],
    compute: (x) => apply("Slice", [x, ints([5]), ints([0]), ints([1]), ints([-2])]),
    differentiate: false,
  },
  "products over axes without names": {
    shapes: [
      [2, 1, 2, 3],
      [1, 3, 3, 2],
    ],
    compute: (x, y) => apply("Einsum", [x, y], { equation: "...ij,...jk->...ik" }),
    differentiate: false,
  },
  "statistics of a batch": {
    shapes: [[4, 4, 3]],
    compute: (x) => {
      const [ones, zeros] = [full([4], 1), full([4], 0)];
      return apply("BatchNormalization", [x, ones, zeros, zeros, ones], { training_mode: 1 });
    },
    differentiate: false,
  },
  "images that shrink without aliasing": {
    shapes: [[1, 3, 12, 12]],
    compute: (x) => resize(x, [5, 7], { mode: "linear", antialias: true }),
    differentiate: false,
  },
};

/** The result, and where the fault is in the gradient the gradients of the sum of its squares: one after the other. */
export async function compute(runtime: Runtime, name: Faulty): Promise<readonly (readonly number[])[]> {
  const { shapes, compute, differentiate } = cases[name];
  const names = shapes.map((_, i) => `x${i}`);
  const run = await compile(
    (inputs) => {
      const given = names.map((key) => inputs[key]!);
      // One operator more: where the processor has all of them, the engine's log names none.
      const y = compute(given[0]!, given[1]!).mul(0.5);
      const found = differentiate ? grad(sum(square(y)), given) : [];
      return { y, ...Object.fromEntries(found.map((t, i) => [`g${i}`, t])) };
    },
    Object.fromEntries(names.map((key, i) => [key, shapes[i]!])),
    { runtime },
  );
  const results = await run.run(Object.fromEntries(names.map((key, i) => [key, drawn(key, shapes[i]!)])));
  await run.dispose();
  return Object.values(results).map(({ data }) => [...(data as Float32Array)]);
}
