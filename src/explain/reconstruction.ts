/**
 * What a masked autoencoder paints where it was shown nothing, beside what it was shown. The picture says which patches it saw, and nothing of the
 * others' pixels enters what stands for painted.
 */

import { compile } from "../compile/index.ts";
import type { Image } from "../data/image.ts";
import { denormalize, fitImage, type Preprocessing, preprocess } from "../data/preprocess.ts";
import { resize } from "../data/resize.ts";
import type { NdArray } from "../graph/dtype.ts";
import { keyOf } from "../graph/random.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Rgb } from "./colours.ts";
import { inkColour, type Picture, type PictureElement, quietColour } from "./picture.ts";

/** What people call it beside the methods that explain classifiers. */
export const reconstructionMethod = "reconstruction";

/** A model that paints hidden patches. */
export interface Painter {
  /** Patches in pixels, and whether each is painted without its own mean and deviation. */
  readonly config: { readonly patchSize: GridSize; readonly normalizePixels: boolean };
  /** Images [1, c, H, W] → pixels of patches [1, n, p·q·c], 1 for each that was hidden, [1, n], and the error of these, []. */
  forward(images: Tensor): { readonly painted: Tensor; readonly mask: Tensor; readonly loss: Tensor };
}

/** What is to be painted. */
export interface ReconstructionRequest {
  readonly model: Painter;
  readonly preprocessing: Preprocessing;
  readonly image: Image;
  readonly runtime: Runtime;
  /** Which patches are hidden. */
  readonly seed: number;
}

/** An image as it was shown, and as it was painted; all of the model's size. */
export interface Reconstruction {
  /** What a model without a mask would see. */
  readonly image: Image;
  /** The same with what was painted in the hidden patches. */
  readonly painted: Image;
  /** For each patch, row by row, whether it was hidden. */
  readonly hidden: readonly boolean[];
  readonly grid: { readonly rows: number; readonly cols: number };
  /**
   * Where patches are painted without mean and deviation, both are guessed from the patches that were seen, by nearness: those of the hidden
   * pixels themselves would give part of the answer away.
   */
  readonly guessedContrast: boolean;
  /** Mean squared error of the hidden patches, as it was trained to be small. */
  readonly loss: number;
}

/**
 * Hides patches of an image and lets the model paint them.
 * @throws {VitrineError} SHAPE_MISMATCH where model and preprocessing have other sizes.
 */
export async function reconstruct(request: ReconstructionRequest): Promise<Reconstruction> {
  const { model, preprocessing, image, runtime, seed } = request;
  const [channels, height, width] = preprocessing.inputSize;
  const { patchSize, normalizePixels } = model.config;
  const [rows, cols] = [height / patchSize[0], width / patchSize[1]];
  const input = preprocess(image, preprocessing);
  const images: NdArray = { dtype: "float32", shape: [1, channels, height, width], data: input.data };
  await using executable = await compile(
    ({ images }) => {
      const { painted, mask, loss } = model.forward(images!);
      return { painted, mask, loss };
    },
    { images: images.shape },
    { runtime },
  );
  const result = await executable.run({ images }, { key: keyOf(seed) });
  const hidden = Array.from(result.mask!.data as Float32Array, (flag) => flag === 1);
  const pixels = input.data.slice();
  const painted = result.painted!.data as Float32Array;
  const places = patchPlaces(preprocessing.inputSize, patchSize);
  const contrast = normalizePixels ? guessContrast(input.data, places, hidden, cols) : undefined;
  for (const [patch, own] of places.entries()) {
    if (!hidden[patch]) continue;
    const { mean, deviation } = contrast?.(patch) ?? { mean: 0, deviation: 1 };
    for (const [i, place] of own.entries()) pixels[place] = painted[patch * own.length + i]! * deviation + mean;
  }
  return {
    image: fitImage(image, preprocessing),
    painted: denormalize(pixels, preprocessing),
    hidden,
    grid: { rows, cols },
    guessedContrast: normalizePixels,
    loss: Number(result.loss!.data[0]),
  };
}

