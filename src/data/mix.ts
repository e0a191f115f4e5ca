/**
 * Mixup and CutMix by timm's rules (`timm.data.Mixup`): each image is mixed with the one at the mirrored place in its batch.
 */

import { VitrineError } from "../errors.ts";
import type { RandomStream } from "../graph/random.ts";

/** How to mix batches. */
export interface MixRules {
  /** α of Beta(α, α) for mixup (Zhang et al. 2017); 0 switches it off. */
  readonly mixup: number;
  /** α of Beta(α, α) for CutMix (Yun et al. 2019); 0 switches it off. */
  readonly cutmix: number;
  /** Probability that a batch is mixed at all; default 1. */
  readonly probability?: number | undefined;
  /** Probability of CutMix where both are on; default 0.5. */
  readonly switchProbability?: number | undefined;
  /** What shares one draw: the whole batch (default), an image and its partner, or nothing: each image draws its own. */
  readonly mode?: "batch" | "pair" | "elem" | undefined;
}

/** Rows `top … bottom − 1` and columns `left … right − 1`. */
export interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/**
 * Mixup in place: image i becomes λ · image i + (1 − λ) · image b − 1 − i. The batch is [b, …].
 * @param lambda - share of the image itself, 0 to 1.
 */
export function mixup(images: Float32Array, batch: number, lambda: number): void {
  const size = images.length / batch;
  // Products are rounded before they are added, as torch rounds them.
  const [own, other] = [Math.fround(lambda), Math.fround(1 - lambda)];
  for (let i = 0; i < batch / 2; i++) {
    const a = i * size;
    const b = (batch - 1 - i) * size;
    for (let k = 0; k < size; k++) {
      const x = images[a + k]!;
      const y = images[b + k]!;
      images[a + k] = Math.fround(x * own) + Math.fround(y * other);
      images[b + k] = Math.fround(y * own) + Math.fround(x * other);
    }
  }
}

/**
 * CutMix in place: the box of image i and of image b − 1 − i change places. The batch is [b, c, height, width].
 * @returns λ, the share of the image that is its own: 1 − area of the box / area of the image.
 */
export function cutmix(images: Float32Array, shape: readonly [number, number, number, number], box: Box): number {
  const [batch, channels, height, width] = shape;
  const plane = height * width;
  for (let i = 0; i < Math.floor(batch / 2); i++)
    for (let c = 0; c < channels; c++)
      for (let y = box.top; y < box.bottom; y++) {
        const a = (i * channels + c) * plane + y * width;
        const b = ((batch - 1 - i) * channels + c) * plane + y * width;
        const kept = images.slice(a + box.left, a + box.right);
        images.copyWithin(a + box.left, b + box.left, b + box.right);
        images.set(kept, b + box.left);
      }
  return 1 - ((box.bottom - box.top) * (box.right - box.left)) / plane;
}

/** The box that CutMix pastes: sides √(1 − λ) of the image's, middle anywhere, cut off at the edges. */
export function randomBox(height: number, width: number, lambda: number, random: RandomStream): Box {
  const ratio = Math.sqrt(1 - lambda);
  const h = Math.trunc(height * ratio);
  const w = Math.trunc(width * ratio);
  const cy = random.integer(height);
  const cx = random.integer(width);
  const clip = (value: number, most: number): number => Math.max(0, Math.min(most, value));
  return {
    top: clip(cy - Math.floor(h / 2), height),
    bottom: clip(cy + Math.floor((h + 1) / 2), height),
    left: clip(cx - Math.floor(w / 2), width),
    right: clip(cx + Math.floor((w + 1) / 2), width),
  };
}

/**
 * Targets of a mixed batch [b, classes]: λ · own + (1 − λ) · partner's one-hot row, each smoothed first (on 1 − ε + ε/K, off ε/K). With λ = 1 these are the
 * smoothed targets of a batch that was not mixed.
 * @param lambda - for the whole batch, or one for each image.
 */
export function mixTargets(
  labels: ArrayLike<number>,
  classes: number,
  lambda: number | ArrayLike<number>,
  smoothing: number,
): Float32Array {
  const batch = labels.length;
  const off = smoothing / classes;
  const on = 1 - smoothing + off;
  const out = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) {
    const own = typeof lambda === "number" ? lambda : lambda[i]!;
    for (let k = 0; k < classes; k++)
      out[i * classes + k] = (k === labels[i] ? on : off) * own + (k === labels[batch - 1 - i] ? on : off) * (1 - own);
  }
  return out;
}

