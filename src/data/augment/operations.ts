/**
 * timm's augmentation operations: how a magnitude, from 0 to 10 as a rule, becomes the parameters of a change (`timm/data/auto_augment.py`, `LEVEL_TO_ARG`).
 *
 * Numbers are computed in timm's order of operations, and random numbers are drawn in timm's order: perhaps noise, sign, filter.
 */

import type { RandomStream } from "../../graph/random.ts";
import type { AffineFilter } from "./affine.ts";
import type { Change } from "./change.ts";

/** timm's names of operations. */
export type OperationName =
  | "AutoContrast"
  | "Equalize"
  | "Invert"
  | "Rotate"
  | "Posterize"
  | "PosterizeIncreasing"
  | "PosterizeOriginal"
  | "Solarize"
  | "SolarizeIncreasing"
  | "SolarizeAdd"
  | "Color"
  | "ColorIncreasing"
  | "Contrast"
  | "ContrastIncreasing"
  | "Brightness"
  | "BrightnessIncreasing"
  | "Sharpness"
  | "SharpnessIncreasing"
  | "ShearX"
  | "ShearY"
  | "TranslateXRel"
  | "TranslateYRel"
  | "Desaturate"
  | "GaussianBlur"
  | "GaussianBlurRand";

/** What the parameters of a change depend on besides its magnitude. */
export interface Surroundings {
  /** Size of the image in pixels. */
  readonly width: number;
  readonly height: number;
  /** Filters of rotations, shears and shifts, to draw from. */
  readonly filters: readonly AffineFilter[];
  /** Largest shift, as a share of the image's side. */
  readonly translate: number;
}

type Draw = (magnitude: number, random: RandomStream, around: Surroundings) => Change;

function signed(value: number, random: RandomStream): number {
  return random.uniform() > 0.5 ? -value : value;
}

function filterOf({ filters }: Surroundings, random: RandomStream): AffineFilter {
  return filters.length === 1 ? filters[0]! : filters[random.integer(filters.length)]!;
}

/** A factor of colour, contrast, brightness or sharpness, 0.1 to 1.9. */
const enhance =
  (kind: "colour" | "contrast" | "brightness" | "sharpness"): Draw =>
  (magnitude) => ({ kind, factor: (magnitude / 10) * 1.8 + 0.1 });

/** The same, as far from 1 on either side as the magnitude says. */
const enhanceIncreasing =
  (kind: "colour" | "contrast" | "brightness" | "sharpness"): Draw =>
  (magnitude, random) => ({ kind, factor: Math.max(0.1, 1 + signed((magnitude / 10) * 0.9, random)) });

const posterizeBits = (magnitude: number): number => Math.trunc((magnitude / 10) * 4);
const solarizeThreshold = (magnitude: number): number => Math.min(256, Math.trunc((magnitude / 10) * 256));
const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

const shear =
  (kind: "shear-x" | "shear-y"): Draw =>
  (magnitude, random, around) => ({
    kind,
    factor: signed((magnitude / 10) * 0.3, random),
    filter: filterOf(around, random),
  });

const translateShare =
  (kind: "translate-x" | "translate-y"): Draw =>
  (magnitude, random, around) => {
    const share = signed((magnitude / 10) * around.translate, random);
    const pixels = share * (kind === "translate-x" ? around.width : around.height);
    return { kind, pixels, filter: filterOf(around, random) };
  };

const table: Readonly<Record<OperationName, Draw>> = {
  AutoContrast: () => ({ kind: "auto-contrast" }),
  Equalize: () => ({ kind: "equalize" }),
  Invert: () => ({ kind: "invert" }),
  Rotate: (magnitude, random, around) => ({
    kind: "rotate",
    degrees: signed((magnitude / 10) * 30, random),
    filter: filterOf(around, random),
  }),
  Posterize: (magnitude) => ({ kind: "posterize", bits: posterizeBits(magnitude) }),
  PosterizeIncreasing: (magnitude) => ({ kind: "posterize", bits: 4 - posterizeBits(magnitude) }),
  PosterizeOriginal: (magnitude) => ({ kind: "posterize", bits: posterizeBits(magnitude) + 4 }),
  Solarize: (magnitude) => ({ kind: "solarize", threshold: solarizeThreshold(magnitude) }),
  SolarizeIncreasing: (magnitude) => ({ kind: "solarize", threshold: 256 - solarizeThreshold(magnitude) }),
  SolarizeAdd: (magnitude) => ({ kind: "solarize-add", add: Math.min(128, Math.trunc((magnitude / 10) * 110)) }),
  Color: enhance("colour"),
  ColorIncreasing: enhanceIncreasing("colour"),
  Contrast: enhance("contrast"),
  ContrastIncreasing: enhanceIncreasing("contrast"),
  Brightness: enhance("brightness"),
  BrightnessIncreasing: enhanceIncreasing("brightness"),
  Sharpness: enhance("sharpness"),
  SharpnessIncreasing: enhanceIncreasing("sharpness"),
  ShearX: shear("shear-x"),
  ShearY: shear("shear-y"),
  TranslateXRel: translateShare("translate-x"),
  TranslateYRel: translateShare("translate-y"),
  Desaturate: (magnitude) => {
    const less = clamp(0.5 + 0.5 * (magnitude / 10), 0.5, 1);
    return { kind: "colour", factor: clamp(1 - less, 0, 1) };
  },
  GaussianBlur: (magnitude) => ({ kind: "blur", radius: clamp(0.1 + 1.9 * (magnitude / 10), 0.1, 2) }),
  GaussianBlurRand: (magnitude, random) => {
    const most = 2 * clamp(magnitude / 10, 0, 1);
    return { kind: "blur", radius: 0.1 + (most - 0.1) * random.uniform() };
  },
};

/** One step of a policy. */
export interface Step {
  readonly name: OperationName;
  /** That the step is taken at all. */
  readonly probability: number;
  readonly magnitude: number;
  /** Standard deviation of normal noise on the magnitude; `Infinity` draws it uniformly from 0 to `magnitude`; 0 leaves it. */
  readonly deviation: number;
  /** Magnitudes are kept in 0 … `largest`. */
  readonly largest: number;
}

/** The change of one step with its parameters drawn; `undefined` where chance skips it (timm's `AugmentOp`). */
export function drawStep(step: Step, random: RandomStream, around: Surroundings): Change | undefined {
  const { name, probability, deviation, largest } = step;
  if (probability < 1 && random.uniform() > probability) return undefined;
  let { magnitude } = step;
  if (deviation === Number.POSITIVE_INFINITY) magnitude *= random.uniform();
  else if (deviation > 0) magnitude += deviation * random.normal();
  return table[name](clamp(magnitude, 0, largest), random, around);
}
