/**
 * Writes LoRA adapters of tiny models, and the logits with them, for `tools/peft-golden.py FOLDER`, which loads them with PEFT into timm's model:
 *
 *     node tools/run.mjs tools/write-adapters.ts FOLDER
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compile } from "../src/compile/index.ts";
import { ViT } from "../src/models/vit/vit.ts";
import { type AdapterOptions, addLora } from "../src/nn/lora.ts";
import { saveAdapter } from "../src/pretrained/adapter-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { drawn } from "../tests/models/drawn.ts";

const [folder = "."] = process.argv.slice(2);
const targets = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];
const cases: Readonly<Record<string, readonly AdapterOptions[]>> = {
  all: [{ rank: 4, alpha: 8, targets }],
  "one-map": [{ rank: 2, alpha: 3, targets: ["blocks.1.mlp.fc2"] }],
  stabilized: [{ rank: 3, alpha: 3, rankStabilized: true, targets: ["attn.qkv"] }],
  "two-ranks": [
    { rank: 2, alpha: 4, targets: ["attn.proj"] },
    { rank: 5, alpha: 6, targets: ["mlp.fc1"] },
  ],
};

const runtime = await nodeRuntime({ threads: 1 });
for (const [name, adapters] of Object.entries(cases)) {
  const model = new ViT({ imageSize: 16, patchSize: 8, width: 24, depth: 2, heads: 3, mlpWidth: 48, labels: 5 });
  for (const [path, variable] of model.variables()) variable.data = drawn(path, variable.shape);
  for (const options of adapters) addLora(model, options);
  // The head is trained with the adapters: another one than the base's.
  for (const [path, variable] of model.variables())
    if (/^head|lora/.test(path)) variable.data = drawn(`trained.${path}`, variable.shape);
  await using run = await compile(
    ({ image }) => ({ logits: model.forward(image) }),
    { image: [2, 3, 16, 16] },
    { runtime },
  );
  const { logits } = await run.run({ image: drawn("image", [2, 3, 16, 16]) });
  await saveAdapter(join(folder, name), model, { wholeModules: ["head"], base: "tiny" });
  await writeFile(join(folder, name, "logits.json"), JSON.stringify(Array.from(logits!.data, Number)));
}
