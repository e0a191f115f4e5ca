import { expect, test } from "vitest";
import { addDims, ceilDivDim, type Dim, mulDims, type Shape, symbol } from "../../src/graph/dim.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import {
  constantValue,
  type Graph,
  inputValue,
  makeVariable,
  randomValue,
  sizesValue,
  sizeValue,
} from "../../src/graph/graph.ts";
import type { Value, Variable } from "../../src/graph/value.ts";
import { encodeModel, joinChunks } from "../../src/onnx/encode.ts";
import { readModel } from "../../src/onnx/read-messages.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { toHost } from "../../src/runtime/runtime.ts";
import { rawNode } from "./raw-node.ts";

const f32 = (shape: readonly number[], ...values: number[]): NdArray => ndarray("float32", shape, values);

const variable = (name: string, data: NdArray): Variable => makeVariable(name, data.dtype, data.shape, () => data);

function graphOf(inputs: readonly Value[], outputs: Record<string, Value>): Graph {
  return { inputs, outputs: new Map(Object.entries(outputs)), updates: new Map() };
}

function unary(op: "Neg" | "Abs", x: Value, scope = ""): Value {
  return rawNode(op, [x], {}, [[x.dtype, x.shape]], scope)[0]!;
}

async function runGraph(
  graph: Graph,
  feeds: Record<string, NdArray>,
  variables: "initializers" | "inputs" = "initializers",
): Promise<Record<string, NdArray>> {
  const session = await (await nodeRuntime()).createSession(encodeModel(graph, { variables }));
  const results = await session.run(new Map(Object.entries(feeds)));
  const host: Record<string, NdArray> = {};
  for (const [name, array] of results) host[name] = await toHost(array);
  await session.dispose();
  return host;
}

test("a graph with variables, constants and a free batch runs with the right numbers", async () => {
  const b = symbol("b");
  const x = inputValue("x", "float32", [b, 2]);
  const w = variable("proj.weight", f32([2, 3], 1, 2, 3, 4, 5, 6));
  const product = rawNode("MatMul", [x, w.value], {}, [["float32", [b, 3]]], "proj")[0]!;
  const y = rawNode("Add", [product, constantValue(f32([], 10))], {}, [["float32", [b, 3]]], "proj")[0]!;
  const graph = graphOf([x], { y });
  const { y: result } = await runGraph(graph, { x: f32([2, 2], 1, 0, 0, 1) });
  expect(result).toEqual(f32([2, 3], 11, 12, 13, 14, 15, 16));
  const fed = await runGraph(graph, { x: f32([1, 2], 1, 1), "proj.weight": f32([2, 3], 0, 0, 0, 1, 1, 1) }, "inputs");
  expect(fed.y).toEqual(f32([1, 3], 11, 11, 11));
});

test("the producer carries the name of an output, and only leaves and values with two names are copied", () => {
  const x = inputValue("x", "float32", [2]);
  const y = unary("Neg", x, "blocks.0");
  const w = variable("w", f32([2], 1, 2));
  const graph: Graph = {
    inputs: [x],
    outputs: new Map([
      ["y", y],
      ["same", y],
      ["echo", x],
    ]),
    updates: new Map([[w, unary("Abs", w.value, "step")]]),
  };
  const encoded = encodeModel(graph, { variables: "inputs" });
  const { nodes } = readModel(joinChunks(encoded.chunks), "test").graph;
  expect(nodes.map(({ op, name, outputs }) => [op, name, ...outputs])).toEqual([
    ["Neg", "blocks.0/Neg", "y"],
    ["Abs", "step/Abs", "next:w"],
    ["Identity", "same/Identity", "same"],
    ["Identity", "echo/Identity", "echo"],
  ]);
  expect(encoded.inputs.map(({ role, name }) => [role, name])).toEqual([
    ["input", "x"],
    ["variable", "w"],
  ]);
  expect(encoded.outputs.map(({ role, name }) => [role, name])).toEqual([
    ["output", "y"],
    ["output", "same"],
    ["output", "echo"],
    ["update", "next:w"],
  ]);
});

