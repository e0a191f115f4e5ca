/** One batch of model inputs from a data set: a pure function of the data set, the plan and the batch's number. */

import { VitrineError } from "../errors.ts";
import { foldIn, keyOf, permutation, stream } from "../graph/random.ts";
import { type Augmentation, augment, presized } from "./augment.ts";
import type { Dataset } from "./datasets/dataset.ts";
import type { Image } from "./image.ts";
import type { ImageStore } from "./loader-store.ts";
import { type MixRules, mixBatch, mixTargets } from "./mix.ts";
import { fitImage, normalize, type Preprocessing } from "./preprocess.ts";
import { balancedOrder, repeatedLength, repeatedOrder } from "./sampling.ts";

/** All that decides what batches hold; plain data, sent to worker threads. */
export interface BatchPlan {
  readonly preprocessing: Preprocessing;
  /** Random changes of training images; without them, the evaluation transform. */
  readonly augmentation?: Augmentation | undefined;
  /** Mixing of whole batches; needs `soften`. */
  readonly mix?: MixRules | undefined;
  /** Makes targets [b, classes] with this label smoothing, 0 to 1; needed for mixing. */
  readonly soften?: number | undefined;
  readonly batchSize: number;
  /** A new random order in each epoch; otherwise the data set's order. */
  readonly shuffle: boolean;
  /** With `shuffle`: every class equally often; see `balancedOrder`. */
  readonly balance?: boolean | undefined;
  /**
   * With `shuffle`: how often in a row each image is shown, changed each time anew; default 1. An epoch of r repeats shows one image in r: it is as long as
   * without them, rounded down to whole 256s where there are so many images, as timm's.
   */
  readonly repeats?: number | undefined;
  /** Leaves out a last batch that is not full. */
  readonly dropLast: boolean;
  readonly seed: number;
}

/** A file that could not be read. */
export interface BadFile {
  readonly file: string;
  readonly index: number;
  readonly reason: string;
}

/** Model inputs with their labels. */
export interface Batch {
  /** Number of the batch within its epoch. */
  readonly number: number;
  /** [b, channels, height, width], normalised. */
  readonly images: Float32Array;
  readonly shape: readonly [b: number, channels: number, height: number, width: number];
  /** [b], of the images themselves. */
  readonly labels: Int32Array;
  /** [b, classes], mixed and smoothed; only where the plan asks for it. */
  readonly targets?: Float32Array | undefined;
  /** [b], positions in the data set. */
  readonly indices: Uint32Array;
  /** The files, "" where there is none. */
  readonly files: readonly string[];
  /** What could not be read on the way. */
  readonly bad: readonly BadFile[];
}

const isRepeated = ({ shuffle, repeats = 1 }: Pick<BatchPlan, "shuffle" | "repeats">): boolean =>
  shuffle && repeats > 1;

/** Number of images in an epoch of a data set of `length`, each counted as often as it is shown. */
export function imagesPerEpoch(length: number, plan: Pick<BatchPlan, "shuffle" | "repeats">): number {
  return isRepeated(plan) ? repeatedLength(length) : length;
}

/** Number of batches in an epoch of a data set of `length`. */
export function batchesPerEpoch(length: number, plan: BatchPlan): number {
  const batches = imagesPerEpoch(length, plan) / plan.batchSize;
  return plan.dropLast ? Math.floor(batches) : Math.ceil(batches);
}

/** The order of an epoch. @param labelOf the label of an image, by its position in the data set */
export function epochOrder(
  length: number,
  plan: BatchPlan,
  epoch: number,
  labelOf: (index: number) => number,
): Uint32Array {
  if (!plan.shuffle) return Uint32Array.from({ length }, (_, i) => i);
  const key = foldIn(keyOf(plan.seed), "order", epoch);
  const order = plan.balance
    ? balancedOrder(
        Array.from({ length }, (_, i) => labelOf(i)),
        length,
        key,
      )
    : permutation(key, length);
  return isRepeated(plan) ? repeatedOrder(order, plan.repeats!) : order;
}

/** What random changes begin with, or without such changes the image as the model sees it. */
interface Prepared {
  readonly image: Image;
  readonly label: number;
  readonly file?: string | undefined;
}

type Read = Prepared | { readonly problem: VitrineError };

/** Carries the error of a file that cannot be read past those of transforms, which are not the file's. */
class Unreadable extends Error {
  readonly problem: VitrineError;
  constructor(problem: VitrineError) {
    super(problem.message);
    this.problem = problem;
  }
}

