/** Pictures → labels. */

import { compile, type Executable } from "../compile/index.ts";
import type { Image } from "../data/image.ts";
import { fitImage, normalize, type Preprocessing } from "../data/preprocess.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** One answer to what a picture shows. */
export interface Prediction {
  /** Position in the logits. */
  readonly index: number;
  readonly label: string;
  /** Probability, 0 to 1: the softmax of the logits. */
  readonly score: number;
}

/** A model that is loaded and answers. */
export interface Classifier {
  /**
   * The most probable labels of each picture, best first.
   * @param top how many; default 5, at most as many as there are labels
   */
  classify(images: readonly Image[], options?: { readonly top?: number }): Promise<readonly (readonly Prediction[])[]>;
  /** Logits of pictures: float32 [b, labels]. */
  logits(images: readonly Image[]): Promise<NdArray>;
  /** Logits of inputs that are already prepared: float32 [b, c, H, W] → [b, labels]. */
  logitsOfInputs(inputs: NdArray): Promise<NdArray>;
  dispose(): Promise<void>;
}

/** Pictures in one run of the graph; more at once are no faster, and need more memory. */
const pieceSize = 8;

/** For this many pictures or fewer, improving the graph takes longer than it saves. */
const few = 4;

/** How a classifier is compiled. */
export interface ClassifierOptions {
  /** How many pictures there will be, at a guess; with a few, the first answer comes sooner and the later ones are slower. Default: many. */
  readonly pictures?: number | undefined;
}

/**
 * A classifier on a runtime, with the weights that the model has now.
 * @throws {VitrineError} INVALID_ARGUMENT for a model without labels; RUNTIME_FAILURE when the engine refuses it.
 */
export async function classifier(
  pretrained: Pretrained,
  runtime: Runtime,
  { pictures = Number.POSITIVE_INFINITY }: ClassifierOptions = {},
): Promise<Classifier> {
  const { model, preprocessing, labels, name } = pretrained;
  const refuse = (evidence: string): never => {
    const next = "choose weights with a head; `vitrine train DATA --from` this one gives it a head";
    throw new VitrineError("INVALID_ARGUMENT", { rule: "a classifier must have labels", evidence, place: name, next });
  };
  if (model.config.labels === 0) refuse("this model gives features");
  const quick = pictures <= few;
  const run = await compile(
    ({ images }) => {
      const answer = model.forward(images);
      return { logits: answer.rank === 2 ? answer : refuse("this model answers for every token") };
    },
    { images: [quick ? 1 : "b", ...preprocessing.inputSize] },
    { runtime, rewrite: !quick },
  );
  const piece = quick ? 1 : pieceSize;
  const logits = (images: readonly Image[]): Promise<NdArray> =>
    inPieces(run, { labels: model.config.labels, piece, count: images.length }, (from, to) =>
      stack(images.slice(from, to), preprocessing),
    );
  return {
    logits,
    classify: async (images, { top = 5 } = {}) => {
      const { data } = await logits(images);
      const count = labels.length;
      return images.map((_, i) => best((data as Float32Array).subarray(i * count, (i + 1) * count), labels, top));
    },
    logitsOfInputs: (inputs) => {
      const [b, ...rest] = inputs.shape;
      const size = rest.reduce((product, side) => product * side, 1);
      return inPieces(run, { labels: model.config.labels, piece, count: b! }, (from, to) => ({
        dtype: inputs.dtype,
        shape: [to - from, ...rest],
        data: inputs.data.subarray(from * size, to * size) as Float32Array,
      }));
    },
    dispose: () => run.dispose(),
  };
}

async function inPieces(
  run: Executable,
  { labels, piece, count }: { readonly labels: number; readonly piece: number; readonly count: number },
  inputs: (from: number, to: number) => NdArray,
): Promise<NdArray> {
  const data = new Float32Array(count * labels);
  for (let from = 0; from < count; from += piece) {
    const { logits } = await run.run({ images: inputs(from, Math.min(from + piece, count)) });
    data.set(logits!.data as Float32Array, from * labels);
  }
  return { dtype: "float32", shape: [count, labels], data };
}

/** Pictures as one input [b, c, H, W]. */
function stack(images: readonly Image[], preprocessing: Preprocessing): NdArray {
  const size = preprocessing.inputSize.reduce((product, side) => product * side, 1);
  const data = new Float32Array(images.length * size);
  for (const [i, image] of images.entries())
    normalize(fitImage(image, preprocessing), preprocessing, data.subarray(i * size, (i + 1) * size));
  return { dtype: "float32", shape: [images.length, ...preprocessing.inputSize], data };
}

/** The largest logits, with their probabilities; of equal ones the first comes first. */
export function best(logits: Float32Array, labels: readonly string[], top: number): readonly Prediction[] {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return [...logits.keys()]
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, top)
    .map((index) => ({ index, label: labels[index]!, score: Math.exp(logits[index]! - largest) / total }));
}
