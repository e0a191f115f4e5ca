/** A GPT-2 in the files that OpenAI published its own in: a TensorFlow checkpoint, `hparams.json`, `encoder.json` and `vocab.bpe`. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { copyLanguage } from "../../src/pretrained/copy-language-node.ts";
import { loadLanguage } from "../../src/pretrained/language-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose } from "../golden.ts";

const folder = fileURLToPath(new URL("golden/gpt2-openai", import.meta.url));
const runtime = await nodeRuntime({ threads: 1 });

async function expectTransformersLogits(model: unknown): Promise<void> {
  expect(model).toBeInstanceOf(Gpt2);
  const { tensors: stored } = readSafetensors(new Uint8Array(readFileSync(join(folder, "expected.safetensors"))));
  const [ids, logits] = [stored.get("ids") as NdArray, stored.get("logits") as NdArray];
  const run = await compile(
    ({ x }) => ({ y: (model as Gpt2).forward(x!) }),
    { x: { dtype: "int64", shape: ids.shape } },
    { runtime },
  );
  expectClose((await run.run({ x: ids })).y!, logits, { rtol: 1e-5, atol: 1e-5 });
}

test("it is read as it is, with transformers' logits", async () => {
  const { model, tokenizer } = await loadLanguage(folder);
  await expectTransformersLogits(model);
  // "he" + "ll" and " w" are pieces by the merges; each other byte is one.
  expect(tokenizer.encode("hello w<|endoftext|>")).toHaveLength(4);
  expect(tokenizer.end).toBe(260);
  expect(tokenizer.decode(tokenizer.encode("hello, wörld"))).toBe("hello, wörld");
});

test("its copy is a folder of transformers'", async () => {
  const out = join(mkdtempSync(join(tmpdir(), "vitrine-openai-")), "copy");
  onTestFinished(() => rmSync(join(out, ".."), { recursive: true }));
  await copyLanguage(folder, out);
  expect(readdirSync(out).sort()).toEqual(["config.json", "merges.txt", "model.safetensors", "vocab.json"]);
  expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))).toMatchObject({
    ...{ model_type: "gpt2", vocab_size: 261, n_positions: 16, n_embd: 24, n_layer: 2, n_head: 3 },
    ...{ bos_token_id: 260, eos_token_id: 260 },
  });
  const copy = await loadLanguage(out);
  await expectTransformersLogits(copy.model);
  expect(copy.tokenizer.encode("hello w")).toEqual((await loadLanguage(folder)).tokenizer.encode("hello w"));
});