async function read(dataset: Dataset, plan: BatchPlan, index: number, store: ImageStore | undefined): Promise<Read> {
  const get = async (): Promise<Prepared> => {
    const { image, label, file } = await dataset.get(index).catch((error: unknown) => {
      throw error instanceof VitrineError ? new Unreadable(error) : error;
    });
    const { preprocessing, augmentation } = plan;
    return {
      image: augmentation ? presized(image, preprocessing, augmentation) : fitImage(image, preprocessing),
      label,
      file,
    };
  };
  try {
    if (store === undefined || dataset.originOf === undefined) return await get();
    const origin = await dataset.originOf(index);
    const image = await store.get(index, origin, async () => (await get()).image);
    return { image, label: dataset.labelOf(index), file: origin.file };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.problem };
    throw error;
  }
}

/** How many images after the first in a row may be bad before a training batch gives up. */
const attempts = 100;

/**
 * Reads, transforms and stacks the images at `indices`.
 *
 * An image that cannot be read is reported in `bad`. In training (with shuffling or augmentation) the next readable image of the data set takes its place, so that batches
 * keep their size; in evaluation it is left out, so that nothing is counted twice. Either way the result depends on nothing but the arguments.
 * @param store - keeps decoded images; changes nothing but the time it takes.
 * @throws {VitrineError} DATA_PROBLEM when no readable image is left; what mixing and preprocessing throw.
 */
export async function makeBatch(
  dataset: Dataset,
  plan: BatchPlan,
  epoch: number,
  number: number,
  indices: Uint32Array,
  store?: ImageStore,
): Promise<Batch> {
  const [channels, height, width] = plan.preprocessing.inputSize;
  const size = channels * height * width;
  const training = plan.shuffle || plan.augmentation !== undefined;
  const oncePerEpoch = !plan.balance && !isRepeated(plan);
  const images = new Float32Array(indices.length * size);
  const kept: number[] = [];
  const labels: number[] = [];
  const files: string[] = [];
  const bad: BadFile[] = [];
  // One image ahead, so that the next is decoded while this one is resized.
  const readAhead = (position: number): Promise<Read> | undefined => {
    if (position >= indices.length) return undefined;
    const promise = read(dataset, plan, indices[position]!, store);
    // A failure is thrown where the image's turn comes.
    promise.catch(() => {});
    return promise;
  };
  let ahead = readAhead(0);
  for (let position = 0; position < indices.length; position++) {
    let index = indices[position]!;
    let sample = await ahead!;
    ahead = readAhead(position + 1);
    for (let attempt = 0; "problem" in sample; attempt++) {
      bad.push({ file: sample.problem.fields.place ?? "", index, reason: sample.problem.message });
      if (!training) break;
      if (attempt === Math.min(attempts, dataset.length))
        throw new VitrineError("DATA_PROBLEM", {
          rule: "a data set must have readable images",
          evidence: `${attempt + 1} in a row are not, the last because ${sample.problem.message}`,
          place: dataset.name,
        });
      index = (index + 1) % dataset.length;
      sample = await read(dataset, plan, index, store);
    }
    if ("problem" in sample) continue;
    const out = images.subarray(kept.length * size, (kept.length + 1) * size);
    if (plan.augmentation) {
      // The place in the order is part of the key: an image that stands in for another is not changed as it is on its own.
      const place = oncePerEpoch ? [] : [number * plan.batchSize + position];
      const random = stream(plan.seed, "augment", epoch, indices[position]!, ...place);
      augment(sample.image, plan.preprocessing, plan.augmentation, random, out);
    } else normalize(sample.image, plan.preprocessing, out);
    kept.push(index);
    labels.push(sample.label);
    files.push(sample.file ?? "");
  }
  const count = kept.length;
  const whole = count === indices.length ? images : images.slice(0, count * size);
  const shape = [count, channels, height, width] as const;
  const lambda = plan.mix && count > 1 ? mixBatch(whole, shape, plan.mix, stream(plan.seed, "mix", epoch, number)) : 1;
  return {
    number,
    images: whole,
    shape,
    labels: Int32Array.from(labels),
    targets: plan.soften === undefined ? undefined : mixTargets(labels, dataset.classes.length, lambda, plan.soften),
    indices: Uint32Array.from(kept),
    files,
    bad,
  };
}
