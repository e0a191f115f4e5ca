import { expect, test } from "vitest";
import { inPlaceVariables } from "../../src/compile/in-place.ts";
import { compile, type Executable, traceGraph } from "../../src/compile/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { makeVariable } from "../../src/graph/graph.ts";
import type { Variable } from "../../src/graph/value.ts";
import { adam, adamW } from "../../src/optim/adam.ts";
import { clipByGlobalNorm } from "../../src/optim/clip.ts";
import type { Optimizer, Trainable } from "../../src/optim/optimizer.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { expectClose, type Golden, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

interface Config {
  readonly lr: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weight_decay?: number;
  readonly groups: readonly { readonly tensors: readonly number[]; readonly weight_decay?: number }[];
  readonly clip_norm: number | null;
}

const copy = ({ dtype, shape, data }: NdArray): NdArray => ({ dtype, shape, data: data.slice() });

function trainablesOf(golden: Golden<Config>): readonly Trainable[] {
  const { groups, weight_decay = 0 } = golden.config;
  return [0, 1, 2].map((i) => {
    const start = goldenTensor(golden, `input.start.${i}`);
    const group = groups.find(({ tensors }) => tensors.includes(i))!;
    return {
      variable: makeVariable(`p${i}`, "float32", start.shape, () => copy(start)),
      learningRateScale: 1,
      weightDecay: group.weight_decay ?? weight_decay,
    };
  });
}

const optimizers: Readonly<Record<string, (trainables: readonly Trainable[], config: Config) => Optimizer>> = {
  adam: (t, { betas, eps }) => adam(t, { betas: betas!, epsilon: eps! }),
  adamw: (t, { betas, eps }) => adamW(t, { betas: betas!, epsilon: eps! }),
  "sgd-momentum-clip": (t, { momentum }) => sgd(t, { momentum: momentum! }),
  "sgd-nesterov": (t, { momentum, nesterov }) => sgd(t, { momentum: momentum!, nesterov: nesterov! }),
};

