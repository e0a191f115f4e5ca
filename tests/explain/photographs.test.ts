import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { decodeImage } from "../../src/data/decode-node.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { explainImage } from "../../src/explain/explain-image.ts";
import type { ImageExplanation } from "../../src/explain/explanation.ts";
import { fillUniform, foldIn, keyOf } from "../../src/graph/random.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { hasShared, sharedPath } from "../shared.ts";

/** Every twelfth photograph: on one alone either order may win. */
const step = 12;
/** Shares of the patches that are painted over. */
const shares = [0.1, 0.2, 0.3, 0.4, 0.5];
const randomOrders = 1;

/** @source Petsiuk et al., "RISE", arXiv:1806.07421, section 4.2: deletion */
test.skipIf(!hasShared)(
  "painting the most relevant patches grey costs a class its probability faster than painting random ones",
  async () => {
    const runtime = await nodeRuntime({ threads: 2 });
    const pretrained = await loadPretrained(sharedPath("data", "vit-tiny-imagenet", "model.safetensors"), {
      arch: "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    });
    await using run = await compile(
      ({ images }) => ({ logits: pretrained.model.forward(images) }),
      { images: ["b", 3, 224, 224] },
      { runtime },
    );
    const folder = sharedPath("data", "imagenet-sample", "images");
    const files = readdirSync(folder)
      .sort()
      .filter((_, i) => i % step === 0);
    const [left, byChance]: [number[], number[]] = [[], []];
    for (const file of files) {
      const image = await decodeImage(`${folder}/${file}`);
      const { maps, classIndex, score } = (await explainImage({ pretrained, runtime, image })) as ImageExplanation;
      const { data } = preprocess(image, pretrained.preprocessing);
      const orders = [orderBy(maps[0]!.values)];
      for (let i = 0; i < randomOrders; i++)
        orders.push(orderBy(fillUniform(foldIn(keyOf(i), file), new Float32Array(orders[0]!.length))));
      const painted = orders.flatMap((order) =>
        shares.map((share) => paint(data, order.slice(0, Math.round(share * order.length)))),
      );
      const images = new Float32Array(painted.length * data.length);
      for (const [i, one] of painted.entries()) images.set(one, i * data.length);
      const { logits } = await run.run({
        images: { dtype: "float32", shape: [painted.length, 3, 224, 224], data: images },
      });
      // The share of its first probability that the class keeps.
      const kept = painted.map((_, i) => probability(logits!.data as Float32Array, i, classIndex) / score);
      left.push(...kept.slice(0, shares.length));
      byChance.push(...kept.slice(shares.length));
    }
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(left).toHaveLength(files.length * shares.length);
    expect(mean(left), `by chance ${mean(byChance)}`).toBeLessThan(0.8 * mean(byChance));
  },
);

/** Patches, those with the largest numbers first. */
function orderBy(values: Float32Array): readonly number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]!);
}

/** The input with patches of 16 × 16 set to zero, which is middle grey. */
function paint(input: Float32Array, patches: readonly number[]): Float32Array {
  const out = input.slice();
  for (const patch of patches)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 16; y++) {
        const row = (c * 224 + Math.floor(patch / 14) * 16 + y) * 224 + (patch % 14) * 16;
        out.fill(0, row, row + 16);
      }
  return out;
}

function probability(logits: Float32Array, image: number, index: number): number {
  const own = logits.subarray(image * 1000, (image + 1) * 1000);
  return 1 / own.reduce((sum, logit) => sum + Math.exp(logit - own[index]!), 0);
}
