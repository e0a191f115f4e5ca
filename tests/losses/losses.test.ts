import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import {
  binaryCrossEntropy,
  crossEntropy,
  crossEntropySoft,
  huberLoss,
  klDivergence,
  l1Loss,
  labelSmoothingKl,
  mseLoss,
  sigmoidFocalLoss,
  smoothL1Loss,
  topKCorrect,
} from "../../src/losses/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { cast, greater, logSoftmax, softmax, sum, type Tensor } from "../../src/tensor/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

type Losses<Config> = (
  inputs: { readonly logits: Tensor } & Readonly<Record<string, Tensor>>,
  config: Config,
) => Readonly<Record<string, Tensor>>;

/** Compares all `output.NAME`, their sum weighted by `cotangent.NAME`, and its gradient with respect to the logits. */
async function checkLosses<Config>(name: string, losses: Losses<Config>): Promise<void> {
  const golden = readGolden<Config>(name);
  const given = [...golden.tensors].flatMap(([key, array]) =>
    key.startsWith("input.") ? [[key.slice("input.".length), array] as const] : [],
  );
  await using run = await compile(
    (inputs) => {
      const logits = inputs.logits!;
      const outputs = losses({ ...inputs, logits }, golden.config);
      const weighted = Object.entries(outputs).map(([key, loss]) => {
        const weight = golden.tensors.get(`cotangent.${key}`);
        return weight ? loss.mul(Number(weight.data[0])) : loss;
      });
      const total = weighted.reduce((a, b) => a.add(b));
      return {
        ...Object.fromEntries(Object.entries(outputs).map(([key, loss]) => [`output.${key}`, loss])),
        total,
        "grad.input.logits": grad(total, [logits])[0]!,
      };
    },
    Object.fromEntries(given.map(([key, { dtype, shape }]) => [key, { dtype, shape }])),
    { runtime },
  );
  const results = await run.run(Object.fromEntries(given));
  const wanted = [...golden.tensors.keys()].filter((key) => key.startsWith("output.") || key.startsWith("grad."));
  expect(Object.keys(results).sort()).toEqual([...wanted, "total"].sort());
  for (const key of wanted) expectClose(results[key]!, goldenTensor(golden, key), golden.tolerance, key);
  expectClose(results.total!, goldenTensor(golden, "loss"), golden.tolerance, "loss");
}

test.skipIf(!hasShared)("cross-entropy and its gradient equal PyTorch's", () =>
  checkLosses<{ readonly label_smoothing: number }>(
    "ops-cross-entropy",
    ({ logits, target, soft_target, class_weight }, { label_smoothing: labelSmoothing }) => {
      const [labels, soft, classWeights] = [target!, soft_target!, class_weight!];
      return {
        plain: crossEntropy(logits, labels),
        smoothing: crossEntropy(logits, labels, { labelSmoothing }),
        weighted: crossEntropy(logits, labels, { classWeights }),
        weighted_smoothing: crossEntropy(logits, labels, { classWeights, labelSmoothing: 0.2 }),
        summed: crossEntropy(logits, labels, { reduction: "sum" }),
        soft: crossEntropySoft(logits, soft),
        soft_smoothing: crossEntropySoft(logits, soft, { labelSmoothing }),
      };
    },
  ),
);

test.skipIf(!hasShared)("binary and regression losses and their gradients equal PyTorch's", () =>
  checkLosses<Readonly<Record<"smooth_l1_beta" | "huber_delta" | "focal_alpha" | "focal_gamma", number>>>(
    "ops-binary-and-regression-losses",
    ({ logits, target, pos_weight }, config) => {
      const t = target!;
      return {
        bce: binaryCrossEntropy(logits, t),
        bce_pos_weight: binaryCrossEntropy(logits, t, { positiveWeight: pos_weight! }),
        focal: sigmoidFocalLoss(logits, cast(greater(t, 0.5), "float32"), {
          alpha: config.focal_alpha,
          gamma: config.focal_gamma,
        }),
        smooth_l1: smoothL1Loss(logits, t, { beta: config.smooth_l1_beta }),
        huber: huberLoss(logits, t, { delta: config.huber_delta }),
        l1: l1Loss(logits, t),
        mse: mseLoss(logits, t),
        kl: klDivergence(logSoftmax(logits), softmax(t)),
      };
    },
  ),
);

test.skipIf(!hasShared)("label smoothing by divergence and its gradient equal the Annotated Transformer's", () =>
  checkLosses<{ readonly padding_idx: number; readonly smoothing: number }>(
    "ops-label-smoothing-kl",
    ({ logits, target }, { padding_idx: paddingIndex, smoothing }) => ({
      loss: labelSmoothingKl(logits, target!, { paddingIndex, smoothing }),
    }),
  ),
);

const float = (shape: readonly number[], data: readonly number[]): NdArray => ndarray("float32", shape, data);
const numbers = (array: NdArray | undefined): readonly number[] => Array.from(array!.data, Number);

