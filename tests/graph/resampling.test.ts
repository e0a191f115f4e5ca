import { expect, test } from "vitest";
import { evaluatorFor } from "../../src/compile/index.ts";
import type { Attributes } from "../../src/graph/ops.ts";
import { resamplingMatrix } from "../../src/graph/resampling.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { apply, ints, tensor } from "../../src/tensor/index.ts";

const evaluate = evaluatorFor(await nodeRuntime({ threads: 1 }));

type Rule = Partial<Attributes<"Resize">>;

const coordinates = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"];
const interpolations: readonly Rule[] = [
  { mode: "linear" },
  { mode: "linear", antialias: 1 },
  { mode: "linear", antialias: 1, exclude_outside: 1 },
  { mode: "cubic" },
  { mode: "cubic", exclude_outside: 1 },
  { mode: "cubic", antialias: 1, cubic_coeff_a: -0.5 },
  { mode: "cubic", antialias: 1, exclude_outside: 1 },
  ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].map((nearest_mode) => ({
    mode: "nearest",
    nearest_mode,
  })),
];
const sizes = [
  [4, 7],
  [7, 4],
  [5, 5],
  [3, 9],
  [9, 2],
  [6, 1],
] as const;

test.each(coordinates.flatMap((c) => interpolations.map((rule) => ({ ...rule, coordinate_transformation_mode: c }))))(
  "the matrix is what the engine's Resize does: $coordinate_transformation_mode $mode $nearest_mode antialias $antialias exclude $exclude_outside",
  async (rule) => {
    for (const [input, output] of sizes) {
      const eye = Array.from({ length: input * input }, (_, i) => (i % (input + 1) === 0 ? 1 : 0));
      const resized = apply(
        "Resize",
        [tensor(eye, [1, 1, input, input]), undefined, undefined, ints([1, 1, input, output])],
        rule,
      );
      const [got] = await evaluate([resized.value]);
      const complete = {
        nearest_mode: "round_prefer_floor",
        cubic_coeff_a: -0.75,
        antialias: 0,
        exclude_outside: 0,
        ...rule,
      } as Parameters<typeof resamplingMatrix>[1];
      const matrix = resamplingMatrix({ input, output, scale: output / input }, complete)!;
      for (let row = 0; row < output; row++)
        for (let column = 0; column < input; column++)
          expect(matrix[row * input + column], `${input} to ${output}: [${row}, ${column}]`).toBeCloseTo(
            Number(got!.data[column * output + row]),
            4,
          );
    }
  },
);