function stepFunction(optimizer: Optimizer, clipNorm: number | null) {
  return (inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> => {
    const given = [0, 1, 2].flatMap((i) => inputs[`g${i}`] ?? []);
    if (clipNorm === null) {
      optimizer.update(given, inputs);
      return { first: given[0]! };
    }
    const { gradients, norm } = clipByGlobalNorm(given, clipNorm);
    optimizer.update(gradients, inputs);
    return { norm };
  };
}

function specsOf(trainables: readonly Trainable[], optimizer: Optimizer) {
  return { ...Object.fromEntries(trainables.map(({ variable }, i) => [`g${i}`, variable.shape])), ...optimizer.inputs };
}

function compileStep(
  trainables: readonly Trainable[],
  optimizer: Optimizer,
  clipNorm: number | null,
): Promise<Executable> {
  return compile(stepFunction(optimizer, clipNorm), specsOf(trainables, optimizer), { runtime });
}

function feedsOf(golden: Golden<Config>, optimizer: Optimizer, t: number): Record<string, NdArray> {
  const rate = golden.tensors.get("input.lr")?.data[t];
  return {
    ...Object.fromEntries([0, 1, 2].map((i) => [`g${i}`, goldenTensor(golden, `input.grad.${t}.${i}`)])),
    ...optimizer.feeds(t, rate === undefined ? golden.config.lr : Number(rate)),
  };
}

for (const [name, make] of Object.entries(optimizers)) {
  test.skipIf(!hasShared)(`${name} follows PyTorch's trajectory`, async () => {
    const golden = readGolden<Config>(`ops-${name}`);
    const { config, tolerance } = golden;
    const trainables = trainablesOf(golden);
    const optimizer = make(trainables, config);
    await using step = await compileStep(trainables, optimizer, config.clip_norm);
    for (let t = 0; t < 5; t++) {
      const { norm } = await step.run(feedsOf(golden, optimizer, t));
      for (const [i, { variable }] of trainables.entries())
        expectClose(
          variable.data,
          goldenTensor(golden, `output.param.${t}.${i}`),
          tolerance,
          `parameter ${i}, step ${t}`,
        );
      if (config.clip_norm !== null) expectClose(norm!, goldenTensor(golden, `output.norm.${t}`), tolerance, "norm");
    }
  });

  test.skipIf(!hasShared)(`${name} continues exactly from a checkpoint`, async () => {
    const golden = readGolden<Config>(`ops-${name}`);
    const { config } = golden;
    const run = async (trainables: readonly Trainable[], optimizer: Optimizer, from: number, to: number) => {
      await using step = await compileStep(trainables, optimizer, config.clip_norm);
      for (let t = from; t < to; t++) await step.run(feedsOf(golden, optimizer, t));
      const variables: Variable[] = [...trainables.map(({ variable }) => variable), ...optimizer.state.values()];
      return new Map(variables.map((variable) => [variable.name, copy(variable.data)]));
    };
    const whole = trainablesOf(golden);
    const expected = await run(whole, make(whole, config), 0, 5);
    const first = trainablesOf(golden);
    const saved = await run(first, make(first, config), 0, 2);
    const second = trainablesOf(golden);
    const optimizer = make(second, config);
    for (const { variable } of second) variable.data = saved.get(variable.name)!;
    for (const [key, variable] of optimizer.state) variable.data = saved.get(key)!;
    expect(await run(second, optimizer, 2, 5)).toEqual(expected);
  });
}

const variable = (name: string, shape: readonly number[]): Variable =>
  makeVariable(name, "float32", shape, () =>
    ndarray("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1)),
  );
const plain = (v: Variable): Trainable => ({ variable: v, learningRateScale: 1, weightDecay: 0.1 });

test("state is updated in place, under the names of its parameters", () => {
  const trainables = [variable("a", [2]), variable("b", [3]), variable("c", [4])].map(plain);
  for (const optimizer of [adam(trainables), adamW(trainables), sgd(trainables, { momentum: 0.9, nesterov: true })])
    for (const clipNorm of [null, 1]) {
      const { graph } = traceGraph(stepFunction(optimizer, clipNorm), specsOf(trainables, optimizer));
      const inPlace = inPlaceVariables(graph);
      for (const state of optimizer.state.values()) expect(inPlace).toContain(state);
    }
  expect([...adamW(trainables).state.keys()].sort()).toEqual(
    ["a", "b", "c"].flatMap((name) => [`${name}/exp_sum`, `${name}/exp_sum_sq`]),
  );
  expect(sgd(trainables).state.size).toBe(0);
});

test("a compiled step writes state into the arrays that hold it", async () => {
  const trainables = [variable("a", [2]), variable("b", [3]), variable("c", [4])].map(plain);
  const optimizer = adamW(trainables);
  const arrays = (): unknown[] => [...optimizer.state.values()].map(({ data }) => data.data);
  const before = arrays();
  await using step = await compileStep(trainables, optimizer, 1);
  const gradients = { g0: variable("", [2]).data, g1: variable("", [3]).data, g2: variable("", [4]).data };
  for (const t of [0, 1]) await step.run({ ...gradients, ...optimizer.feeds(t, 0.1) });
  for (const [i, array] of arrays().entries()) expect(array).toBe(before[i]);
  expect(optimizer.state.get("a/exp_sum")!.data.data[0]).toBeCloseTo(1.9 / 3, 5);
});

test("the learning rate of a parameter is scaled, its decay with it", async () => {
  const one = [1, 0.5, 0].map((learningRateScale, i) => ({
    variable: variable(`p${i}`, [1]),
    learningRateScale,
    weightDecay: 0.5,
  }));
  const optimizer = adamW(one, { epsilon: 0 });
  await using step = await compileStep(one, optimizer, null);
  const gradient = ndarray("float32", [1], [3]);
  await step.run({ g0: gradient, g1: gradient, g2: gradient, ...optimizer.feeds(0, 0.1) });
  // First step: p (1 − η s λ) − η s · g / |g|.
  for (const [i, want] of [1 - 0.05 - 0.1, 1 - 0.025 - 0.05, 1].entries())
    expect(one[i]!.variable.data.data[0]).toBeCloseTo(want, 6);
});

test("Adam's weight decay is part of the gradient, AdamW's is not", async () => {
  // The gradient −λ p cancels a decay that is added to it.
  const gradients = { g0: ndarray("float32", [1], [-0.5]) };
  const after = async (make: typeof adam): Promise<number> => {
    const one: Trainable = { variable: variable("p", [1]), learningRateScale: 1, weightDecay: 0.5 };
    const optimizer = make([one]);
    await using step = await compileStep([one], optimizer, null);
    await step.run({ ...gradients, ...optimizer.feeds(0, 0.1) });
    return Number(one.variable.data.data[0]);
  };
  expect(await after(adam)).toBe(1);
  expect(await after(adamW)).toBeCloseTo(1 - 0.05 + 0.1, 6);
});

test("constants of a group are made once", () => {
  const trainables = [variable("a", [2]), variable("b", [3]), variable("c", [4])].map(plain);
  const optimizer = adamW(trainables);
  const { graph } = traceGraph(stepFunction(optimizer, null), specsOf(trainables, optimizer));
  const scalars = new Set<unknown>();
  for (const value of graph.updates.values()) {
    const pending = [value];
    for (let v = pending.pop(); v; v = pending.pop()) {
      if (v.source.kind !== "node") continue;
      if (v.shape.length === 0) scalars.add(v.source.node);
      for (const input of v.source.node.inputs) if (input) pending.push(input);
    }
  }
  expect(scalars.size).toBe(3);
});

test("gradients are only shortened, never lengthened", async () => {
  await using run = await compile(
    ({ a, b }) => {
      const { gradients, norm } = clipByGlobalNorm([a, b], 5);
      return { first: gradients[0]!, second: gradients[1]!, norm };
    },
    { a: [1], b: [1, 1] },
    { runtime },
  );
  const clipped = async (a: number, b: number): Promise<readonly number[]> => {
    const { first, second, norm } = await run.run({
      a: ndarray("float32", [1], [a]),
      b: ndarray("float32", [1, 1], [b]),
    });
    return [first, second, norm].map((array) => Number(array!.data[0]));
  };
  expect(await clipped(1.5, 2)).toEqual([1.5, 2, 2.5]);
  const [first, second, norm] = await clipped(6, 8);
  expect(norm).toBe(10);
  expect(first).toBeCloseTo(3, 6);
  expect(second).toBeCloseTo(4, 6);
});

test("a wrong number of gradients is refused", () => {
  const trainables = [variable("a", [2]), variable("b", [3])].map(plain);
  expect(() => sgd(trainables).update([], {})).toThrow("one gradient is needed for each parameter, got 0 for 2");
});