test("sizes are computed from the shapes of the inputs", async () => {
  const b = symbol("b");
  const t = symbol("t");
  const x = inputValue("x", "float32", [b, mulDims(2, t)]);
  const token: Dim = addDims(mulDims(b, t, 3), ceilDivDim(t, 2), 1);
  const vector = sizesValue([b, 7, t, token]);
  const y = rawNode("Identity", [vector], {}, [["int64", [4]]])[0]!;
  const s = rawNode("Identity", [sizeValue(mulDims(b, t))], {}, [["int64", []]])[0]!;
  const { y: sizes, s: scalar } = await runGraph(graphOf([x], { y, s }), {
    x: { dtype: "float32", shape: [3, 10], data: new Float32Array(30) },
  });
  expect(sizes).toEqual(ndarray("int64", [4], [3, 7, 5, 3 * 3 * 5 + 3 + 1]));
  expect(scalar).toEqual(ndarray("int64", [], [15]));
});

test("a size that no input shows is refused by name", () => {
  const x = inputValue("x", "float32", [2]);
  const y = rawNode("Identity", [sizesValue([symbol("hidden")])], {}, [["int64", [1]]])[0]!;
  expect(() => encodeModel(graphOf([x], { y }))).toThrow(/size "hidden" must be readable/);
});

test("random numbers are inputs that name their site", async () => {
  const b = symbol("b");
  const x = inputValue("x", "float32", [b]);
  const mask = randomValue("drop.0", [b], { kind: "keep", keep: 0.5 });
  const y = rawNode("Mul", [x, mask], {}, [["float32", [b]]])[0]!;
  const encoded = encodeModel(graphOf([x], { y }));
  expect(encoded.inputs[1]).toEqual({
    role: "random",
    name: "random:drop.0",
    dtype: "float32",
    shape: [b],
    site: "drop.0",
    distribution: { kind: "keep", keep: 0.5 },
  });
  const { y: result } = await runGraph(graphOf([x], { y }), { x: f32([2], 3, 4), "random:drop.0": f32([2], 2, 0) });
  expect(result).toEqual(f32([2], 6, 0));
});

test("the opset is the lowest that has all operators", () => {
  const shape: Shape = [1, 4, 2, 2];
  const x = inputValue("x", "float32", shape);
  const gelu = rawNode("Gelu", [x], {}, [["float32", shape]])[0]!;
  const scale = constantValue(f32([4], 1, 1, 1, 1));
  const norm = rawNode("GroupNormalization", [x, scale, scale], { num_groups: 2 }, [["float32", shape]])[0]!;
  const quick = rawNode("QuickGelu", [x], {}, [["float32", shape]])[0]!;
  const opsets = (y: Value): readonly string[] =>
    readModel(joinChunks(encodeModel(graphOf([x], { y })).chunks), "test").opsets.map(
      (o) => `${o.domain}:${o.version}`,
    );
  expect(opsets(unary("Neg", x))).toEqual([":18"]);
  expect(opsets(gelu)).toEqual([":20"]);
  expect(opsets(norm)).toEqual([":21"]);
  expect(opsets(quick)).toEqual([":18", "com.microsoft:1"]);
});

test("unused optional outputs get no name, and all parts of a split do", async () => {
  const x = inputValue("x", "float32", [2, 4]);
  const scale = constantValue(f32([4], 1, 1, 1, 1));
  const [y, , inverse] = rawNode("LayerNormalization", [x, scale], {}, [
    ["float32", [2, 4]],
    ["float32", [2, 1]],
    ["float32", [2, 1]],
  ]);
  const [part] = rawNode("Split", [x], { axis: 1, num_outputs: 2 }, [
    ["float32", [2, 2]],
    ["float32", [2, 2]],
  ]);
  const graph = graphOf([x], { y: y!, inverse: inverse!, part: part! });
  const { nodes } = readModel(joinChunks(encodeModel(graph).chunks), "test").graph;
  expect(nodes.map((n) => n.outputs)).toEqual([
    ["y", "", "inverse"],
    ["part", "Split:1"],
  ]);
  const { part: left } = await runGraph(graph, { x: f32([2, 4], 1, 2, 3, 4, 5, 6, 7, 8) });
  expect(left).toEqual(f32([2, 2], 1, 2, 5, 6));
});

