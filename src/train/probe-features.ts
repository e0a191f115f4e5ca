/** Batches of features instead of images: what a frozen part makes of each image is computed once and kept. */

import type { Executable } from "../compile/index.ts";
import { type Batch, type BatchPlan, batchesPerEpoch, epochOrder } from "../data/loader-batch.ts";
import type { Loader } from "../data/loader-node.ts";
import { mixTargets } from "../data/mix.ts";
import { VitrineError } from "../errors.ts";
import type { ImageBatch } from "./log-grid.ts";

/** What a loader of features is made of. */
export interface FeatureSource {
  /** Gives all images in the data set's order; each epoch is another random version of them, unless nothing is random. */
  readonly images: Loader;
  /** From `Probe.compileFeatures`. */
  readonly frozen: Executable;
  /** Number of images, and of classes. */
  readonly length: number;
  readonly classes: number;
  /** Order, size and smoothing of the batches. */
  readonly plan: BatchPlan;
  /** How many versions of the images are computed; epochs take them in turn. */
  readonly views: number;
  /** Sees some images of the first version before the first batch of the first epoch, evenly taken from all over the data. */
  readonly onImages?: ((images: ImageBatch) => Promise<void>) | undefined;
}

/** The features of all images in one version. */
interface View {
  /** [images, d]. */
  readonly features: Float32Array;
  readonly width: number;
  readonly labels: readonly number[];
  readonly bad: Batch["bad"];
}

/** Images that are shown. */
const mostShown = 16;

/**
 * A loader of features [b, d, 1, 1]. A version is computed when the first epoch asks for it: first epochs take as long as looking at all images, the others
 * next to nothing.
 * @throws {VitrineError} DATA_PROBLEM when no image can be read.
 */
export function featureLoader({ images, frozen, length, classes, plan, views, onImages }: FeatureSource): Loader {
  const made = new Map<number, Promise<View>>();
  const viewOf = (number: number, show: FeatureSource["onImages"]): Promise<View> => {
    const batches = (): AsyncIterable<Batch> => images.epoch(number);
    const view = made.get(number) ?? computeView(frozen, show ? showing(batches(), length, show) : batches());
    made.set(number, view);
    return view;
  };
  const total = batchesPerEpoch(length, plan);

  async function* epoch(number: number, from = 0): AsyncGenerator<Batch, void, undefined> {
    const isNew = !made.has(number % views);
    const show = number === 0 && from === 0 ? onImages : undefined;
    const { features, width, labels, bad } = await viewOf(number % views, show);
    if (labels.length === 0)
      throw new VitrineError("DATA_PROBLEM", { rule: "a data set must have readable images", evidence: "none is" });
    // In training, others take the places of images that could not be read.
    const rows = plan.shuffle ? length : labels.length;
    const order = epochOrder(rows, plan, number, (i) => labels[i % labels.length]!).map(
      (index) => index % labels.length,
    );
    for (let batch = from; batch < Math.min(total, batchesPerEpoch(rows, plan)); batch++) {
      const indices = order.slice(batch * plan.batchSize, (batch + 1) * plan.batchSize);
      const own = Int32Array.from(indices, (index) => labels[index]!);
      yield {
        number: batch,
        images: rowsOf(features, width, indices),
        shape: [indices.length, width, 1, 1],
        labels: own,
        targets: plan.soften === undefined ? undefined : mixTargets(own, classes, 1, plan.soften),
        indices,
        files: Array.from(indices, () => ""),
        bad: isNew && batch === from ? bad : [],
      };
    }
  }

  return {
    batchesPerEpoch: total,
    get badFiles() {
      return images.badFiles;
    },
    epoch,
    close: images.close,
  };
}

/** The same batches; at their end some of their images are shown, one in every so many of `length`. */
async function* showing(
  batches: AsyncIterable<Batch>,
  length: number,
  show: NonNullable<FeatureSource["onImages"]>,
): AsyncGenerator<Batch, void, undefined> {
  const most = Math.min(length, mostShown);
  const shown: Float32Array[] = [];
  let shape: readonly number[] = [];
  let seen = 0;
  for await (const batch of batches) {
    const [b, ...image] = batch.shape;
    const size = batch.images.length / b;
    for (let i = 0; i < b; i++, seen++)
      if (Math.floor(((seen + 1) * most) / length) > Math.floor((seen * most) / length))
        shown.push(batch.images.slice(i * size, (i + 1) * size));
    shape = image;
    yield batch;
  }
  const images = new Float32Array(shown.reduce((sum, one) => sum + one.length, 0));
  for (const [i, one] of shown.entries()) images.set(one, i * one.length);
  if (shown.length > 0) await show({ images, shape: [shown.length, ...shape] });
}

async function computeView(frozen: Executable, batches: AsyncIterable<Batch>): Promise<View> {
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  const bad: Batch["bad"][number][] = [];
  let width = 0;
  for await (const batch of batches) {
    const { features } = await frozen.run({ images: { dtype: "float32", shape: batch.shape, data: batch.images } });
    parts.push(features!.data as Float32Array);
    width = features!.shape[1]!;
    labels.push(...batch.labels);
    bad.push(...batch.bad);
  }
  const features = new Float32Array(labels.length * width);
  let at = 0;
  for (const part of parts) {
    features.set(part, at);
    at += part.length;
  }
  return { features, width, labels, bad };
}

function rowsOf(matrix: Float32Array, width: number, indices: Uint32Array): Float32Array {
  const out = new Float32Array(indices.length * width);
  for (const [i, index] of indices.entries()) out.set(matrix.subarray(index * width, (index + 1) * width), i * width);
  return out;
}
