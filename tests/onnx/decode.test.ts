import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { VitrineError } from "../../src/errors.ts";
import { addDims, ceilDivDim, floorDivDim, mulDims, subDims, symbol } from "../../src/graph/dim.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { type Graph, inputValue, makeNode, makeVariable } from "../../src/graph/graph.ts";
import { stream } from "../../src/graph/random.ts";
import { decodeModel } from "../../src/onnx/decode.ts";
import { arrayOfTensor } from "../../src/onnx/decode-tensors.ts";
import { encodeModel, joinChunks } from "../../src/onnx/encode.ts";
import { parseDim } from "../../src/onnx/parse-dim.ts";
import { readTensor } from "../../src/onnx/read-messages.ts";
import {
  writeFields,
  writeHead,
  writeNode,
  writeOperatorSetId,
  writeValueInfo,
} from "../../src/onnx/write-messages.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { toHost } from "../../src/runtime/runtime.ts";
import { type Case, runCase } from "./node-case.ts";

/** Made by tools/onnx-cases.py. */
const cases = JSON.parse(readFileSync(new URL("./cases.json", import.meta.url), "utf8")) as readonly {
  readonly name: string;
  readonly model: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}[];

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const array = (base64: string): NdArray => arrayOfTensor(readTensor(bytes(base64)), new Map(), "case");

for (const { name, model, inputs, outputs } of cases) {
  test(`read, written again and run, it gives the reference's numbers: ${name}`, async () => {
    const data: Case = {
      model: bytes(model),
      inputs: inputs.map(array),
      outputs: outputs.map(array),
      rtol: 1e-5,
      atol: 1e-5,
    };
    expect(await runCase(await nodeRuntime({ threads: 1 }), data, "declared")).toEqual({
      status: "passed",
      reason: "",
    });
  });
}

function caseNamed(name: string): ReturnType<typeof decodeModel> {
  return decodeModel(bytes(cases.find((c) => c.name === name)!.model));
}

test("weights of a file are variables under their names, settings are not", () => {
  const block = caseNamed("a block of a vision transformer, opset 17");
  expect(block.variables.map(({ name, shape }) => [name, ...shape])).toEqual([
    ["k", 4, 3, 2, 2],
    ["kb", 4],
    ["g", 4],
    ["h", 4],
    ["w", 4, 12],
  ]);
  expect(caseNamed("Resize 10").variables).toEqual([]);
});

test("an imported model takes sizes from the given values and can be applied more than once", () => {
  const block = caseNamed("a block of a vision transformer, opset 17");
  expect(block.inputs[0]?.shape?.map(String)).toEqual(["b", "3", "6", "6"]);
  const shapes = [5, symbol("batch"), mulDims(symbol("n"), 2)].map((b) => {
    const { y } = block.apply({ x: inputValue("x", "float32", [b, 3, 6, 6]) });
    return String(y?.shape);
  });
  expect(shapes).toEqual(["5,9,4", "batch,9,4", "2*n,9,4"]);
});

test("nodes that only compute shapes vanish, and module paths of the exporter are kept", () => {
  const { graph } = caseNamed("flatten with a free batch");
  const written = encodeModel(graph());
  const again = decodeModel(joinChunks(written.chunks));
  expect(again.graph().outputs.get("y")?.shape.map(String)).toEqual(["b", "12"]);
  const block = encodeModel(caseNamed("a block of a vision transformer, opset 17").graph());
  const text = Buffer.from(joinChunks(block.chunks)).toString("latin1");
  expect(text).toContain("blocks.0.norm1/LayerNormalization");
});

test("the gradient side can replace a variable's value: updates of an imported model run", async () => {
  const model = caseNamed("com.microsoft BiasGelu");
  const { inputs, outputs } = model.graph();
  const [bias] = model.variables;
  const next = makeNode("Neg", [bias!.value], {}, "step").outputs[0]!;
  const graph: Graph = { inputs, outputs, updates: new Map([[bias!, next]]) };
  const session = await (await nodeRuntime()).createSession(encodeModel(graph, { variables: "inputs" }));
  const feeds = new Map([
    ["x", ndarray("float32", [2, 3, 4], new Float32Array(24))],
    ["b", bias!.data],
  ]);
  const results = await session.run(feeds, ["next:b"]);
  const { data } = await toHost(results.get("next:b")!);
  expect(Array.from(data as Float32Array)).toEqual(Array.from(bias!.data.data as Float32Array, (v) => -v));
  await session.dispose();
});

