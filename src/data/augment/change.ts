/** One change of an image with all its parameters drawn: plain data, and what applies it. */

import type { Image } from "../image.ts";
import { type AffineFilter, rotate, shearX, shearY, translate } from "./affine.ts";
import { blur } from "./blur.ts";
import { autoContrast, equalize, invert, posterize, solarize, solarizeAdd } from "./byte-tables.ts";
import { brightness, colour, contrast, sharpness } from "./enhance.ts";
import { turnHue } from "./hue.ts";

/** A change and its parameters, in the units of the function that makes it. */
export type Change =
  | { readonly kind: "auto-contrast" | "equalize" | "invert" }
  | { readonly kind: "posterize"; readonly bits: number }
  | { readonly kind: "solarize"; readonly threshold: number }
  | { readonly kind: "solarize-add"; readonly add: number }
  | { readonly kind: "colour" | "contrast" | "brightness" | "sharpness"; readonly factor: number }
  | { readonly kind: "hue"; readonly turn: number }
  | { readonly kind: "blur"; readonly radius: number }
  | { readonly kind: "shear-x" | "shear-y"; readonly factor: number; readonly filter: AffineFilter }
  | { readonly kind: "translate-x" | "translate-y"; readonly pixels: number; readonly filter: AffineFilter }
  | { readonly kind: "rotate"; readonly degrees: number; readonly filter: AffineFilter };

/**
 * The changed image, of the same size.
 * @param source - grey or RGB.
 * @param fill - the byte of each channel for what comes in from outside.
 */
export function applyChange(source: Image, change: Change, fill: readonly number[]): Image {
  switch (change.kind) {
    case "auto-contrast":
      return autoContrast(source);
    case "equalize":
      return equalize(source);
    case "invert":
      return invert(source);
    case "posterize":
      return posterize(source, change.bits);
    case "solarize":
      return solarize(source, change.threshold);
    case "solarize-add":
      return solarizeAdd(source, change.add);
    case "colour":
      return colour(source, change.factor);
    case "contrast":
      return contrast(source, change.factor);
    case "brightness":
      return brightness(source, change.factor);
    case "sharpness":
      return sharpness(source, change.factor);
    case "hue":
      return turnHue(source, change.turn);
    case "blur":
      return blur(source, change.radius);
    case "shear-x":
      return shearX(source, change.factor, change.filter, fill);
    case "shear-y":
      return shearY(source, change.factor, change.filter, fill);
    case "translate-x":
      return translate(source, change.pixels, 0, change.filter, fill);
    case "translate-y":
      return translate(source, 0, change.pixels, change.filter, fill);
    case "rotate":
      return rotate(source, change.degrees, change.filter, fill);
  }
}

/** All changes, one after the other. */
export function applyChanges(source: Image, changes: readonly Change[], fill: readonly number[]): Image {
  return changes.reduce((picture, change) => applyChange(picture, change, fill), source);
}
