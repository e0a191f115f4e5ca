/** Whole training steps beside timm's: model, loss, accumulation, clipping, optimiser and averaged weights together. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { NdArray } from "../../src/graph/dtype.ts";
import { keyOf } from "../../src/graph/random.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { compileLearner } from "../../src/train/learner.ts";
import { classification } from "../../src/train/objective.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";
import { averageOf, labelLossOf, optimizerOf } from "../../src/train/recipe-parts.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose, goldenTensor } from "../golden.ts";

const runtime = await nodeRuntime({ threads: 1 });

/** The bias of keys moves no probability: its gradient is rounding alone, of which Adam and Lion make whole steps. */
function certain(path: string, { shape, data, dtype }: NdArray): NdArray {
  const keyBias = path.endsWith("qkv.bias");
  return {
    dtype,
    shape,
    data: Float32Array.from(data as Float32Array, (x, i) => (keyBias && i >= 8 && i < 16 ? 0 : x)),
  };
}

test.each(["lamb-bce-accumulate", "adamw-soft-layer-decay", "lion-soft"])("%s", async (name) => {
  const { tensors, metadata } = readSafetensors(
    readFileSync(new URL(`golden/${name}.safetensors`, import.meta.url)),
    name,
  );
  const { losses, norms, ...settings } = JSON.parse(metadata.get("config")!) as Readonly<Record<string, unknown>> & {
    readonly losses: readonly number[];
    readonly norms: readonly number[];
  };
  const recipe = recipeFrom(fromScratch, settings, name);
  const { model } = newPretrained("vit_tiny_patch16_224", {
    labels: ["a", "b", "c", "d"],
    options: { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2, mlpWidth: 16 },
  });
  const variables = model.variables();
  for (const [path, variable] of variables) {
    const { data, ...rest } = goldenTensor({ tensors }, `start.${path}`);
    variable.data = { ...rest, data: data.slice() };
  }
  const learner = await compileLearner(model, {
    runtime,
    optimizer: optimizerOf(recipe, model.parameters()),
    average: averageOf(recipe, variables.values()),
    accumulate: recipe.accumulate,
    batchSize: 3,
    imageShape: [3, 8, 8],
    labels: 4,
    clipNorm: recipe.clipNorm ?? undefined,
    objective: classification(model, labelLossOf(recipe)),
  });
  for (const [step, loss] of losses.entries()) {
    const batches = Array.from({ length: recipe.accumulate }, (_, i) => ({
      images: goldenTensor({ tensors }, `images.${step}.${i}`),
      targets: goldenTensor({ tensors }, `targets.${step}.${i}`),
      skipped: [],
    }));
    const result = await learner.learn(batches, { step, learningRate: recipe.learningRate, key: keyOf(step) });
    expect(result.loss / loss, `loss of step ${step}`).toBeCloseTo(1, 5);
    expect(result.gradientNorm / norms[step]!, `norm of step ${step}`).toBeCloseTo(1, 4);
  }
  const tolerance = { rtol: 1e-4, atol: 1e-5 };
  const check = (kind: string): void => {
    for (const [path, { data }] of variables)
      expectClose(
        certain(path, data),
        certain(path, goldenTensor({ tensors }, `${kind}.${path}`)),
        tolerance,
        `${kind} ${path}`,
      );
  };
  await learner.sync();
  check("end");
  await learner.averaged(async () => check("average"));
  await learner.dispose();
});
