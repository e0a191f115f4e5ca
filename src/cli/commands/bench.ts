/** `vitrine bench MODEL`: seconds, images and operations per second here, beside what this machine can do at best. */

import { compile, type Executable } from "../../compile/index.ts";
import type { NdArray } from "../../graph/dtype.ts";
import { foldIn, keyOf, stream } from "../../graph/random.ts";
import type { ImageClassifier } from "../../models/classifier.ts";
import { unknownModel } from "../../models/families.ts";
import { createModel, modelNames } from "../../models/registry.ts";
import { summary } from "../../nn/summary.ts";
import { adamW, weightDecayGroups } from "../../optim/index.ts";
import { packagedModels } from "../../pretrained/packaged-node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { tensor } from "../../tensor/index.ts";
import { compileTrainingStep, noWeightDecay } from "../../train/step.ts";
import { parseReference } from "../../weights/reference.ts";
import { kindOnDisk } from "../../weights/reference-node.ts";
import type { Context } from "../context.ts";
import { loadModel, type ModelOptions } from "../model.ts";
import { byteSize, percent } from "../numbers.ts";
import { table } from "../table.ts";

export interface BenchOptions extends ModelOptions {
  readonly task: "infer" | "train";
  readonly batch: number;
}

/** A benchmark takes at least this many timed runs. */
const leastRuns = 5;

/** Prints the median of repeated runs. */
export async function bench(
  context: Context,
  [reference]: readonly [string],
  { arch, task, batch }: BenchOptions,
): Promise<undefined> {
  const { terminal, seed } = context;
  const { name, model } = await modelToTime(context, reference, arch);
  const runtime = await context.runtime();
  const { channels, imageSize } = model.config;
  const forwardFlops = Number(summary(model, [batch, channels, ...imageSize])[0]!.flops);
  // A backward pass has two products for each one of the forward pass.
  const flops = task === "train" ? 3 * forwardFlops : forwardFlops;
  const images = randomImages([batch, channels, ...imageSize], seed);
  terminal.note(`timing ${name}: ${task}, batch ${batch}, ${runtime.device}, ${runtime.threads} threads`);
  const run =
    task === "train" ? await trainingRun(model, images, runtime, seed) : await inferenceRun(model, images, runtime);
  const medianSeconds = median(await timed(run, 3));
  const gflops = flops / medianSeconds / 1e9;
  // Before the products of the peak, which would count as well.
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  const peakGflops = await matrixProductPeak(runtime, seed);
  const document = {
    model: name,
    task,
    batch,
    threads: runtime.threads,
    medianSeconds,
    imagesPerSecond: batch / medianSeconds,
    gflops,
    peakShare: gflops / peakGflops,
    peakMemoryBytes,
  };
  terminal.result(
    document,
    table(
      ["", ""],
      [
        [
          "median",
          `${medianSeconds < 1 ? `${(1000 * medianSeconds).toFixed(1)} ms` : `${medianSeconds.toFixed(2)} s`}`,
        ],
        ["images", `${document.imagesPerSecond.toFixed(1)} per second`],
        [
          "operations",
          `${gflops.toFixed(1)} GFLOP/s, ${percent(document.peakShare, 0)} of the matrix products' ${peakGflops.toFixed(0)}`,
        ],
        ["peak memory", byteSize(peakMemoryBytes)],
      ],
    ),
  );
  return undefined;
}

async function modelToTime(
  context: Context,
  reference: string,
  arch: string | undefined,
): Promise<{ readonly name: string; readonly model: ImageClassifier }> {
  if (modelNames().includes(reference) && !packagedModels().has(reference))
    return { name: reference, model: createModel(reference).initialize(context.seed) };
  const isWord = parseReference(reference, kindOnDisk).kind === "name";
  // Of what is no folder, file or hub id, an architecture is meant.
  if (isWord && !packagedModels().has(reference)) throw unknownModel(reference, modelNames());
  return loadModel(context, reference, { arch });
}

async function inferenceRun(
  model: ImageClassifier,
  images: NdArray,
  runtime: Runtime,
): Promise<() => Promise<unknown>> {
  const executable = await compile(
    ({ images: x }) => ({ logits: model.forward(x) }),
    { images: images.shape },
    { runtime },
  );
  return () => executable.run({ images });
}

async function trainingRun(
  model: ImageClassifier,
  images: NdArray,
  runtime: Runtime,
  seed: number,
): Promise<() => Promise<unknown>> {
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const { labels } = model.config;
  const optimizer = adamW(weightDecayGroups(model.parameters(), 0.05, noWeightDecay));
  const step: Executable = await compileTrainingStep(model, {
    runtime,
    optimizer,
    batchSize: batch,
    imageShape: [channels, height, width],
    labels,
    clipNorm: 1,
  });
  const targets = new Float32Array(batch * labels);
  for (let i = 0; i < batch; i++) targets[i * labels + (i % labels)] = 1;
  let done = 0;
  return () =>
    step.run(
      { images, targets: { dtype: "float32", shape: [batch, labels], data: targets }, ...optimizer.feeds(done, 1e-5) },
      { key: foldIn(keyOf(seed), "step", done++) },
    );
}

function randomImages(shape: readonly number[], seed: number): NdArray {
  const random = stream(seed, "bench");
  const size = shape.reduce((product, side) => product * side, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length: size }, () => random.normal()) };
}

/** Seconds of each run, after two that are not counted. @param leastSeconds how long to go on */
async function timed(run: () => Promise<unknown>, leastSeconds: number): Promise<readonly number[]> {
  await run();
  await run();
  const seconds: number[] = [];
  const started = performance.now();
  while (seconds.length < leastRuns || performance.now() - started < 1000 * leastSeconds) {
    const before = performance.now();
    await run();
    seconds.push((performance.now() - before) / 1000);
  }
  return seconds;
}

/** The most GFLOP/s of a product of square matrices, on the same runtime. */
async function matrixProductPeak(runtime: Runtime, seed: number): Promise<number> {
  const n = 1536;
  const a = randomImages([n, n], seed);
  const weights = tensor(randomImages([n, n], seed + 1).data as Float32Array, [n, n]);
  await using product = await compile(({ x }) => ({ y: x.matmul(weights) }), { x: [n, n] }, { runtime });
  const fastest = Math.min(...(await timed(() => product.run({ x: a }), 1)));
  return (2 * n ** 3) / fastest / 1e9;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
