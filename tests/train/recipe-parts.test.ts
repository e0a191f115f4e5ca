import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { makeVariable } from "../../src/graph/graph.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { fromScratch, type Recipe } from "../../src/train/recipe.ts";
import { augmentationOf, averageOf, labelLossOf, optimizerOf, scheduleOf } from "../../src/train/recipe-parts.ts";

const runtime = await nodeRuntime({ threads: 1 });
const recipeOf = (changes: Partial<Recipe>): Recipe => ({ ...fromScratch, ...changes });

const parameter = (name: string, shape: readonly number[]) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { variable: makeVariable(name, "float32", shape, () => ndarray("float32", shape, Array(size).fill(1))) };
};
const parameters = new Map(
  [parameter("blocks.0.attn.qkv.weight", [6, 2]), parameter("head.weight", [3, 2]), parameter("norm.bias", [2])].map(
    (p) => [p.variable.name, p],
  ),
);

/** Numbers of timm.loss.BinaryCrossEntropy on these logits and targets. */
const logits = [0.5, -1.25, 2, -0.75, 1.5, 0.25];
const targets = [0.7, 0.05, 0.25, 0.1, 0.6, 0.3];
test.each([
  [null, 0.7632762789726257],
  [0.2, 0.33619293570518494],
])("bce with threshold %d is timm's", async (targetThreshold, expected) => {
  const loss = labelLossOf(recipeOf({ loss: "bce", targetThreshold }));
  await using run = await compile(({ x, t }) => ({ loss: loss(x, t) }), { x: [2, 3], t: [2, 3] }, { runtime });
  const result = await run.run({ x: ndarray("float32", [2, 3], logits), t: ndarray("float32", [2, 3], targets) });
  expect(Number(result.loss!.data[0])).toBeCloseTo(expected, 6);
});

test.each([
  ["adamw", ["exp_sum", "exp_sum_sq"], []],
  ["adam", ["exp_sum", "exp_sum_sq"], []],
  ["lamb", ["exp_sum", "exp_sum_sq"], []],
  ["lion", ["exp_avg"], []],
  ["sgd", ["momentum_buffer"], []],
  // The head and what is no matrix are AdamW's.
  ["muon", ["exp_sum", "exp_sum_sq"], ["blocks.0.attn.qkv.weight/momentum_buffer"]],
] as const)("%s keeps its state for every parameter", (optimizer, kinds, others) => {
  const { state } = optimizerOf(recipeOf({ optimizer }), parameters);
  const adam = [...parameters.keys()].slice(others.length).flatMap((name) => kinds.map((kind) => `${name}/${kind}`));
  expect([...state.keys()].sort()).toEqual([...adam, ...others].sort());
});

test("schedules rise over the warm-up and fall as they are named", () => {
  const rates = (changes: Partial<Recipe>, losses: readonly number[] = []): readonly number[] => {
    const rate = scheduleOf(
      recipeOf({ epochs: 10, warmupEpochs: 2, learningRate: 1, minLearningRate: 0.01, ...changes }),
      10,
    );
    return [0, 10, 20, 50, 99].map((step) => rate(step, losses));
  };
  const rise = [0.01, 0.505];
  const near = (got: readonly number[], want: readonly number[]): void => {
    for (const [i, rate] of got.entries()) expect(rate, `${i}`).toBeCloseTo(want[i]!, 6);
  };
  near(rates({ schedule: "constant" }), [...rise, 1, 1, 1]);
  near(rates({ schedule: "step", decayEpochs: 3, decayRate: 0.5 }), [...rise, 1, 0.5, 0.125]);
  near(rates({ schedule: "step", decayEpochs: 3, decayRate: 0.001 }), [...rise, 1, 0.01, 0.01]);
  near(rates({ schedule: "plateau", decayEpochs: 1, decayRate: 0.5 }), [...rise, 1, 1, 1]);
  near(rates({ schedule: "plateau", decayEpochs: 1, decayRate: 0.5 }, [2, 1, 1, 1]), [...rise, 0.5, 0.5, 0.5]);
  const cosine = rates({ schedule: "cosine" });
  near(cosine.slice(0, 2), rise);
  expect(cosine[3]).toBeCloseTo(0.505, 6);
  const cycle = rates({ schedule: "one-cycle" });
  expect(cycle[0]).toBeCloseTo(1 / 25, 6);
  expect(cycle[4]).toBeCloseTo(0.01, 6);
  expect(
    scheduleOf(recipeOf({ epochs: 10, warmupEpochs: 2, learningRate: 1, schedule: "one-cycle" }), 10)(19, []),
  ).toBe(1);
});

test("augmentation is what the recipe says, and none where it says none", () => {
  expect(augmentationOf(recipeOf({ crop: "none", flip: 0, presize: 64 }))).toBeUndefined();
  expect(augmentationOf(recipeOf({ presize: 64 }))).toMatchObject({ presize: 64 });
  expect(augmentationOf(recipeOf({ crop: "none", flip: 0, autoAugment: "ta_wide" }))).toMatchObject({
    crop: { kind: "fit" },
    auto: "ta_wide",
  });
  expect(augmentationOf(recipeOf({ crop: "padded", pad: 3 }))).toMatchObject({ crop: { kind: "padded", padding: 3 } });
});

test("only a recipe with an average makes one", () => {
  const variables = [...parameters.values()].map(({ variable }) => variable);
  expect(averageOf(recipeOf({}), variables)).toBeUndefined();
  const average = averageOf(recipeOf({ ema: 0.9, emaWarmup: true }), variables)!;
  expect(average.state.size).toBe(3);
  // timm's ModelEmaV3 with warm-up keeps 1 − (1 + step)^−⅔ at first, 0.9 from then on.
  expect([1, 2, 1000].map((step) => Number(average.feeds(step).average_share!.data[0]))).toEqual([
    expect.closeTo(2 ** (-2 / 3), 6),
    expect.closeTo(3 ** (-2 / 3), 6),
    expect.closeTo(0.1, 6),
  ]);
});
