import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";

const golden = fileURLToPath(new URL("golden/hf-deit", import.meta.url));
const runtime = await nodeRuntime({ threads: 1 });
const scratch = await mkdtemp(join(tmpdir(), "hf-deit-"));
afterAll(() => rm(scratch, { recursive: true }));

async function logits(folder: string): Promise<NdArray> {
  const { model } = await loadPretrained(folder);
  await using run = await compile(
    ({ image }) => ({ logits: model.forward(image) }),
    { image: ["b", 3, 16, 16] },
    { runtime },
  );
  return (await run.run({ image: drawn("image", [2, 3, 16, 16]) })).logits!;
}

test("a DeiT without its teacher's head gives transformers' logits", async () => {
  const want = JSON.parse(readFileSync(join(golden, "logits.json"), "utf8")) as number[];
  expectClose(await logits(golden), ndarray("float32", [2, 3], want), { rtol: 1e-4, atol: 1e-5 });
});

test("it is saved as transformers names it, bit for bit", async () => {
  const folder = join(scratch, "saved");
  await savePretrained(folder, await loadPretrained(golden));
  expect(await logits(folder)).toEqual(await logits(golden));
  const read = (from: string) => readSafetensors(readFileSync(join(from, "model.safetensors"))).tensors;
  expect(read(folder)).toEqual(read(golden));
  expect(JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))).toMatchObject({
    architectures: ["DeiTForImageClassification"],
    model_type: "deit",
  });
});
