import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { fillUniform, keyOf } from "../../src/graph/random.ts";
import { ones, zeros } from "../../src/nn/init.ts";
import { Module, type Parameter, parameter } from "../../src/nn/module.ts";
import { decodeModel } from "../../src/onnx/decode.ts";
import { joinChunks } from "../../src/onnx/encode.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { dims, gelu, linear, random, recordUpdate, softmax, sum, type Tensor, tap } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });

class Tiny extends Module {
  readonly weight: Parameter = parameter([2, 3], ones);
  readonly bias: Parameter = parameter([2], zeros);

  forward(x: Tensor): Tensor {
    dims(x, "b n 3");
    return tap("logits", linear(x, this.weight, this.bias));
  }
}

test("one executable serves every size of a symbol", async () => {
  const model = new Tiny();
  const run = await compile(({ x }) => ({ y: softmax(model.forward(x)) }), { x: ["b", 4, 3] }, { runtime });
  for (const b of [1, 3]) {
    const { y } = await run.run({ x: ndarray("float32", [b, 4, 3], new Float32Array(b * 12)) });
    expect(y!.shape).toEqual([b, 4, 2]);
    expect([...(y!.data as Float32Array)].every((p) => p === 0.5)).toBe(true);
  }
  await run.dispose();
});

test("two symbols multiply in a reshape", async () => {
  const run = await compile(
    ({ x }) => ({ y: x.reshape([x.shape[0]!, x.shape[1]!, 2, 2]) }),
    { x: ["b", "t", 4] },
    { runtime },
  );
  const { y } = await run.run({ x: ndarray("float32", [2, 3, 4], new Float32Array(24)) });
  expect(y!.shape).toEqual([2, 3, 2, 2]);
  await run.dispose();
});

test("taps become outputs by their full name, and an unknown one is refused", async () => {
  const model = new Tiny();
  const forward = ({ x }: { readonly x: Tensor }) => ({ y: softmax(model.forward(x)) });
  const run = await compile(forward, { x: [1, 1, 3] }, { runtime, taps: ["logits"] });
  const { logits } = await run.run({ x: ndarray("float32", [1, 1, 3], [1, 2, 3]) });
  expect([...(logits!.data as Float32Array)]).toEqual([6, 6]);
  await run.dispose();
  await expect(compile(forward, { x: [1, 1, 3] }, { runtime, taps: ["nothing"] })).rejects.toThrow('no tap "nothing"');
});

test("variables keep their state between runs", async () => {
  const model = new Tiny();
  const step = await compile(
    ({ x }) => {
      const y = model.forward(x);
      recordUpdate(model.weight.variable, model.weight.add(1).value);
      return { y: sum(y) };
    },
    { x: [1, 1, 3] },
    { runtime },
  );
  const x = ndarray("float32", [1, 1, 3], [1, 1, 1]);
  const sums: number[] = [];
  for (let i = 0; i < 4; i++) sums.push((await step.run({ x })).y!.data[0] as number);
  expect(sums).toEqual([6, 12, 18, 24]);
  expect([...(model.weight.variable.data.data as Float32Array)]).toEqual(Array(6).fill(5));
  await step.dispose();
});

test("random sites depend on the key and the site alone", async () => {
  const draw = await compile(
    ({ x }) => ({
      a: random("a", x.shape, { kind: "keep", keep: 0.5 }),
      b: random("b", x.shape, { kind: "keep", keep: 0.5 }),
    }),
    { x: ["b"] },
    { runtime },
  );
  const x = ndarray("float32", [64], new Float32Array(64));
  const first = await draw.run({ x }, { key: keyOf(1) });
  const again = await draw.run({ x }, { key: keyOf(1) });
  const other = await draw.run({ x }, { key: keyOf(2) });
  expect(first.a!.data).toEqual(again.a!.data);
  expect(first.a!.data).not.toEqual(first.b!.data);
  expect(first.a!.data).not.toEqual(other.a!.data);
  expect(new Set(first.a!.data as Float32Array)).toEqual(new Set([0, 2]));
  await expect(draw.run({ x })).rejects.toThrow("needs a key");
  await draw.dispose();
});

test("errors name input, expected and given sizes", async () => {
  const model = new Tiny();
  const run = await compile(({ x }) => ({ y: model.forward(x) }), { x: ["b", 4, 3] }, { runtime });
  await expect(
    run.run({ x: ndarray("float32", [1, 4, 2], new Float32Array(8)) }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: run: expected float32 [b, 4, 3], got [1, 4, 2] in input "x"]`,
  );
  await expect(run.run({})).rejects.toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: run: the input "x" is missing, expected float32 [b, 4, 3]]`,
  );
  expect(() => model.forward(run as unknown as Tensor)).toThrow();
  await run.dispose();
});

/** Operators of what a compiled linear map before an activation has been loaded as. */
async function operators(on: Runtime, rewrite: boolean): Promise<readonly string[]> {
  const model = new Tiny().initialize(0);
  const run = await compile(({ x }) => ({ y: gelu(model.forward(x)) }), { x: ["b", 4, 3] }, { runtime: on, rewrite });
  const { outputs } = decodeModel(joinChunks(run.model.chunks)).graph();
  await run.dispose();
  return topologicalOrder(outputs.values()).map(({ op }) => op);
}

test("a processor gets operators of the engine's own; other devices, and whoever wants no rewrites, do not", async () => {
  expect(await operators(runtime, true)).toEqual(["FusedMatMul", "Add", "Gelu"]);
  expect(await operators(runtime, false)).toContain("Gemm");
  const other: Runtime = { ...runtime, device: "wasm", createSession: (...args) => runtime.createSession(...args) };
  expect(await operators(other, true)).toContain("Gemm");
});

test.each(["none", "tanh"] as const)(
  "a linear map before GELU (%s) is the same in either form",
  async (approximate) => {
    const model = new Tiny().initialize(0);
    const x = ndarray("float32", [2, 4, 3], fillUniform(keyOf(1), new Float32Array(24), -2, 2));
    const results = [];
    for (const rewrite of [true, false]) {
      const run = await compile(
        (given) => ({ y: gelu(model.forward(given.x), approximate) }),
        { x: [2, 4, 3] },
        { runtime, rewrite },
      );
      results.push(Array.from((await run.run({ x })).y!.data as Float32Array));
      await run.dispose();
    }
    for (const [i, expected] of results[1]!.entries()) expect(results[0]![i]).toBeCloseTo(expected, 6);
  },
);
