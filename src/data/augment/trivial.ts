/** TrivialAugmentWide (Müller and Hutter 2021) as torchvision draws it: one operation, one of 31 magnitudes. */

import type { RandomStream } from "../../graph/random.ts";
import { roundHalfEven } from "../preprocess.ts";
import type { Change } from "./change.ts";

const bins = 31;

/**
 * The magnitudes from 0 (or `from`) to `to` in even steps, in float32, from both ends and each rounded once, as `torch.linspace` computes them with fused
 * multiplication: the middle one of 0 … 32 is just below 16 and shifts by 15 pixels.
 */
function magnitudes(to: number, from = 0): Float32Array {
  const { fround } = Math;
  const step = fround((fround(to) - fround(from)) / (bins - 1));
  return Float32Array.from({ length: bins }, (_, i) =>
    i < bins / 2 - 0.5 ? fround(from) + step * i : fround(to) - step * (bins - 1 - i),
  );
}

const factors = magnitudes(0.99);
const shifts = magnitudes(32);
const angles = magnitudes(135);
const thresholds = magnitudes(0, 255);

type Operation =
  | { readonly name: "identity" }
  | { readonly name: "plain"; readonly change: Change }
  | { readonly name: "signed" | "unsigned"; readonly values: ArrayLike<number>; change(value: number): Change };

const filter = "nearest";

const operations: readonly Operation[] = [
  { name: "identity" },
  { name: "signed", values: factors, change: (factor) => ({ kind: "shear-x", factor, filter }) },
  { name: "signed", values: factors, change: (factor) => ({ kind: "shear-y", factor, filter }) },
  // torchvision names the way that the image goes, timm and Pillow the way that is read.
  { name: "signed", values: shifts, change: (by) => ({ kind: "translate-x", pixels: -Math.trunc(by), filter }) },
  { name: "signed", values: shifts, change: (by) => ({ kind: "translate-y", pixels: -Math.trunc(by), filter }) },
  { name: "signed", values: angles, change: (degrees) => ({ kind: "rotate", degrees, filter }) },
  { name: "signed", values: factors, change: (by) => ({ kind: "brightness", factor: 1 + by }) },
  { name: "signed", values: factors, change: (by) => ({ kind: "colour", factor: 1 + by }) },
  { name: "signed", values: factors, change: (by) => ({ kind: "contrast", factor: 1 + by }) },
  { name: "signed", values: factors, change: (by) => ({ kind: "sharpness", factor: 1 + by }) },
  {
    name: "unsigned",
    values: Array.from({ length: bins }, (_, i) => 8 - roundHalfEven(i / ((bins - 1) / 6))),
    change: (bits) => ({ kind: "posterize", bits }),
  },
  { name: "unsigned", values: thresholds, change: (threshold) => ({ kind: "solarize", threshold }) },
  { name: "plain", change: { kind: "auto-contrast" } },
  { name: "plain", change: { kind: "equalize" } },
];

/** The change of one image, or none (torchvision's `TrivialAugmentWide.forward`). */
export function drawTrivial(random: RandomStream): readonly Change[] {
  const operation = operations[random.integer(operations.length)]!;
  if (operation.name === "identity") return [];
  if (operation.name === "plain") return [operation.change];
  const value = operation.values[random.integer(bins)]!;
  return [operation.change(operation.name === "signed" && random.integer(2) === 1 ? -value : value)];
}
