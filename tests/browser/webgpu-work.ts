/** A small Vision Transformer that both sides of `webgpu.test.ts` run: Node on the processor, the page on WebGPU. */

import { compile } from "../../src/compile/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { foldIn, keyOf, stream } from "../../src/graph/random.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { adamW, weightDecayGroups } from "../../src/optim/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { compileTrainingStep, noWeightDecay } from "../../src/train/step.ts";

const [batch, side, labels] = [8, 32, 5];

function freshModel(): ViT {
  const model = new ViT({ imageSize: side, patchSize: 8, width: 48, depth: 2, heads: 3, mlpWidth: 96, labels });
  model.initialize(keyOf(1));
  // Heads begin at zero; then nothing before them would learn in the first step.
  const { variable } = model.head!.weight;
  variable.data = noise("head", variable.shape, 0.1);
  return model;
}

function noise(name: string, shape: readonly number[], scale = 1): NdArray {
  const random = stream(keyOf(2), name);
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map(() => scale * random.normal());
  return ndarray("float32", shape, data);
}

/** Logits [b, labels] of noise. */
export async function forward(runtime: Runtime): Promise<readonly number[]> {
  const model = freshModel();
  const run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: ["b", 3, side, side] },
    { runtime },
  );
  const { logits } = await run.run({ images: noise("images", [batch, 3, side, side]) });
  await run.dispose();
  return [...(logits!.data as Float32Array)];
}

export interface Training {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  /** Parameters and the optimiser's state after the last step, by name. */
  readonly state: Readonly<Record<string, readonly number[]>>;
}

/** Three steps of AdamW with clipping, each on another batch of noise. */
export async function train(runtime: Runtime): Promise<Training> {
  const model = freshModel();
  const optimizer = adamW(weightDecayGroups(model.parameters(), 0.05, noWeightDecay));
  const step = await compileTrainingStep(model, {
    ...{ runtime, optimizer, batchSize: batch, imageShape: [3, side, side], labels, clipNorm: 1 },
  });
  const [losses, gradientNorms]: [number[], number[]] = [[], []];
  for (let i = 0; i < 3; i++) {
    const targets = new Float32Array(batch * labels);
    for (let row = 0; row < batch; row++) targets[row * labels + ((row + i) % labels)] = 1;
    const result = await step.run(
      {
        images: noise(`images ${i}`, [batch, 3, side, side]),
        targets: ndarray("float32", [batch, labels], targets),
        ...optimizer.feeds(i, 1e-3),
      },
      { key: foldIn(keyOf(3), i) },
    );
    losses.push(Number(result.loss!.data[0]));
    gradientNorms.push(Number(result.gradientNorm!.data[0]));
  }
  await step.sync();
  const variables = [...model.variables(), ...optimizer.state];
  const state = variables.map(([name, { data }]) => [name, [...(data.data as Float32Array)]] as const);
  await step.dispose();
  return { losses, gradientNorms, state: Object.fromEntries(state) };
}
