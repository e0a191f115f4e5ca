/**
 * Test-time augmentation: a model sees several views of a picture, and its answer is the mean of the probabilities that it gives them.
 *
 * The views are those of Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks" (2012), section 4.1: the four corners and the
 * middle, and the mirror image of each.
 */

import { fitImage, normalize, type Preprocessing } from "../data/preprocess.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { best, type Classifier, classifier } from "./classify.ts";

/** Which views: the picture and its mirror image (2); corners and middle (5); both (10). */
export type Views = "flip" | "crops" | "flip-crops";

/** Where the evaluation transform leaves no margin to cut from, pictures are made larger by this factor. */
const margin = 8 / 7;

/**
 * How pictures are prepared for views: as always where only the mirror image is added; for crops without cutting the middle out, so that the corners are there.
 * @throws {VitrineError} INVALID_ARGUMENT for crops of pictures that are prepared without a size to resize to, or to fit inside one.
 */
export function viewPreprocessing(preprocessing: Preprocessing, views: Views): Preprocessing {
  if (views === "flip") return preprocessing;
  const [channels, height, width] = preprocessing.inputSize;
  const { resize: rule } = preprocessing;
  if (!rule || rule.to === "contain")
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "views of the corners need pictures that are resized to cover the model's input",
      evidence: rule ? "these are resized to fit inside it" : "these are not resized",
      next: "use the views flip",
    });
  const whole = rule.to === "shortest-edge" ? { height: rule.size, width: rule.size } : rule;
  const larger = (side: number, own: number): number => (side > own ? side : Math.round(own * margin));
  const canvas = { height: larger(whole.height, height), width: larger(whole.width, width) };
  const resize =
    rule.to === "shortest-edge"
      ? { ...rule, size: Math.max(canvas.height, canvas.width), longest: undefined }
      : { to: rule.to, ...canvas };
  const fill = preprocessing.crop?.fill ?? Array.from({ length: channels }, () => 0);
  const crop = { ...canvas, fill, rounding: preprocessing.crop?.rounding ?? ("half-even" as const) };
  return { ...preprocessing, inputSize: [channels, canvas.height, canvas.width], resize, crop };
}

/**
 * The views of prepared pictures.
 * @param inputs float32 [b, c, H', W'], prepared by `viewPreprocessing`
 * @param size of the model's input: H and W
 * @returns each float32 [b, c, H, W]; the plain picture, or the middle, first
 */
export function viewsOf(
  inputs: NdArray,
  [height, width]: readonly [height: number, width: number],
  views: Views,
): readonly NdArray[] {
  const [b, c, tall, wide] = inputs.shape as [number, number, number, number];
  const middle = [Math.floor((tall - height) / 2), Math.floor((wide - width) / 2)] as const;
  const places =
    views === "flip"
      ? [middle]
      : ([middle, [0, 0], [0, wide - width], [tall - height, 0], [tall - height, wide - width]] as const);
  const source = inputs.data as Float32Array;
  const cut = ([top, left]: readonly [number, number], mirrored: boolean): NdArray => {
    const data = new Float32Array(b * c * height * width);
    let to = 0;
    for (let plane = 0; plane < b * c; plane++)
      for (let y = 0; y < height; y++) {
        const row = (plane * tall + top + y) * wide + left;
        for (let x = 0; x < width; x++) data[to++] = source[row + (mirrored ? width - 1 - x : x)]!;
      }
    return { dtype: "float32", shape: [b, c, height, width], data };
  };
  return places.flatMap((place) => (views === "crops" ? [cut(place, false)] : [cut(place, false), cut(place, true)]));
}

/** The logarithm of the mean of the probabilities of some logits [b, labels]: logits again, since softmax takes them back. */
export function meanOfViews(logits: readonly NdArray[]): NdArray {
  const [b, k] = logits[0]!.shape as [number, number];
  const data = new Float32Array(b * k);
  for (let i = 0; i < b; i++) {
    const mean = new Float64Array(k);
    for (const { data: all } of logits) {
      const row = (all as Float32Array).subarray(i * k, (i + 1) * k);
      const largest = row.reduce((x, y) => Math.max(x, y));
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
      for (let j = 0; j < k; j++) mean[j]! += Math.exp(row[j]! - largest) / total / logits.length;
    }
    for (let j = 0; j < k; j++) data[i * k + j] = Math.log(Math.max(mean[j]!, 1e-38));
  }
  return { dtype: "float32", shape: [b, k], data };
}

/**
 * A classifier that answers by several views. `logitsOfInputs` takes what `viewPreprocessing` prepares.
 * @throws {VitrineError} as `classifier` and `viewPreprocessing`
 */
export async function augmentedClassifier(pretrained: Pretrained, runtime: Runtime, views: Views): Promise<Classifier> {
  const preprocessing = viewPreprocessing(pretrained.preprocessing, views);
  const [, height, width] = pretrained.preprocessing.inputSize;
  const run = await classifier(pretrained, runtime);
  const logitsOfInputs = async (inputs: NdArray): Promise<NdArray> => {
    const answers: NdArray[] = [];
    for (const view of viewsOf(inputs, [height, width], views)) answers.push(await run.logitsOfInputs(view));
    return meanOfViews(answers);
  };
  const size = preprocessing.inputSize.reduce((product, side) => product * side, 1);
  const logits: Classifier["logits"] = async (images) => {
    const k = pretrained.labels.length;
    const data = new Float32Array(images.length * k);
    // One picture at a time: its views are a batch already.
    for (const [i, image] of images.entries()) {
      const input = new Float32Array(size);
      normalize(fitImage(image, preprocessing), preprocessing, input);
      const one = await logitsOfInputs({ dtype: "float32", shape: [1, ...preprocessing.inputSize], data: input });
      data.set(one.data as Float32Array, i * k);
    }
    return { dtype: "float32", shape: [images.length, k], data };
  };
  return {
    logits,
    logitsOfInputs,
    classify: async (images, { top = 5 } = {}) => {
      const { data } = await logits(images);
      const { labels } = pretrained;
      return images.map((_, i) =>
        best((data as Float32Array).subarray(i * labels.length, (i + 1) * labels.length), labels, top),
      );
    },
    dispose: () => run.dispose(),
  };
}
