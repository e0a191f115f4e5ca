/** The published sets of operations and AutoAugment policies, as timm has them (`timm/data/auto_augment.py`). */

import type { OperationName } from "./operations.ts";

/** RandAugment's operations, each as likely as the others. */
export const randOperations: readonly OperationName[] = [
  "AutoContrast",
  "Equalize",
  "Invert",
  "Rotate",
  "Posterize",
  "Solarize",
  "SolarizeAdd",
  "Color",
  "Contrast",
  "Brightness",
  "Sharpness",
  "ShearX",
  "ShearY",
  "TranslateXRel",
  "TranslateYRel",
];

/** The same, each stronger with its magnitude. */
export const randIncreasingOperations: readonly OperationName[] = [
  "AutoContrast",
  "Equalize",
  "Invert",
  "Rotate",
  "PosterizeIncreasing",
  "SolarizeIncreasing",
  "SolarizeAdd",
  "ColorIncreasing",
  "ContrastIncreasing",
  "BrightnessIncreasing",
  "SharpnessIncreasing",
  "ShearX",
  "ShearY",
  "TranslateXRel",
  "TranslateYRel",
];

/** DeiT III's three changes. */
export const threeOperations: readonly OperationName[] = ["SolarizeIncreasing", "Desaturate", "GaussianBlur"];

type Weights = Readonly<Partial<Record<OperationName, number>>>;

/** timm's set `weights`: operations with weights of choice. */
export const randWeights: Weights = {
  Rotate: 3,
  ShearX: 2,
  ShearY: 2,
  TranslateXRel: 1,
  TranslateYRel: 1,
  ColorIncreasing: 0.25,
  SharpnessIncreasing: 0.25,
  AutoContrast: 0.25,
  SolarizeIncreasing: 0.05,
  SolarizeAdd: 0.05,
  ContrastIncreasing: 0.05,
  BrightnessIncreasing: 0.05,
  Equalize: 0.05,
  PosterizeIncreasing: 0.05,
  Invert: 0.05,
};

/** timm's set `3aw`: mostly DeiT III's three changes. */
export const threeWeights: Weights = {
  SolarizeIncreasing: 6,
  Desaturate: 6,
  GaussianBlur: 6,
  Rotate: 3,
  ShearX: 2,
  ShearY: 2,
  PosterizeIncreasing: 1,
  AutoContrast: 1,
  ColorIncreasing: 1,
  SharpnessIncreasing: 1,
  ContrastIncreasing: 1,
  BrightnessIncreasing: 1,
  Equalize: 1,
  Invert: 1,
};

/** AugMix's operations. */
export const augmixOperations: readonly OperationName[] = [
  "AutoContrast",
  "ColorIncreasing",
  "ContrastIncreasing",
  "BrightnessIncreasing",
  "SharpnessIncreasing",
  "Equalize",
  "Rotate",
  "PosterizeIncreasing",
  "SolarizeIncreasing",
  "ShearX",
  "ShearY",
  "TranslateXRel",
  "TranslateYRel",
];

/** A step of a policy: operation, probability, magnitude. */
export type PolicyStep = readonly [name: OperationName, probability: number, magnitude: number];

/** Pairs of steps, one of which is drawn for each image; `P` stands for the kind of Posterize, in which variants differ. */
type Rows = readonly (readonly [
  name: OperationName | "P",
  number,
  number,
  name: OperationName | "P",
  number,
  number,
])[];

