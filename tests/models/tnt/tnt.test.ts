import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile, traceGraph, withTaps } from "../../../src/compile/index.ts";
import type { NdArray } from "../../../src/graph/dtype.ts";
import { familyNamed } from "../../../src/models/families.ts";
import { createModel, modelNamed } from "../../../src/models/registry.ts";
import { tntArguments, tntConfig, tntOptions } from "../../../src/models/tnt/config.ts";
import { tntFamily } from "../../../src/models/tnt/family.ts";
import { namedTNTs } from "../../../src/models/tnt/names.ts";
import { TNT } from "../../../src/models/tnt/tnt.ts";
import { loadPretrained } from "../../../src/pretrained/load-node.ts";
import { newPretrained } from "../../../src/pretrained/new.ts";
import { savePretrained } from "../../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { applyRules, detectNaming, invertRules } from "../../../src/weights/rules.ts";
import { memorySource, readAll } from "../../../src/weights/source.ts";
import { officialTNTRules, tntNamings } from "../../../src/weights/tnt-rules.ts";
import { expectClose } from "../../golden.ts";
import { drawn } from "../drawn.ts";

const small = {
  ...{ imageSize: 32, patchSize: 16, width: 24, innerWidth: 8, depth: 2, heads: 3, innerHeads: 2, labels: 4 },
} as const;
const runtime = await nodeRuntime({ threads: 1 });
const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Count {
  readonly parameters: number;
  /** SHA-256 of the sorted lines `name [shape]`. */
  readonly state: string;
  readonly labels: number;
  readonly preprocessing: unknown;
}

const counts = new Map(
  Object.entries(
    JSON.parse(readFileSync(new URL("../golden/tnt-counts.json", import.meta.url), "utf8")) as Record<string, Count>,
  ),
);

test("every TNT of timm has a name here, and no other", async () => {
  expect([...counts.keys()].sort()).toEqual([...namedTNTs.keys()].sort());
  for (const name of namedTNTs.keys()) expect((await familyNamed(`${name}.in1k`)).family).toBe(tntFamily);
});

test.each([...namedTNTs.keys()])("%s has timm's parameters, names, shapes and preprocessing", (name) => {
  const expected = counts.get(name)!;
  const model = createModel(name);
  expect(model.parameterCount()).toBe(expected.parameters);
  const lines = [...model.variables()].map(([key, { shape }]) => `${key} [${shape.join(",")}]`).sort();
  expect(createHash("sha256").update(lines.join("\n")).digest("hex")).toBe(expected.state);
  expect(model.config.labels).toBe(expected.labels);
  expect(modelNamed(name).preprocessing).toEqual(expected.preprocessing);
});

/** With weights that are all drawn from their names. */
function filled(model: TNT): TNT {
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  return model;
}

async function logitsOf(model: TNT, images: NdArray): Promise<NdArray> {
  const { shape } = images;
  const forward = ({ images }: { images: Parameters<TNT["forward"]>[0] }) => ({ logits: model.forward(images) });
  await using run = await compile(forward, { images: ["b", ...shape.slice(1)] }, { runtime });
  return (await run.run({ images })).logits!;
}

test.each([false, true])("a batch of two gives what two single images give, legacy %s", async (legacy) => {
  const model = filled(new TNT({ ...small, legacy }));
  const { data } = drawn("image", [2, 3, 32, 32]);
  const images = (from: number, to: number): NdArray => ({
    ...{ dtype: "float32", shape: [to - from, 3, 32, 32] },
    data: (data as Float32Array).slice(from * 3072, to * 3072),
  });
  const together = (await logitsOf(model, images(0, 2))).data as Float32Array;
  for (const i of [0, 1]) {
    const want: NdArray = { dtype: "float32", shape: [1, 4], data: together.slice(4 * i, 4 * i + 4) };
    expectClose(await logitsOf(model, images(i, i + 1)), want, { rtol: 1e-4, atol: 1e-5 });
  }
});

test("attention between words and between sentences can be looked at", () => {
  const model = new TNT(small);
  const traced = traceGraph(({ images }) => ({ logits: model.forward(images) }), { images: [1, 3, 32, 32] });
  const taps = ["blocks.1.attn_in.probs", "blocks.1.attn_out.probs", "blocks.1.inner", "blocks.1", "patch_embed"];
  const { outputs } = withTaps(traced.graph, traced.taps, taps);
  expect(taps.map((tap) => outputs.get(tap)!.shape)).toEqual([
    [4, 2, 16, 16],
    [1, 3, 5, 5],
    [4, 16, 8],
    [1, 5, 24],
    [1, 4, 24],
  ]);
});

test("the authors' names become timm's, and back", async () => {
  const ours = [...filled(new TNT(small)).variables()].map(([name, { data }]) => [name, data] as const);
  const theirs = applyRules(memorySource(ours), invertRules(officialTNTRules));
  const names = [...theirs.names()];
  for (const name of ["inner_pos", "outer_pos", "patch_embed.proj.weight", "proj_norm2.bias", "cls_token"])
    expect(names).toContain(name);
  for (const part of [
    "inner_attn.qk.weight",
    "outer_norm2.bias",
    "inner_mlp.fc1.bias",
    "proj_norm1.weight",
    "proj.weight",
  ])
    expect(names).toContain(`blocks.1.${part}`);
  expect(theirs.info("inner_pos").shape).toEqual([1, 16, 8]);
  const file = memorySource([
    ...(await readAll(theirs)),
    ["outer_tokens", { dtype: "float32", shape: [1, 4, 24], data: new Float32Array(96) }],
  ]);
  const naming = detectNaming(file, tntNamings)!;
  expect(new Map(await readAll(applyRules(file, naming.rules)))).toEqual(new Map(ours));
});

test("a small TNT that is saved is loaded again, bit for bit, and follows another size of image", async () => {
  const { labels, ...options } = small;
  const names = ["ant", "bee", "cat", "dog"];
  const pretrained = newPretrained("tnt_s_patch16_224", { labels: names, options: { ...options, pool: "avg" } });
  pretrained.model.initialize(3);
  await savePretrained(scratch, pretrained, { layout: "timm" });
  const again = await loadPretrained(scratch);
  expect(again.model.config).toEqual(pretrained.model.config);
  for (const [name, { data }] of again.model.variables())
    expect(data).toEqual(pretrained.model.variables().get(name)!.data);
  const larger = await loadPretrained(scratch, { resize: { imageSize: 64, rule: "timm" } });
  expect(larger.model.variables().get("patch_pos")!.shape).toEqual([1, 17, 24]);
  await expect(savePretrained(`${scratch}-hf`, pretrained, { layout: "huggingface" })).rejects.toThrow(
    /transformers has no Transformer in Transformer/,
  );
});

test("timm's arguments and ours say the same", () => {
  const config = tntConfig({ ...small, legacy: true, stride: 8, mlpWidth: 50, imageSize: [32, 48], pool: "avg" });
  expect(tntConfig(tntOptions(tntArguments(config)))).toEqual(config);
  expect(() => tntOptions({ se: 1 })).toThrow(/this se has no counterpart/);
  expect(() => tntConfig({ imageSize: 30 })).toThrow(/patches must fit the image/);
});