test("the same graph gives the same bytes", () => {
  const build = (): Uint8Array => {
    const b = symbol("b");
    const x = inputValue("x", "float32", [b, 3]);
    const shape = sizesValue([mulDims(b, 3)]);
    const y = rawNode("Reshape", [unary("Neg", x, "a"), shape], {}, [["float32", [mulDims(b, 3)]]], "a")[0]!;
    return joinChunks(encodeModel(graphOf([x], { y })).chunks);
  };
  expect(build()).toEqual(build());
});

test("fills of any type and large models in two files run", async () => {
  const x = inputValue("x", "float32", [600]);
  const w = variable(
    "w",
    ndarray(
      "float32",
      [600],
      Float32Array.from({ length: 600 }, (_, i) => i),
    ),
  );
  const v = variable(
    "v",
    ndarray(
      "float32",
      [600],
      Float32Array.from({ length: 600 }, (_, i) => 2 * i),
    ),
  );
  const sum = rawNode("Sum", [x, w.value, v.value], {}, [["float32", [600]]])[0]!;
  const ones = rawNode("ConstantOfShape", [sizesValue([2])], { value: 1, to: 9 }, [["bool", [2]]])[0]!;
  const graph = graphOf([x], { sum, ones });
  const encoded = encodeModel(graph, { maxBytes: 4000, externalLocation: "two.data" });
  expect(encoded.files.map((file) => file.location)).toEqual(["two.data"]);
  expect(encoded.files[0]?.byteLength).toBe(4096 + 2400);
  expect(encoded.byteLength).toBeLessThan(1000);
  const apart = encodeModel(graph, { layout: "memory" });
  expect(apart.files.map((file) => file.location)).toEqual(["tensor-0", "tensor-1"]);
  expect(apart.files[1]?.chunks[0]?.buffer).toBe(v.data.data.buffer);
  for (const model of [encoded, apart, encodeModel(graph)]) {
    const session = await (await nodeRuntime()).createSession(model);
    const results = await session.run(new Map([["x", ndarray("float32", [600], new Float32Array(600))]]));
    const total = await toHost(results.get("sum")!);
    expect(total.data[599]).toBe(3 * 599);
    expect(results.get("ones")).toEqual(ndarray("bool", [2], [1, 1]));
    await session.dispose();
  }
});

test("names that clash are refused", () => {
  const x = inputValue("x", "float32", [2]);
  expect(() => encodeModel(graphOf([x], { x: unary("Neg", x) }))).toThrow(/unique, output "x" is taken/);
  const other = inputValue("other", "float32", [2]);
  expect(() => encodeModel(graphOf([x], { y: unary("Neg", other) }))).toThrow(/"other" is not/);
});

test("sizes stay in the model's own file, however many: the engine reads them before it opens others", async () => {
  const x = inputValue("x", "float32", [200]);
  const one = ["float32", [1]] as const;
  const parts = rawNode("Split", [x, sizesValue(Array(200).fill(1))], { axis: 0 }, Array(200).fill(one));
  const encoded = encodeModel(graphOf([x], { last: parts.at(-1)! }), { layout: "memory" });
  expect(encoded.files).toEqual([]);
  const session = await (await nodeRuntime()).createSession(encoded);
  const data = Float32Array.from({ length: 200 }, (_, i) => i);
  const { data: last } = await toHost(
    (await session.run(new Map([["x", ndarray("float32", [200], data)]]))).get("last")!,
  );
  expect([...last]).toEqual([199]);
  await session.dispose();
});
