import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { createModel } from "../../../src/models/registry.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { matchWeights } from "../../../src/weights/load.ts";
import { openSafetensors } from "../../../src/weights/safetensors-node.ts";
import { expectClose } from "../../golden.ts";
import { hasShared, sharedPath } from "../../shared.ts";

const taps = ["tokens", "features", ...Array.from({ length: 12 }, (_, i) => `blocks.${i}`)];

test.skipIf(!hasShared)("a trained ViT-Ti/16 sees in a photograph, block by block, what PyTorch sees", async () => {
  const model = createModel("vit_tiny_patch16_224");
  const file = await openSafetensors(sharedPath("data", "vit-tiny-imagenet", "model.safetensors"));
  const shapes = [...model.variables()].map(([name, { shape }]) => [name, shape] as const);
  const weights = matchWeights(shapes, file);
  for (const [name, variable] of model.variables()) variable.data = await weights.read(name);
  await weights.close();

  const reference = await openSafetensors(sharedPath("data", "vit-tiny-imagenet", "reference_activations.safetensors"));
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: ["b", 3, 224, 224] },
    { runtime: await nodeRuntime(), taps },
  );
  const { logits, ...tapped } = await run.run({ images: await reference.read("input") });
  // Float32 beside float32: both sides round.
  const tolerance = { rtol: 1e-3, atol: 1e-3 };
  expectClose(logits!, await reference.read("logits"), tolerance, "logits");
  const named = { tokens: "embed", "blocks.0": "block0", "blocks.11": "block11", features: "norm" } as const;
  for (const [tap, theirs] of Object.entries(named))
    expectClose(tapped[tap]!, await reference.read(theirs), tolerance, tap);
  for (let i = 0; i < 12; i++) {
    const { data } = tapped[`blocks.${i}`]!;
    const own = { dtype: "float32", shape: [1, 192], data: (data as Float32Array).slice(0, 192) } as const;
    expectClose(own, await reference.read(`block${i}_cls`), tolerance, `class token after block ${i}`);
  }
  await reference.close();
  const values = Array.from(logits!.data, Number);
  expect(values.indexOf(Math.max(...values))).toBe(0); // tench
});
