/**
 * Resizing, equal to Pillow's `Image.resize` byte for byte (libImaging/Resample.c, Pillow 12).
 *
 * Weights are normalised in float64 and rounded to 22 bits; each pass adds integers and rounds to a byte, first along rows, then along columns.
 * When an image shrinks, the filter widens with it (antialiasing), which is what the resizers of other JavaScript packages leave out.
 */

import { VitrineError } from "../errors.ts";
import { crop, type Image, type Region } from "./image.ts";
import { alongColumns, alongRows, type Weights } from "./resize-passes.ts";

/** Resampling filters under Pillow's names. */
export type Filter = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** What to compute of a resized image. */
export interface ResizeOptions {
  /** Width and height of the whole result, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly filter: Filter;
  /** The part of the source to resize, as if it had been cropped first; default: all of it. Must lie inside. */
  readonly region?: Region | undefined;
  /** The part of the result to compute; default: all of it. The same bytes as cropping afterwards, for less work. Must lie inside. */
  readonly window?: Region | undefined;
}

interface Kernel {
  readonly support: number;
  weight(x: number): number;
}

const kernels: Record<Exclude<Filter, "nearest">, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x === 0) return 1;
      return x >= 1 ? 0 : (Math.sin(x * Math.PI) / (x * Math.PI)) * (0.54 + 0.46 * Math.cos(x * Math.PI));
    },
  },
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Weights of output positions `from … from + length − 1` of `outSize`, over `inSize` input positions. */
function weightsOf(kernel: Kernel, inSize: number, outSize: number, from: number, length: number): Weights {
  const scale = inSize / outSize;
  const widening = Math.max(scale, 1);
  const support = kernel.support * widening;
  const perUnit = 1 / widening;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const values = new Int32Array(length * taps);
  const weights = new Float64Array(taps);
  for (let i = 0; i < length; i++) {
    const center = (from + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(inSize, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let x = low; x < high; x++) sum += weights[x - low] = kernel.weight((x - center + 0.5) * perUnit);
    for (let x = 0; x < high - low; x++) {
      const weight = sum === 0 ? weights[x]! : weights[x]! / sum;
      values[i * taps + x] = Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** 22);
    }
    first[i] = low;
    count[i] = high - low;
  }
  return { taps, first, count, values };
}

/**
 * A resized image, [height, width, channels] → [window height, window width, channels]. Channels are resized apart from each other, alpha too.
 * @throws {VitrineError} INVALID_ARGUMENT when a size is not a positive integer, or region or window reaches outside.
 */
export function resize(source: Image, options: ResizeOptions): Image {
  const { width, height, filter } = options;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "resize: width and height must be positive integers",
      evidence: `got ${width} × ${height}`,
    });
  const region = options.region ?? { left: 0, top: 0, width: source.width, height: source.height };
  const window = options.window ?? { left: 0, top: 0, width, height };
  checkInside("region", region, source.width, source.height);
  checkInside("window", window, width, height);
  if (filter === "nearest") return nearest(source, region, width, height, window);
  const kernel = kernels[filter];
  const across = region.width === width ? undefined : weightsOf(kernel, region.width, width, window.left, window.width);
  const down =
    region.height === height ? undefined : weightsOf(kernel, region.height, height, window.top, window.height);
  // The rows that the pass along columns will read.
  const top = down ? down.first[0]! : window.top;
  const bottom = down ? down.first[window.height - 1]! + down.count[window.height - 1]! : window.top + window.height;
  const rows = across
    ? alongRows({
        source,
        left: region.left,
        top: region.top + top,
        height: bottom - top,
        width: window.width,
        weights: across,
      })
    : crop(source, {
        left: region.left + window.left,
        top: region.top + top,
        width: window.width,
        height: bottom - top,
      });
  return down ? alongColumns({ source: rows, top, height: window.height, weights: down }) : rows;
}

function checkInside(name: string, part: Region, width: number, height: number): void {
  const { left, top } = part;
  if ([left, top, part.width, part.height].every(Number.isInteger))
    if (left >= 0 && top >= 0 && part.width > 0 && part.height > 0)
      if (left + part.width <= width && top + part.height <= height) return;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `resize: the ${name} must lie inside ${width} × ${height}`,
    evidence: `got ${part.width} × ${part.height} at (${left}, ${top})`,
  });
}

/** The input position of each output position, added up step by step as `ImagingScaleAffine` does, rounding errors included. */
function nearestPositions(inSize: number, outSize: number): Int32Array {
  const step = inSize / outSize;
  const positions = new Int32Array(outSize);
  let at = step * 0.5;
  for (let i = 0; i < outSize; i++, at += step) positions[i] = Math.trunc(at);
  return positions;
}

function nearest(source: Image, region: Region, width: number, height: number, window: Region): Image {
  const { channels, data } = source;
  const columns = nearestPositions(region.width, width);
  const rows = nearestPositions(region.height, height);
  const out = new Uint8Array(window.width * window.height * channels);
  let to = 0;
  for (let y = window.top; y < window.top + window.height; y++)
    for (let x = window.left; x < window.left + window.width; x++) {
      const from = ((region.top + rows[y]!) * source.width + region.left + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c]!;
    }
  return { width: window.width, height: window.height, channels, data: out };
}
