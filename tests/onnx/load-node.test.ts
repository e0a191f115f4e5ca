import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireType } from "@bufbuild/protobuf/wire";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { type Graph, inputValue, makeNode, makeVariable } from "../../src/graph/graph.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import { loadModel } from "../../src/onnx/load-node.ts";
import { saveModel } from "../../src/onnx/save-node.ts";
import {
  writeFields,
  writeNode,
  writeOperatorSetId,
  writeTensorHead,
  writeValueInfo,
} from "../../src/onnx/write-messages.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vitrine-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const weights = ndarray(
  "float32",
  [700],
  Float32Array.from({ length: 700 }, (_, i) => i),
);

function graph(): Graph {
  const x = inputValue("x", "float32", [700]);
  const w = makeVariable("w", "float32", [700], () => weights);
  const y = makeNode("Add", [x, w.value], {}, "").outputs[0]!;
  return { inputs: [x], outputs: new Map([["y", y]]), updates: new Map() };
}

/** y = x + w as a file, of whose w it is said where it lies. */
function adding(external: Readonly<Record<string, string>>): Uint8Array {
  const info = (name: string) => writeValueInfo({ name, dataType: 1, shape: [700] });
  const node = { name: "", op: "Add", domain: "", inputs: ["x", "w"], outputs: ["y"], attributes: [] };
  const w = { name: "w", dims: [700], dataType: 1, external: new Map(Object.entries(external)) };
  const fields = [
    [1, writeNode(node)],
    [5, writeTensorHead(w)],
    [11, info("x")],
    [12, info("y")],
  ] as const;
  const body = writeFields((to) => {
    for (const [field, bytes] of fields) to.tag(field, WireType.LengthDelimited).bytes(bytes);
  });
  return writeFields((to) => {
    to.tag(1, WireType.Varint).int64(8).tag(7, WireType.LengthDelimited).bytes(body);
    to.tag(8, WireType.LengthDelimited).bytes(writeOperatorSetId({ domain: "", version: 18 }));
  });
}

/** A model whose tensor claims to lie at `location`. */
function modelAt(location: string): string {
  const { chunks } = encodeModel(graph(), { maxBytes: 0, externalLocation: location });
  const path = join(folder, "model.onnx");
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}

test("a model is written and read again, in one file or two", async () => {
  const path = join(folder, "model.onnx");
  for (const [maxBytes, files] of [
    [2 ** 31, ["model.onnx"]],
    [1000, ["model.onnx", "model.onnx.data"]],
  ] as const) {
    await saveModel(path, graph(), { maxBytes, metadata: new Map([["license", "MIT"]]) });
    expect(readdirSync(folder).sort()).toEqual(files);
    const model = await loadModel(path);
    expect(model.variables[0]?.data).toEqual(weights);
    expect(model.metadata.get("license")).toBe("MIT");
  }
});

test("tensors that lie beyond 2 GiB of their file are read", async () => {
  const [path, far, offset] = [join(folder, "model.onnx"), join(folder, "far"), 2 ** 31 + 4096];
  writeFileSync(path, adding({ location: "far", offset: String(offset), length: "2800" }));
  // What is before is a hole, which takes no room on the disk.
  const file = openSync(far, "w");
  writeSync(file, new Uint8Array(weights.data.buffer), 0, 2800, offset);
  closeSync(file);
  expect((await loadModel(path)).variables[0]?.data).toEqual(weights);
  truncateSync(far, offset + 2000);
  await expect(loadModel(path)).rejects.toThrow(/must lie in "far", it has 2147489744/);
});

test("a failed write leaves nothing behind and keeps what was there", async () => {
  mkdirSync(join(folder, "model.onnx"));
  await expect(saveModel(join(folder, "model.onnx"), graph())).rejects.toThrow(/could not be written/);
  expect(readdirSync(folder)).toEqual(["model.onnx"]);
  await expect(saveModel(join(folder, "none", "model.onnx"), graph())).rejects.toMatchObject({
    code: "STORAGE_FAILURE",
  });
});

test("a tensor file outside the model's folder is never read", async () => {
  const outside = mkdtempSync(join(tmpdir(), "vitrine-outside-"));
  const bytes = new Uint8Array(2800);
  writeFileSync(join(outside, "secret"), bytes);
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "real"), bytes);
  symlinkSync(join(outside, "secret"), join(folder, "link"));
  symlinkSync(join(folder, "real"), join(folder, "inner-link"));
  symlinkSync(outside, join(folder, "linked-folder"));
  linkSync(join(outside, "secret"), join(folder, "hard"));
  const attacks = [
    join(outside, "secret"),
    `../${outside.split("/").at(-1)}/secret`,
    "sub/../../secret",
    "sub\\..\\..\\secret",
    "C:secret",
    "link",
    "inner-link",
    "linked-folder/secret",
    "hard",
    "sub",
    "re\0al",
  ];
  for (const location of attacks)
    await expect(loadModel(modelAt(location)), location).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  await expect(loadModel(modelAt("absent"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await loadModel(modelAt("real"))).variables[0]?.data.data.length).toBe(700);
  rmSync(outside, { recursive: true });
});

test("a tensor file that is too short is refused", async () => {
  const path = join(folder, "model.onnx");
  await saveModel(path, graph(), { maxBytes: 0 });
  truncateSync(`${path}.data`, 2799);
  await expect(loadModel(path)).rejects.toThrow(/bytes 0 … 2800 must lie in "model.onnx.data", it has 2799/);
});

test("a model that is not there is named", async () => {
  await expect(loadModel(join(folder, "none.onnx"))).rejects.toThrow(/none\.onnx/);
});
