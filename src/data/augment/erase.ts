/** Random erasing (Zhong et al. 2017) of normalised inputs, by timm's rules (`timm/data/random_erasing.py`). */

import type { RandomStream } from "../../graph/random.ts";
import type { Region } from "../image.ts";
import { roundHalfEven } from "../preprocess.ts";

/** What to erase, how often, and with what. */
export interface EraseRules {
  /** That anything is erased. */
  readonly probability: number;
  /** Filled by 0 (`const`), by one normal number for each channel (`rand`) or for each pixel (`pixel`); default `pixel`. */
  readonly mode?: "const" | "rand" | "pixel" | undefined;
  /** Least and largest number of rectangles; default one. Their areas are divided by the number drawn. */
  readonly count?: readonly [least: number, most: number] | undefined;
  /** Least and largest share of the area; default 0.02 to 1/3. */
  readonly area?: readonly [least: number, most: number] | undefined;
  /** Least and largest height / width; default 0.3 to 1/0.3. */
  readonly aspect?: readonly [least: number, most: number] | undefined;
}

function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}

/**
 * The rectangles to erase from an image of this size, one after the other: for each up to ten attempts at a random area and shape that fit. None where chance says so.
 */
export function* drawErasing(
  width: number,
  height: number,
  rules: EraseRules,
  random: RandomStream,
): Generator<Region, void> {
  const { probability, count: [least, most] = [1, 1], area = [0.02, 1 / 3], aspect = [0.3, 1 / 0.3] } = rules;
  if (random.uniform() > probability || probability === 0) return;
  const count = least === most ? least : least + random.integer(most - least + 1);
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 10; attempt++) {
      const pixels = (between(random, area[0], area[1]) * (width * height)) / count;
      const shape = Math.exp(between(random, Math.log(aspect[0]), Math.log(aspect[1])));
      const h = roundHalfEven(Math.sqrt(pixels * shape));
      const w = roundHalfEven(Math.sqrt(pixels / shape));
      if (w >= width || h >= height) continue;
      const top = random.integer(height - h + 1);
      yield { left: random.integer(width - w + 1), top, width: w, height: h };
      break;
    }
}

/** Fills a rectangle of an input [channels, height, width] in place; normal numbers are drawn in the order of the input. */
export function eraseRegion(
  input: Float32Array,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
  region: Region,
  mode: "const" | "rand" | "pixel",
  random: RandomStream,
): void {
  for (let c = 0; c < channels; c++) {
    const value = mode === "rand" ? random.normal() : 0;
    for (let y = region.top; y < region.top + region.height; y++) {
      const from = (c * height + y) * width + region.left;
      if (mode !== "pixel") input.fill(value, from, from + region.width);
      else for (let i = from; i < from + region.width; i++) input[i] = random.normal();
    }
  }
}
