/**
 * Cost against image size: attention of all patches with all (ViT-S) and inside windows (Swin-T). Operations are counted, times are medians of
 * repetitions in which the models take turns; each size is loaded alone.
 *
 * `node tools/run.mjs bench/image-size.ts [REPETITIONS] [FIGURE]`: a table, and a picture as FIGURE.svg.
 */

import { writeFileSync } from "node:fs";
import { compile } from "../src/compile/index.ts";
import { encodePng } from "../src/data/decode-node.ts";
import { toSvg } from "../src/explain/svg.ts";
import type { ImageClassifier } from "../src/models/classifier.ts";
import { createModel } from "../src/models/registry.ts";
import { summary } from "../src/nn/summary.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { median } from "./contestant.ts";
import { type Cost, imageSizeFigure } from "./image-size-figure.ts";

const repetitions = Number(process.argv[2] ?? 9);
const figure = process.argv[3];
const runtime = await nodeRuntime();

/** Whole patches of 16, and whole windows in the first three stages of Swin; at every second size in the last one too, elsewhere zeros fill its windows. */
const sides = [112, 224, 336, 448, 560, 672];

const models: Readonly<Record<Cost["model"], (imageSize: number) => ImageClassifier>> = {
  "ViT-S/16": (imageSize) => createModel("vit_small_patch16_224", { imageSize }),
  "Swin-T": (imageSize) => createModel("swin_tiny_patch4_window7_224", { imageSize }),
};

async function costsAt(side: number): Promise<readonly Cost[]> {
  const images = {
    ...{ dtype: "float32" as const, shape: [1, 3, side, side] },
    data: Float32Array.from({ length: 3 * side * side }, (_, i) => Math.sin(i)),
  };
  const subjects = await Promise.all(
    Object.entries(models).map(async ([name, make]) => {
      const model = make(side);
      const run = await compile(({ x }) => ({ y: model.forward(x) }), { x: [1, 3, side, side] }, { runtime });
      await run.run({ x: images });
      return { name: name as Cost["model"], model, run, times: [] as number[] };
    }),
  );
  for (let i = 0; i < repetitions; i++)
    for (const { run, times } of subjects) {
      const start = performance.now();
      await run.run({ x: images });
      times.push((performance.now() - start) / 1000);
    }
  for (const { run } of subjects) await run.dispose();
  return subjects.map(({ name, model, times }) => ({
    ...{ model: name, side, seconds: median(times) },
    flops: Number(summary(model, [1, 3, side, side])[0]!.flops),
  }));
}

process.stdout.write(
  `threads ${runtime.threads}, ${repetitions} repetitions\n\n| pixels a side | model | GFLOP | ms | GFLOP/s |\n|---|---|---|---|---|\n`,
);
const costs: Cost[] = [];
for (const side of sides)
  for (const cost of await costsAt(side)) {
    const { model, flops, seconds } = cost;
    const cells = [
      side,
      model,
      (flops / 1e9).toFixed(1),
      (1000 * seconds).toFixed(1),
      (flops / seconds / 1e9).toFixed(0),
    ];
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
    costs.push(cost);
  }
if (figure) writeFileSync(`${figure}.svg`, await toSvg(imageSizeFigure(costs), encodePng));
