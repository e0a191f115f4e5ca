import { expect, test } from "vitest";
import { compile, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import { keyOf } from "../../src/graph/random.ts";
import { addLora, loraOf, loraParameters, mergeLora } from "../../src/nn/lora.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import { evaluation, type Mode } from "../../src/nn/module.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sum } from "../../src/tensor/index.ts";
import { drawn } from "../models/drawn.ts";

const runtime = await nodeRuntime({ threads: 1 });
const x = drawn("x", [3, 4]);

async function outputs(model: Mlp, mode: Mode = evaluation): Promise<readonly number[]> {
  await using run = await compile(({ x }) => ({ y: model.forward(x, mode) }), { x: [3, 4] }, { runtime });
  return Array.from((await run.run({ x }, { key: keyOf(1) })).y!.data as Float32Array);
}

/** An MLP whose adapters say something. */
function adapted(options = {}): Mlp {
  const model = new Mlp(4, 6).initialize(1);
  addLora(model, { rank: 2, alpha: 3, targets: ["fc1", "fc2"], ...options });
  for (const { b } of loraOf(model).values()) b.variable.data = drawn(b.name, b.variable.shape as number[]);
  return model;
}

const apart = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));

test("adapters are named by their map and begin without effect", async () => {
  const model = new Mlp(4, 6).initialize(1);
  const before = await outputs(model);
  addLora(model, { rank: 2, alpha: 3, targets: ["fc1"], seed: 7 });
  expect(loraParameters(model)).toEqual(["fc1.lora.a", "fc1.lora.b"]);
  expect([...model.parameters().keys()]).toEqual([
    ...["fc1.weight", "fc1.bias", "fc1.lora.a", "fc1.lora.b", "fc2.weight", "fc2.bias"],
  ]);
  expect(await outputs(model)).toEqual(before);
  const a = loraOf(model).get("fc1")!.a.variable.data.data as Float32Array;
  expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(4));
  expect(new Set(a).size).toBe(8);
});

test("two seeds and two maps draw different first values", () => {
  const first = (seed: number, path: string): unknown => {
    const model = new Mlp(4, 4).initialize(1);
    addLora(model, { rank: 2, alpha: 3, targets: ["fc1", "fc2"], seed });
    return loraOf(model).get(path)!.a.variable.data.data;
  };
  expect(first(1, "fc1")).toEqual(first(1, "fc1"));
  expect(first(1, "fc1")).not.toEqual(first(2, "fc1"));
  expect(first(1, "fc1")).not.toEqual(first(1, "fc2"));
});

test("the scale is alpha over the rank, or over its root", () => {
  expect(loraOf(adapted()).get("fc1")!.scale).toBe(1.5);
  expect(loraOf(adapted({ rankStabilized: true })).get("fc1")!.scale).toBeCloseTo(3 / Math.SQRT2, 12);
});

test("merged weights compute the same, and go back bit for bit", async () => {
  const model = adapted();
  const [before, weight] = [await outputs(model), model.fc1.weight.variable.data.data.slice()];
  const plain = [...new Mlp(4, 6).parameters().keys()];
  const unmerge = mergeLora(model);
  expect([...model.parameters().keys()]).toEqual(plain);
  expect(model.fc1.weight.variable.data.data).not.toEqual(weight);
  const merged = await outputs(model);
  expect(apart(merged, before)).toBeLessThan(1e-6);
  expect(apart(merged, await outputs(new Mlp(4, 6).initialize(1)))).toBeGreaterThan(0.01);
  unmerge();
  expect(model.fc1.weight.variable.data.data).toEqual(weight);
  expect(await outputs(model)).toEqual(before);
});

test("dropout acts on what the adapter reads, in training only", async () => {
  const model = adapted({ dropout: 0.5 });
  expect(await outputs(model)).toEqual(await outputs(adapted()));
  expect(await outputs(model, { train: true })).not.toEqual(await outputs(model));
  // Without adapters nothing is dropped.
  mergeLora(model);
  expect(await outputs(model, { train: true })).toEqual(await outputs(model));
});

test("only the adapters' gradients are computed", async () => {
  const model = adapted();
  const parameters = model.parameters();
  const { graph } = traceGraph(
    ({ x }) => {
      const y = model.forward(x, evaluation);
      const gradients = grad(
        sum(y.mul(y)),
        loraParameters(model).map((name) => parameters.get(name)!),
      );
      return Object.fromEntries(gradients.map((g, i) => [`grad${i}`, g]));
    },
    { x: [3, 4] },
  );
  const products = topologicalOrder(rootsOf(graph)).filter(({ op }) => op === "Gemm" || op === "MatMul");
  const shapes = products.map(({ outputs }) => outputs[0]!.shape.join());
  // fc1: [6, 4] with A [2, 4] and B [6, 2]; fc2 the other way round.
  for (const adapter of ["2,4", "6,2", "2,6", "4,2"]) expect(shapes).toContain(adapter);
  for (const frozen of ["6,4", "4,6"]) expect(shapes).not.toContain(frozen);
});

test("a target that is no linear map is named, with those there are", () => {
  expect(() => addLora(new Mlp(4, 6), { rank: 2, alpha: 2, targets: ["fc3"] })).toThrow(/fc3.*fc1, fc2/);
  expect(() => addLora(new Mlp(4, 6), { rank: 0, alpha: 2, targets: ["fc1"] })).toThrow(/whole number/);
  expect(() => addLora(adapted(), { rank: 2, alpha: 2, targets: ["fc1"] })).toThrow(/one adapter in fc1/);
});
