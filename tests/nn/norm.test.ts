import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import { BatchNorm2d, Conv2d, evaluation, GroupNorm, LayerNorm, type Mode, type Module } from "../../src/nn/index.ts";
import { rewriteForTraining } from "../../src/rewrite/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { input, sum, type Tensor, trace } from "../../src/tensor/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

/** Arguments of the class in torch. */
type Config = { readonly args: readonly [number, number, number] } & Readonly<Record<string, never>>;
type Box = Module & { forward(x: Tensor, mode: Mode): Tensor };

const conv = ({ args: [channels, out, kernel], ...options }: Config): Box => new Conv2d(channels, out, kernel, options);
const boxes: Readonly<Record<string, (config: Config) => Box>> = {
  "ops-layer-norm": ({ args: [width], eps }) => new LayerNorm(width, { eps: eps! }),
  "ops-group-norm": ({ args: [groups, channels] }) => new GroupNorm(groups, channels),
  "ops-batch-norm-eval": ({ args: [channels] }) => new BatchNorm2d(channels),
  "ops-batch-norm-train": ({ args: [channels] }) => new BatchNorm2d(channels),
  "ops-conv2d": conv,
  "ops-conv2d-depthwise": conv,
  "ops-conv2d-dilated-grouped": conv,
};

test.skipIf(!hasShared).each(Object.entries(boxes))(
  "%s: values, statistics and gradients equal torch's",
  async (name, make) => {
    const golden = readGolden<Config>(name);
    const box = make(golden.config);
    for (const [key, variable] of box.variables()) {
      const given = golden.tensors.get(`param.${key}`) ?? golden.tensors.get(`buffer.${key}`);
      if (given) variable.data = given;
    }
    const x = goldenTensor(golden, "input.x");
    const mode = { train: name.endsWith("train") };
    await using run = await compile(
      ({ x, cotangent }) => {
        const y = box.forward(x, mode);
        const parameters = [...box.parameters()];
        const gradients = grad(sum(y.mul(cotangent)), [x, ...parameters.map(([, p]) => p)]);
        const named = parameters.map(([key], i) => [`grad.${key}`, gradients[i + 1]!] as const);
        return { output: y, "grad.input.x": gradients[0]!, ...Object.fromEntries(named) };
      },
      { x: x.shape, cotangent: goldenTensor(golden, "output.output").shape },
      { runtime: await nodeRuntime() },
    );
    const { output, ...gradients } = await run.run({ x, cotangent: goldenTensor(golden, "cotangent.output") });
    expectClose(output!, goldenTensor(golden, "output.output"), golden.tolerance, "output");
    for (const [key, got] of Object.entries(gradients))
      expectClose(got, goldenTensor(golden, key), golden.tolerance, key);
    for (const [key, { variable }] of box.buffers()) {
      const want = golden.tensors.get(`output.buffer.${key}`);
      if (want) expectClose(variable.data, want, golden.tolerance, key);
      else expect(mode.train).toBe(false);
    }
  },
);

test("batch statistics follow nothing in evaluation", async () => {
  const norm = new BatchNorm2d(3);
  await using run = await compile(
    ({ x }) => ({ y: norm.forward(x, evaluation) }),
    { x: ["b", 3, 4, 4] },
    { runtime: await nodeRuntime() },
  );
  await run.run({ x: { dtype: "float32", shape: [2, 3, 4, 4], data: new Float32Array(96).fill(5) } });
  expect([...norm.runningMean.variable.data.data]).toEqual([0, 0, 0]);
  expect(norm.numBatchesTracked.variable.data.data[0]).toBe(0n);
});

test("training writes the map seven times, once for each pass: away, result, and five of the gradient", () => {
  const norm = new BatchNorm2d(3);
  const [x, dy] = [input("x", [2, 3, 4, 4]), input("dy", [2, 3, 4, 4])];
  const { result, updates } = trace(() => {
    const y = norm.forward(x, { train: true });
    const [dx] = grad(y, [x], { cotangent: dy });
    return { y, dx: dx! };
  });
  const graph = rewriteForTraining({
    inputs: [x.value, dy.value],
    outputs: new Map(Object.entries(result).map(([name, t]) => [name, t.value])),
    updates,
  });
  const maps = topologicalOrder(rootsOf(graph)).filter(({ outputs }) => String(outputs[0]!.shape) === "2,3,4,4");
  expect(maps.map(({ op }) => op)).toEqual(["Sub", "BatchNormalization", "Mul", "Mul", "Mul", "Add", "Add"]);
});
