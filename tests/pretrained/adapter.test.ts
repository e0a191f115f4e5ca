import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { crossEntropy } from "../../src/losses/index.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { addLora, loraOf, loraParameters } from "../../src/nn/lora.ts";
import { loadAdapter, saveAdapter } from "../../src/pretrained/adapter-node.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";

const golden = fileURLToPath(new URL("golden/peft", import.meta.url));
const runtime = await nodeRuntime({ threads: 1 });
const folder = await mkdtemp(join(tmpdir(), "vitrine-adapter-"));
afterAll(() => rm(folder, { recursive: true }));

/** The model of tools/peft-golden.py. */
function base(): ViT {
  const model = new ViT({ imageSize: 16, patchSize: 8, width: 24, depth: 2, heads: 3, mlpWidth: 48, labels: 5 });
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  return model;
}

async function run(model: ViT, wrt: readonly string[]): Promise<Readonly<Record<string, NdArray>>> {
  const parameters = wrt.map((name) => model.parameters().get(name)!);
  await using step = await compile(
    ({ image, labels }) => {
      const logits = model.forward(image);
      const gradients = grad(crossEntropy(logits, labels), parameters);
      return { logits, ...Object.fromEntries(gradients.map((g, i) => [`grad.${wrt[i]}`, g])) };
    },
    { image: [2, 3, 16, 16], labels: { dtype: "int64", shape: [2] } },
    { runtime },
  );
  return await step.run({ image: drawn("image", [2, 3, 16, 16]), labels: ndarray("int64", [2], [1, 3]) });
}

const peftName = (name: string): string =>
  `base_model.model.${name.replace(".lora.a", ".lora_A.weight").replace(".lora.b", ".lora_B.weight")}`;

test.each([
  ["plain", ["head.weight", "head.bias"]],
  ["patterns", []],
])("PEFT's adapter %s gives PEFT's logits and gradients", async (name, whole) => {
  const model = base();
  await loadAdapter(join(golden, name), model);
  const trained = [...loraParameters(model), ...whole];
  const got = await run(model, trained);
  const { tensors } = readSafetensors(readFileSync(join(golden, name, "expected.safetensors")), name);
  const tolerance = { rtol: 1e-4, atol: 2e-6 };
  expectClose(got.logits!, tensors.get("logits")!, tolerance, "logits");
  for (const one of trained) expectClose(got[`grad.${one}`]!, tensors.get(`grad.${peftName(one)}`)!, tolerance, one);
  expect(tensors.size).toBe(trained.length + 1);
});

test("an adapter of transformers' separate queries and values gives its logits, and goes on as ours", async () => {
  const root = fileURLToPath(new URL("golden/peft-transformers", import.meta.url));
  const load = async (): Promise<ViT> => (await loadPretrained(join(root, "base"))).model as ViT;
  const model = await load();
  await loadAdapter(join(root, "adapter"), model);
  expect([...loraOf(model).values()].map(({ rank }) => rank)).toEqual([4, 2, 2, 4, 2, 2]);
  const want = JSON.parse(readFileSync(join(root, "logits.json"), "utf8")) as number[];
  const got = (await run(model, [])).logits!;
  expectClose(got, ndarray("float32", [2, 5], want), { rtol: 1e-4, atol: 2e-6 });
  await saveAdapter(join(folder, "packed"), model, { wholeModules: ["head"], base: "tiny" });
  const again = await load();
  await loadAdapter(join(folder, "packed"), again);
  expect((await run(again, [])).logits).toEqual(got);
});

test("what PEFT wrote is written back bit for bit", async () => {
  const model = base();
  await loadAdapter(join(golden, "plain"), model);
  await saveAdapter(join(folder, "plain"), model, { wholeModules: ["head"], base: "tiny" });
  const read = async (root: string) =>
    readSafetensors(await readFile(join(root, "plain", "adapter_model.safetensors"))).tensors;
  const [theirs, ours] = [await read(golden), await read(folder)];
  expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
  for (const [name, array] of theirs) expect(ours.get(name)).toEqual(array);
  const config = JSON.parse(await readFile(join(folder, "plain", "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({
    ...{ peft_type: "LORA", r: 2, lora_alpha: 4, modules_to_save: ["head"], rank_pattern: {}, alpha_pattern: {} },
    target_modules: ["attn.proj", "attn.qkv", "mlp.fc1", "mlp.fc2"],
  });
});

test("ranks and alphas of single maps come back", async () => {
  const model = base();
  await loadAdapter(join(golden, "patterns"), model);
  await saveAdapter(join(folder, "patterns"), model, { base: "tiny" });
  const again = base();
  await loadAdapter(join(folder, "patterns"), again);
  const facts = (m: ViT) => [...loraOf(m)].map(([path, { rank, alpha, scale }]) => [path, rank, alpha, scale]);
  expect(facts(again)).toEqual(facts(model));
  expect(facts(model)).toContainEqual(["blocks.1.mlp.fc1", 2, 7, 7 / Math.SQRT2]);
  expect((await run(again, [])).logits).toEqual((await run(model, [])).logits);
});

test("paths in full are written where the last parts would mean other modules too", async () => {
  const model = base();
  addLora(model, { rank: 1, alpha: 1, targets: ["blocks.1.attn.qkv"] });
  await saveAdapter(join(folder, "one"), model, { base: "tiny" });
  const config = JSON.parse(await readFile(join(folder, "one", "adapter_config.json"), "utf8"));
  expect(config.target_modules).toEqual(["blocks.1.attn.qkv"]);
});

test("an adapter of another model is refused whole", async () => {
  const other = new ViT({ imageSize: 16, patchSize: 8, width: 24, depth: 1, heads: 3, mlpWidth: 48, labels: 2 });
  await expect(loadAdapter(join(golden, "plain"), other)).rejects.toThrow(
    /8 not in the model: blocks\.1\..*; 2 of another shape: head\.bias/,
  );
  expect(loraOf(other).size).toBe(0);
});

test.each([
  [{ use_dora: true }, /plain LoRA.*use_dora/],
  [{ peft_type: "IA3" }, /only LoRA.*IA3/],
  [{ bias: "all" }, /biases.*"all"/],
  [{ lora_alpha: "8" }, /lora_alpha must be number/],
  [{ alpha_pattern: { "blocks.(0|1)": 2 } }, /alpha_pattern.*last parts/],
])("an adapter that does more is refused: %j", async (change, message) => {
  const place = join(folder, `refused-${Object.keys(change)[0]}`);
  await cp(join(golden, "plain"), place, { recursive: true });
  const path = join(place, "adapter_config.json");
  const config = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...config, ...change }));
  await expect(loadAdapter(place, base())).rejects.toThrow(message);
});

test("a folder without an adapter is said to be one", async () => {
  await expect(loadAdapter(join(folder, "nothing"), base())).rejects.toThrow(/adapter_config\.json/);
});