/** The ImageNet policy of Google's EfficientNet. */
const v0: Rows = [
  ["Equalize", 0.8, 1, "ShearY", 0.8, 4],
  ["Color", 0.4, 9, "Equalize", 0.6, 3],
  ["Color", 0.4, 1, "Rotate", 0.6, 8],
  ["Solarize", 0.8, 3, "Equalize", 0.4, 7],
  ["Solarize", 0.4, 2, "Solarize", 0.6, 2],
  ["Color", 0.2, 0, "Equalize", 0.8, 8],
  ["Equalize", 0.4, 8, "SolarizeAdd", 0.8, 3],
  ["ShearX", 0.2, 9, "Rotate", 0.6, 8],
  ["Color", 0.6, 1, "Equalize", 1, 2],
  ["Invert", 0.4, 9, "Rotate", 0.6, 0],
  ["Equalize", 1, 9, "ShearY", 0.6, 3],
  ["Color", 0.4, 7, "Equalize", 0.6, 0],
  ["P", 0.4, 6, "AutoContrast", 0.4, 7],
  ["Solarize", 0.6, 8, "Color", 0.6, 9],
  ["Solarize", 0.2, 4, "Rotate", 0.8, 9],
  ["Rotate", 1, 7, "TranslateYRel", 0.8, 9],
  ["ShearX", 0, 0, "Solarize", 0.8, 4],
  ["ShearY", 0.8, 0, "Color", 0.6, 4],
  ["Color", 1, 0, "Rotate", 0.6, 2],
  ["Equalize", 0.8, 4, "Equalize", 0, 8],
  ["Equalize", 1, 4, "AutoContrast", 0.6, 2],
  ["ShearY", 0.4, 7, "SolarizeAdd", 0.6, 7],
  ["P", 0.8, 2, "Solarize", 0.6, 10],
  ["Solarize", 0.6, 8, "Equalize", 0.6, 1],
  ["Color", 0.8, 6, "Rotate", 0.4, 5],
];

/** The ImageNet policy of the paper (Cubuk et al. 2018). */
const original: Rows = [
  ["P", 0.4, 8, "Rotate", 0.6, 9],
  ["Solarize", 0.6, 5, "AutoContrast", 0.6, 5],
  ["Equalize", 0.8, 8, "Equalize", 0.6, 3],
  ["P", 0.6, 7, "P", 0.6, 6],
  ["Equalize", 0.4, 7, "Solarize", 0.2, 4],
  ["Equalize", 0.4, 4, "Rotate", 0.8, 8],
  ["Solarize", 0.6, 3, "Equalize", 0.6, 7],
  ["P", 0.8, 5, "Equalize", 1, 2],
  ["Rotate", 0.2, 3, "Solarize", 0.6, 8],
  ["Equalize", 0.6, 8, "P", 0.4, 6],
  ["Rotate", 0.8, 8, "Color", 0.4, 0],
  ["Rotate", 0.4, 9, "Equalize", 0.6, 2],
  ["Equalize", 0, 7, "Equalize", 0.8, 8],
  ["Invert", 0.6, 4, "Equalize", 1, 8],
  ["Color", 0.6, 4, "Contrast", 1, 8],
  ["Rotate", 0.8, 8, "Color", 1, 2],
  ["Color", 0.8, 8, "Solarize", 0.8, 7],
  ["Sharpness", 0.4, 7, "Invert", 0.6, 8],
  ["ShearX", 0.6, 5, "Equalize", 1, 9],
  ["Color", 0.4, 0, "Equalize", 0.6, 3],
  ["Equalize", 0.4, 7, "Solarize", 0.2, 4],
  ["Solarize", 0.6, 5, "AutoContrast", 0.6, 5],
  ["Invert", 0.6, 4, "Equalize", 1, 8],
  ["Color", 0.6, 4, "Contrast", 1, 8],
  ["Equalize", 0.8, 8, "Equalize", 0.6, 3],
];

function stepsOf(rows: Rows, posterize: OperationName): readonly (readonly PolicyStep[])[] {
  const step = (name: OperationName | "P", probability: number, magnitude: number): PolicyStep => [
    name === "P" ? posterize : name,
    probability,
    magnitude,
  ];
  return rows.map(([a, b, c, d, e, f]) => [step(a, b, c), step(d, e, f)]);
}

/** AutoAugment's policies by timm's names; each image takes the steps of one row. */
export const autoPolicies: Readonly<
  Record<"v0" | "v0r" | "original" | "originalr" | "3a", readonly (readonly PolicyStep[])[]>
> = {
  v0: stepsOf(v0, "Posterize"),
  v0r: stepsOf(v0, "PosterizeIncreasing"),
  original: stepsOf(original, "PosterizeOriginal"),
  originalr: stepsOf(original, "PosterizeIncreasing"),
  "3a": [[["Solarize", 1, 5]], [["Desaturate", 1, 10]], [["GaussianBlurRand", 1, 10]]],
};