test("losses of single rows keep the shape of the labels, and ignored rows lose nothing", async () => {
  await using run = await compile(
    ({ logits, labels }) => {
      const each = crossEntropy(logits!, labels!, { ignoreIndex: 2, reduction: "none" });
      return { each, gradient: grad(sum(each), [logits!])[0]! };
    },
    { logits: ["b", "n", 3], labels: { dtype: "int64", shape: ["b", "n"] } },
    { runtime },
  );
  const { each, gradient } = await run.run({
    logits: float([1, 2, 3], [0, Math.log(2), 0, 5, 6, 7]),
    labels: ndarray("int64", [1, 2], [1, 2]),
  });
  expect(each!.shape).toEqual([1, 2]);
  expectClose(each!, float([1, 2], [Math.log(2), 0]), { rtol: 1e-6, atol: 1e-6 });
  expectClose(gradient!, float([1, 2, 3], [0.25, -0.5, 0.25, 0, 0, 0]), { rtol: 1e-6, atol: 1e-6 });
});

test("soft targets take class weights", async () => {
  await using run = await compile(
    ({ logits, targets, weights }) => ({
      loss: crossEntropySoft(logits!, targets!, { classWeights: weights!, reduction: "sum" }),
    }),
    { logits: ["b", 2], targets: ["b", 2], weights: [2] },
    { runtime },
  );
  const { loss } = await run.run({
    logits: float([2, 2], [1, 1, 1, 1]),
    targets: float([2, 2], [1, 0, 0.5, 0.5]),
    weights: float([2], [3, 5]),
  });
  expectClose(loss!, float([], [7 * Math.log(2)]), { rtol: 1e-6, atol: 0 });
});

test("extreme logits overflow nowhere", async () => {
  await using run = await compile(
    ({ logits, targets }) => {
      const bce = binaryCrossEntropy(logits!, targets!, { reduction: "none" });
      const focal = sigmoidFocalLoss(logits!, targets!, { reduction: "none" });
      return {
        bce,
        focal,
        bceGradient: grad(sum(bce), [logits!])[0]!,
        focalGradient: grad(sum(focal), [logits!])[0]!,
      };
    },
    { logits: [4], targets: [4] },
    { runtime },
  );
  const results = await run.run({ logits: float([4], [200, -200, 200, -200]), targets: float([4], [1, 0, 0, 1]) });
  expect(numbers(results.bce)).toEqual([0, 0, 200, 200]);
  expect(numbers(results.bceGradient)).toEqual([0, 0, 1, -1]);
  expect(numbers(results.focal)).toEqual([0, 0, 150, 50]);
  expect(numbers(results.focalGradient)).toEqual([0, 0, 0.75, -0.25]);
});

test("a probability of zero adds nothing to a divergence and gives no NaN in its gradient", async () => {
  await using run = await compile(
    ({ logits, p }) => {
      const loss = klDivergence(logSoftmax(logits!), p!, { reduction: "sum" });
      return { loss, gradient: grad(loss, [logits!, p!])[1]! };
    },
    { logits: [1, 2], p: [1, 2] },
    { runtime },
  );
  const { loss, gradient } = await run.run({ logits: float([1, 2], [0, 0]), p: float([1, 2], [0, 1]) });
  expectClose(loss!, float([], [Math.log(2)]), { rtol: 1e-6, atol: 0 });
  expect(numbers(gradient).every(Number.isFinite)).toBe(true);
});

test("smoothing of nothing is the plain sum over words", async () => {
  await using run = await compile(
    ({ logits, labels }) => ({
      smoothed: labelSmoothingKl(logits!, labels!, { smoothing: 0, paddingIndex: 2 }),
      plain: crossEntropy(logits!, labels!, { ignoreIndex: 2, reduction: "sum" }),
    }),
    { logits: ["b", 4], labels: { dtype: "int64", shape: ["b"] } },
    { runtime },
  );
  const { smoothed, plain } = await run.run({
    logits: float([3, 4], [0.5, 1, -1, 2, 3, 1, 0, -2, 1, 1, 4, 1]),
    labels: ndarray("int64", [3], [1, 3, 2]),
  });
  expectClose(smoothed!, plain!, { rtol: 1e-6, atol: 0 });
});

test("hits among the k best are counted, labels that are no class are not", async () => {
  await using run = await compile(
    ({ logits, labels }) => ({
      top1: topKCorrect(logits!, labels!, 1),
      top2: topKCorrect(logits!, labels!, 2),
      top5: topKCorrect(logits!, labels!, 5),
    }),
    { logits: ["b", 3], labels: { dtype: "int64", shape: ["b"] } },
    { runtime },
  );
  const { top1, top2, top5 } = await run.run({
    logits: float([4, 3], [3, 2, 1, 3, 2, 1, 3, 2, 1, 3, 2, 1]),
    labels: ndarray("int64", [4], [0, 1, 2, -100]),
  });
  expect([top1, top2, top5].map((count) => numbers(count)[0])).toEqual([1, 2, 3]);
});

test("targets of another shape are refused", async () => {
  await expect(
    compile(
      ({ logits, labels }) => ({ loss: crossEntropy(logits!, labels!) }),
      { logits: [4, 3], labels: { dtype: "int64", shape: [3] } },
      { runtime },
    ),
  ).rejects.toThrow("crossEntropy: targets must be [4] for logits [4, 3], got [3]");
  await expect(
    compile(
      ({ logits, targets }) => ({ loss: crossEntropySoft(logits!, targets!) }),
      { logits: [4, 3], targets: [4] },
      { runtime },
    ),
  ).rejects.toThrow("crossEntropySoft: targets must be [4, 3] for logits [4, 3], got [4]");
});