test("writing what was read from our own file gives the same bytes", () => {
  const b = symbol("b");
  const x = inputValue("x", "float32", [b, mulDims(2, symbol("t"))]);
  const w = makeVariable("head.weight", "float32", [3], () => ndarray("float32", [3], [1, 2, 3]));
  const flat = makeNode("Flatten", [makeNode("Unsqueeze", [x, ints(2)], {}, "head").outputs[0]], {}, "head")
    .outputs[0]!;
  const column = makeNode("Unsqueeze", [flat, ints(2)], {}, "head").outputs[0]!;
  const y = makeNode("Mul", [column, w.value], {}, "head").outputs[0]!;
  const first = joinChunks(encodeModel({ inputs: [x], outputs: new Map([["y", y]]), updates: new Map() }).chunks);
  const second = joinChunks(encodeModel(decodeModel(first).graph()).chunks);
  expect(Buffer.from(second).equals(Buffer.from(first))).toBe(true);
});

function ints(...values: number[]): ReturnType<typeof inputValue> {
  const data = ndarray("int64", [values.length], values);
  return { dtype: "int64", shape: data.shape, known: values, source: { kind: "constant", data } };
}

test("sizes are read back from their texts", () => {
  const [b, t] = [symbol("b"), symbol("t")];
  const nested = floorDivDim(addDims(mulDims(b, floorDivDim(t, 3)), 1), 2);
  for (const dim of [
    b,
    mulDims(4, t),
    addDims(mulDims(b, t, 3), ceilDivDim(t, 2), 1),
    subDims(1, mulDims(b, b)),
    nested,
  ])
    expect(String(parseDim(String(dim)))).toBe(String(dim));
  for (const text of ["batch size", "a-", "", "4(t)", "floor((t)"]) expect(parseDim(text)).toBeUndefined();
});

/** A model of nodes x → … → y without initializers. */
function modelOf(opset: number, ...nodes: readonly { readonly op: string; readonly name: string }[]): Uint8Array {
  const info = (name: string): Uint8Array => writeValueInfo({ name, dataType: 1, shape: [2] });
  const body = writeFields((writer) => {
    for (const { op, name } of nodes) {
      const node = writeNode({ name, op, domain: "", inputs: ["x"], outputs: [`${name}:out`], attributes: [] });
      writer.raw(writeHead(1, node.length)).raw(node);
    }
    writer.raw(writeHead(11, info("x").length)).raw(info("x"));
  });
  return writeFields((writer) => {
    const set = writeOperatorSetId({ domain: "", version: opset });
    writer.raw(writeHead(8, set.length)).raw(set);
    writer.raw(writeHead(7, body.length)).raw(body);
  });
}

test("all operators that are missing are named at once, with their nodes", () => {
  const model = modelOf(
    18,
    { op: "NonZero", name: "find" },
    { op: "Neg", name: "fine" },
    { op: "If", name: "branch.0" },
    { op: "If", name: "branch.1" },
  );
  expect(() => decodeModel(model, { place: "m.onnx" })).toThrow(
    "not there: NonZero × 1 (find); If × 2 (branch.0, branch.1) in m.onnx",
  );
  expect(() => decodeModel(modelOf(6))).toThrow(/set 7 and later are read, got 6/);
});

test("a function that calls itself is refused", () => {
  const call = writeNode({ name: "", op: "F", domain: "local", inputs: ["x"], outputs: ["y"], attributes: [] });
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const body = writeFields((writer) => {
    for (const [field, bytes] of [
      [1, text("F")],
      [4, text("x")],
      [5, text("y")],
      [7, call],
      [10, text("local")],
    ] as const)
      writer.raw(writeHead(field, bytes.length)).raw(bytes);
  });
  const graph = writeFields((writer) => writer.raw(writeHead(1, call.length)).raw(call));
  const model = writeFields((writer) => {
    const set = writeOperatorSetId({ domain: "", version: 18 });
    for (const [field, bytes] of [
      [8, set],
      [7, graph],
      [25, body],
    ] as const)
      writer.raw(writeHead(field, bytes.length)).raw(bytes);
  });
  expect(() => decodeModel(model)).toThrow(/local::F does/);
});

test("bytes that are no model are refused, whatever they are", () => {
  expect(() => decodeModel(new Uint8Array([255, 255, 255]))).toThrow(/must be an ONNX model/);
  expect(() => decodeModel(new Uint8Array())).toThrow(/got no graph/);
  const model = bytes(cases[0]!.model);
  let refused = 0;
  for (let length = 0; length < model.length; length++) {
    try {
      decodeModel(model.subarray(0, length)).graph();
    } catch (error) {
      expect(error).toMatchObject({ name: "VitrineError" });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(model.length / 2);
});

test("damaged models are refused with an error of ours, or read", () => {
  const random = stream(11);
  const outcomes = { read: 0, refused: 0 };
  for (const { model } of cases)
    for (let round = 0; round < 40; round++) {
      const damaged = bytes(model);
      for (let i = 0; i < 1 + random.integer(3); i++) damaged[random.integer(damaged.length)] = random.integer(256);
      try {
        decodeModel(damaged).graph();
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof VitrineError)) throw error;
        outcomes.refused++;
      }
    }
  expect(outcomes.read).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(1000);
});
