/** The key from colours to numbers. */

import type { Image } from "../data/image.ts";
import type { ColourMap } from "./colours.ts";
import { placeOn, type Scale } from "./heat.ts";
import { inkColour, type PictureElement, quietColour } from "./picture.ts";

/** Numbers as people write them: three digits that matter, no more zeros than needed. */
export function numberText(x: number): string {
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 0.001 && size < 100_000 ? String(Number(x.toPrecision(3))) : x.toExponential(1);
  return text.replace("-", "−");
}

/** Round numbers inside a scale, about `count` of them. */
export function ticksOf({ low, high }: Scale, count = 4): readonly number[] {
  if (!(high > low)) return [];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Width that `colourBar` takes, with its numbers. */
export const colourBarWidth = 96;

/** An upright bar with its ends, and round numbers between them. */
export function colourBar(
  { x, y, height }: { readonly x: number; readonly y: number; readonly height: number },
  scale: Scale,
  colours: ColourMap,
): readonly PictureElement[] {
  const width = 16;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const colour = colours(scale.high > scale.low ? 1 - row / (height - 1) : 0);
    for (let col = 0; col < width; col++) data.set(colour, (row * width + col) * 3);
  }
  const image: Image = { width, height, channels: 3, data };
  const place = (value: number): number => y + (1 - placeOn(scale, value)) * (height - 1);
  const ends = scale.high > scale.low ? [scale.high, scale.low] : [scale.low];
  const marks = ends.map((value) => ({ value, at: scale.high > scale.low ? place(value) : y + height - 1, end: true }));
  for (const value of scale.root ? ticksOf(scale).flatMap((tick) => [tick, tick / 4]) : ticksOf(scale)) {
    const at = place(value);
    if (marks.every((mark) => Math.abs(mark.at - at) >= 15)) marks.push({ value, at, end: false });
  }
  return [
    { kind: "pixels", x, y, image, name: "colour bar" },
    ...marks.flatMap(({ value, at, end }): PictureElement[] => [
      { kind: "box", x: x + width, y: Math.round(at), width: 5, height: 1, colour: inkColour },
      {
        kind: "text",
        x: x + width + 9,
        y: Math.round(at) + 5,
        text: numberText(value),
        style: "small",
        colour: end ? inkColour : quietColour,
      },
    ]),
  ];
}