/** What happens to a batch, a pair or an image: its λ before CutMix corrects it, and the box to paste; without a box, mixup. `undefined`: nothing. */
export type MixDraw = { readonly lambda: number; readonly box?: Box | undefined } | undefined;

/** One draw for images of this size. */
export function drawMix(height: number, width: number, rules: MixRules, random: RandomStream): MixDraw {
  if (random.uniform() >= (rules.probability ?? 1)) return undefined;
  const both = rules.mixup > 0 && rules.cutmix > 0;
  const cuts = both ? random.uniform() < (rules.switchProbability ?? 0.5) : rules.cutmix > 0;
  const lambda = symmetricBeta(cuts ? rules.cutmix : rules.mixup, random);
  return cuts ? { lambda, box: randomBox(height, width, lambda, random) } : { lambda };
}

/**
 * Mixes a batch [b, c, height, width] in place, by chance as the rules say.
 * @returns λ for the targets, of the batch or (modes `pair` and `elem`) of each image; 1 where nothing was mixed.
 * @throws {VitrineError} INVALID_ARGUMENT when both α are 0.
 */
export function mixBatch(
  images: Float32Array,
  shape: readonly [number, number, number, number],
  rules: MixRules,
  random: RandomStream,
): number | Float32Array {
  if (!(rules.mixup > 0 || rules.cutmix > 0))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "mixing needs mixup or cutmix above 0",
      evidence: `got ${rules.mixup} and ${rules.cutmix}`,
    });
  const [batch, , height, width] = shape;
  const { mode = "batch" } = rules;
  if (mode !== "batch") {
    const count = mode === "pair" ? batch >> 1 : batch;
    const draws = Array.from({ length: count }, () => drawMix(height, width, rules, random));
    return mixEach(images, shape, mode === "pair" ? pairDraws(draws, batch) : draws);
  }
  const drawn = drawMix(height, width, rules, random);
  if (!drawn) return 1;
  if (drawn.box) return cutmix(images, shape, drawn.box);
  mixup(images, batch, drawn.lambda);
  return drawn.lambda;
}

/** The draws of all images of a batch from those of its first half; the middle image of an odd batch stays as it is. */
export function pairDraws(draws: readonly MixDraw[], batch: number): readonly MixDraw[] {
  return Array.from({ length: batch }, (_, i) => draws[Math.min(i, batch - 1 - i)]);
}

/**
 * Mixes each image of a batch [b, c, height, width] by its own draw, in place; partners are taken as they were before.
 * @returns λ of each image, after CutMix's correction.
 */
export function mixEach(
  images: Float32Array,
  [batch, channels, height, width]: readonly [number, number, number, number],
  draws: readonly MixDraw[],
): Float32Array {
  const { fround } = Math;
  const plane = height * width;
  const size = channels * plane;
  const lambdas = new Float32Array(batch).fill(1);
  const before = images.slice();
  draws.forEach((drawn, i) => {
    if (!drawn) return;
    const a = i * size;
    const b = (batch - 1 - i) * size;
    const { box } = drawn;
    if (box) {
      for (let c = 0; c < channels; c++)
        for (let y = box.top; y < box.bottom; y++) {
          const at = c * plane + y * width;
          images.set(before.subarray(b + at + box.left, b + at + box.right), a + at + box.left);
        }
      lambdas[i] = 1 - ((box.bottom - box.top) * (box.right - box.left)) / plane;
      return;
    }
    const own = fround(drawn.lambda);
    const other = fround(1 - own);
    lambdas[i] = own;
    for (let k = 0; k < size; k++) images[a + k] = fround(before[a + k]! * own) + fround(before[b + k]! * other);
  });
  return lambdas;
}

/** A number from Beta(α, α), as the share of two gamma numbers. */
export function symmetricBeta(alpha: number, random: RandomStream): number {
  const a = logGamma(alpha, random);
  const b = logGamma(alpha, random);
  return 1 / (1 + Math.exp(b - a));
}

/** `length` shares that add up to 1, from the Dirichlet distribution with the same α for each, as shares of gamma numbers. */
export function symmetricDirichlet(alpha: number, length: number, random: RandomStream): number[] {
  const logs = Array.from({ length }, () => logGamma(alpha, random));
  const most = Math.max(...logs);
  const parts = logs.map((log) => Math.exp(log - most));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/** Logarithm of a number from Gamma(α, 1): Marsaglia and Tsang 2000, with α raised by one where it is below 1. */
function logGamma(alpha: number, random: RandomStream): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(1 - random.uniform()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