/** For each patch, where its numbers lie in [c, H, W]: row by row, the channels of a pixel side by side. */
function patchPlaces(
  [channels, height, width]: readonly [number, number, number],
  [p, q]: GridSize,
): readonly Int32Array[] {
  const cols = width / q;
  return Array.from({ length: (height / p) * cols }, (_, patch) => {
    const [top, left] = [Math.floor(patch / cols) * p, (patch % cols) * q];
    return Int32Array.from({ length: p * q * channels }, (_, i) => {
      const [pixel, c] = [Math.floor(i / channels), i % channels];
      return (c * height + top + Math.floor(pixel / q)) * width + left + (pixel % q);
    });
  });
}

interface Contrast {
  readonly mean: number;
  readonly deviation: number;
}

/** Mean and deviation of a hidden patch, from those of the patches that were seen: the nearer, the more they count. */
function guessContrast(
  input: Float32Array,
  places: readonly Int32Array[],
  hidden: readonly boolean[],
  cols: number,
): (patch: number) => Contrast {
  const seen = places.flatMap((own, patch) => {
    if (hidden[patch]) return [];
    const mean = own.reduce((sum, place) => sum + input[place]!, 0) / own.length;
    const squares = own.reduce((sum, place) => sum + (input[place]! - mean) ** 2, 0);
    return [{ patch, mean, deviation: Math.sqrt(squares / (own.length - 1) + 1e-6) }];
  });
  const [row, col] = [(patch: number) => Math.floor(patch / cols), (patch: number) => patch % cols];
  return (patch) => {
    let [weights, mean, deviation] = [0, 0, 0];
    for (const one of seen) {
      const weight = 1 / ((row(one.patch) - row(patch)) ** 2 + (col(one.patch) - col(patch)) ** 2);
      weights += weight;
      mean += weight * one.mean;
      deviation += weight * one.deviation;
    }
    return { mean: mean / weights, deviation: deviation / weights };
  };
}

const margin = 24;
const gap = 16;
/** Least side of a panel in pixels. */
const panelSide = 256;
const hiddenColour: Rgb = [214, 217, 224];

/** Three panels: what was shown; what was painted, with a frame around each patch that was shown; the whole image. */
export function drawReconstruction({ image, painted, hidden, grid, guessedContrast }: Reconstruction): Picture {
  const factor = Math.max(1, Math.ceil(panelSide / Math.min(image.width, image.height)));
  const [width, height] = [image.width * factor, image.height * factor];
  const enlarged = (source: Image): Image => resize(source, { width, height, filter: "nearest" });
  const top = margin + 48;
  const left = [0, 1, 2].map((i) => margin + i * (width + gap)) as [number, number, number];
  const share = Math.round((100 * hidden.filter(Boolean).length) / hidden.length);
  const title = `masked autoencoder · ${share} % of the image hidden`;
  const notes = ["what it was shown", "what it painted (framed: shown)", "the image"] as const;
  const boxes = (x: number, of: boolean, colour: Rgb, line?: number): readonly PictureElement[] =>
    hidden.flatMap((isHidden, patch) =>
      isHidden === of
        ? [
            {
              kind: "box" as const,
              x: x + (patch % grid.cols) * (width / grid.cols),
              y: top + Math.floor(patch / grid.cols) * (height / grid.rows),
              width: width / grid.cols,
              height: height / grid.rows,
              colour,
              ...(line === undefined ? {} : { line }),
            },
          ]
        : [],
    );
  const panels = [image, painted, image].map(
    (source, i): PictureElement => ({ kind: "pixels", x: left[i]!, y: top, image: enlarged(source), name: notes[i]! }),
  );
  const under = top + height + 24;
  const contrast = "brightness and contrast of painted patches are guessed from those shown nearby";
  return {
    width: left[2] + width + margin,
    height: under + margin + (guessedContrast ? 14 : -6),
    title,
    elements: [
      { kind: "text", x: margin, y: margin + 16, text: title, style: "title" },
      ...panels,
      ...boxes(left[0], true, hiddenColour),
      // Light and dark, to be seen on any image.
      ...boxes(left[1], false, [255, 255, 255], 2),
      ...boxes(left[1], false, inkColour, 1),
      ...notes.map(
        (text, i): PictureElement => ({
          kind: "text",
          x: left[i]!,
          y: under,
          text,
          style: "small",
          colour: quietColour,
        }),
      ),
      ...(guessedContrast
        ? [
            {
              kind: "text" as const,
              x: margin,
              y: under + 20,
              text: contrast,
              style: "small" as const,
              colour: quietColour,
            },
          ]
        : []),
    ],
  };
}
