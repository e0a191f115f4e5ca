import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { foldIn, keyOf } from "../../src/graph/random.ts";
import type { ImageClassifier } from "../../src/models/classifier.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { ResNet } from "../../src/models/resnet/resnet.ts";
import { Swin } from "../../src/models/swin/swin.ts";
import { SwinV2 } from "../../src/models/swin/swin-v2.ts";
import { TNT } from "../../src/models/tnt/tnt.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { adamW, muon, weightDecayGroups } from "../../src/optim/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { compileTrainingStep } from "../../src/train/step.ts";
import { drawn } from "./drawn.ts";

/** Images of noise, about as bright and dark as normalised ones are. */
function noisy(shape: readonly number[]): NdArray {
  const picture = drawn("images", shape);
  return { ...picture, data: (picture.data as Float32Array).map((x) => x * 30) };
}

const swin = { imageSize: 32, patchSize: 4, width: 16, depths: [2, 2], heads: [2, 4], windows: 4, labels: 4 } as const;
const models: Readonly<Record<string, () => ImageClassifier>> = {
  "a ViT": () => new ViT({ imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, mlpWidth: 64, labels: 4 }),
  "a ResNet of basic blocks": () =>
    new ResNet({ imageSize: 32, blocks: "basic", depths: [1, 1, 1], widths: [8, 16, 32], labels: 4 }),
  "a ResNeXt of bottlenecks": () =>
    new ResNet({ imageSize: 32, depths: [1, 1], widths: [8, 16], groups: 2, groupWidth: 32, labels: 4 }),
  "a Swin Transformer": () => new Swin(swin),
  "a Swin Transformer V2": () => new SwinV2(swin),
  "a Transformer in Transformer": () =>
    new TNT({ imageSize: 32, patchSize: 16, width: 48, innerWidth: 12, depth: 2, heads: 4, labels: 4 }),
};

test.each(Object.keys(models))("%s learns eight images by heart in 20 steps", async (name) => {
  const model = models[name]!();
  model.initialize(2);
  const optimizer = adamW(weightDecayGroups(model.parameters(), 0, []));
  await using step = await compileTrainingStep(model, {
    runtime: await nodeRuntime({ threads: 2 }),
    optimizer,
    batchSize: 8,
    imageShape: [3, 32, 32],
    labels: 4,
  });
  const images = noisy([8, 3, 32, 32]);
  const targets = { dtype: "float32" as const, shape: [8, 4], data: new Float32Array(32) };
  for (let i = 0; i < 8; i++) targets.data[4 * i + ((3 * i) % 4)] = 1;
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { loss } = await step.run({ images, targets, ...optimizer.feeds(i, 1e-2) }, { key: foldIn(keyOf(1), i) });
    losses.push(Number(loss!.data[0]));
  }
  expect(losses[0]).toBeGreaterThan(1);
  expect(losses.at(-1)).toBeLessThan(0.05);
});

// Nothing of one patch of noise can be known from another: what is painted right was learned by heart, which is more than a class for each image.
test("a masked autoencoder learns the hidden halves of four images, always the same halves, by heart in 20 steps of Muon", async () => {
  const widths = { width: 64, mlpWidth: 128, decoderWidth: 64, decoderMlpWidth: 128 };
  const depths = { depth: 1, heads: 2, decoderDepth: 1, decoderHeads: 2 };
  const model = new MAE({ imageSize: 8, patchSize: 4, maskRatio: 0.5, ...widths, ...depths }).initialize(2);
  const optimizer = muon(weightDecayGroups(model.parameters(), 0, []), { adjust: "match-rms" });
  const [images, noise] = [noisy([4, 3, 8, 8]), drawn("noise", [4, 4])];
  await using step = await compile(
    (inputs) => {
      const { loss } = model.forward(inputs.images!, inputs.noise!);
      optimizer.update(grad(loss, [...model.parameters().values()]), inputs);
      return { loss };
    },
    { images: images.shape as number[], noise: noise.shape as number[], ...optimizer.inputs },
    { runtime: await nodeRuntime({ threads: 2 }) },
  );
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { loss } = await step.run({ images, noise, ...optimizer.feeds(i, 4e-2) });
    losses.push(Number(loss!.data[0]));
  }
  expect(losses[0]).toBeGreaterThan(1);
  expect(losses.at(-1)).toBeLessThan(0.05);
});
