/** What `vitrine export` says and refuses; what it writes is compared in results.test.ts. */

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { savedFiles } from "../../src/cli/output-files.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { inputValue, makeNode, makeVariable } from "../../src/graph/graph.ts";
import { saveModel } from "../../src/onnx/save-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";

const folder = temporaryFolder();
const small = { imageSize: 32, patchSize: 8, width: 24, depth: 1, heads: 2, mlpWidth: 24 } as const;

beforeAll(async () => {
  for (const [name, labels] of [
    ["features", []],
    ["classes", ["ant", "bee"]],
  ] as const) {
    const pretrained = newPretrained("vit_tiny_patch16_224", { labels, options: small });
    pretrained.model.initialize(1);
    await savePretrained(join(folder, name), pretrained);
  }
});

test.each([
  ["features", "features", 24],
  ["classes", "logits", 2],
])("name and size of the output are the graph's: %s", async (model, output, width) => {
  const json = await vitrine(["export", model, `${model}.onnx`, "--json"], { cwd: folder });
  expect(json.code, json.stderr).toBe(0);
  expect(JSON.parse(json.stdout)).toMatchObject({
    input: { images: ["b", 3, 32, 32] },
    output: { [output]: ["b", width] },
    files: [{ path: `${model}.onnx` }],
  });
  const { stdout } = await vitrine(["export", model, `${model}.onnx`, "--force"], { cwd: folder });
  expect(stdout).toContain(`output ${output} [b, ${width}]; any ONNX engine runs it`);
});

test("tensors in a second file: both are named with their sizes", async () => {
  const x = inputValue("x", "float32", [300]);
  const weights = makeVariable("w", "float32", [300], () => ndarray("float32", [300], new Float32Array(300)));
  const outputs = new Map([["y", makeNode("Add", [x, weights.value], {}, "").outputs[0]!]]);
  const path = join(folder, "large.onnx");
  const model = await saveModel(path, { inputs: [x], outputs, updates: new Map() }, { maxBytes: 1000 });
  const files = await savedFiles(path, model);
  expect(files.list).toEqual([
    { path, bytes: expect.any(Number) as number },
    { path: `${path}.data`, bytes: 1200 },
  ]);
  expect(files.text).toMatch(/large\.onnx \(\d+ bytes\) and .*large\.onnx\.data \(1\.2 kB\)$/);
});

test("tensors of another export are not overwritten without --force", async () => {
  const path = join(folder, "there.onnx.data");
  writeFileSync(path, "another model's");
  const { code, stderr } = await vitrine(["export", "classes", "there.onnx"], { cwd: folder });
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/a file that exists is not overwritten in there\.onnx\.data; add --force/) as string,
  });
  expect(existsSync(join(folder, "there.onnx"))).toBe(false);
  expect((await vitrine(["export", "classes", "there.onnx", "--force"], { cwd: folder })).code).toBe(0);
  rmSync(path);
});

test.each(["no/model.onnx", "no/model.safetensors", "classes/config.json/model.onnx"])(
  "a folder that is not there is named, and no file of ours: %s",
  async (out) => {
    const before = filesBelow(folder);
    const { code, stderr } = await vitrine(["export", "classes", out], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^vitrine: the folder to write into must be there in (no|classes\/config\.json)\n$/);
    expect(filesBelow(folder)).toEqual(before);
  },
);
