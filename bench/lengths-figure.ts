/** How good translations of short and of long sentences are, of several models. */

import { numberText, ticksOf } from "../src/explain/colour-bar.ts";
import type { Rgb } from "../src/explain/colours.ts";
import { inkColour, lineThrough, type Picture, type PictureElement, quietColour } from "../src/explain/picture.ts";

/** Sentences of about the same length. */
export interface Band {
  /** Least and most words of a source. */
  readonly words: readonly [least: number, most: number];
  readonly count: number;
  readonly bleu: number;
}

/** One model's bands, shortest sentences first; all models have the same ones. */
export interface Curve {
  readonly name: string;
  readonly bands: readonly Band[];
}

const colours: readonly Rgb[] = [
  [30, 92, 168],
  [200, 64, 40],
  [60, 130, 60],
  [130, 80, 160],
];
const gridColour: Rgb = [226, 228, 232];
const [width, height] = [560, 250];
const [left, top] = [56, 84];

/** BLEU over the length of the source. */
export function lengthsFigure(curves: readonly Curve[]): Picture {
  const bands = curves[0]?.bands ?? [];
  const high = 1.06 * Math.max(...curves.flatMap((curve) => curve.bands.map(({ bleu }) => bleu)));
  const bottom = top + height;
  const across = (i: number): number => left + ((i + 0.5) / bands.length) * width;
  const up = (bleu: number): number => bottom - (bleu / high) * height;
  const label = (x: number, y: number, text: string, anchor: "middle" | "end"): PictureElement => ({
    ...{ kind: "text", x, y, text, style: "small", anchor, colour: quietColour },
  });
  return {
    width: left + width + 24,
    height: bottom + 70,
    title: "BLEU against the length of the sentence that is translated",
    elements: [
      { kind: "text", x: left, y: 24, text: "BLEU of short and of long sentences", style: "title" },
      ...curves.flatMap(({ name }, i): readonly PictureElement[] => [
        {
          ...{ kind: "dot", x: left + 4 + (width / curves.length) * i, y: 49 },
          ...{ radius: 4, colour: colours[i % colours.length]! },
        },
        {
          ...{ kind: "text", x: left + 14 + (width / curves.length) * i, y: 54, text: name },
          ...{ style: "body", colour: inkColour },
        },
      ]),
      ...ticksOf({ low: 0, high }, 5).flatMap((tick): readonly PictureElement[] => [
        { kind: "box", x: left, y: Math.round(up(tick)), width, height: 1, colour: gridColour },
        label(left - 6, up(tick) + 4, numberText(tick), "end"),
      ]),
      { kind: "box", x: left, y: bottom, width, height: 1, colour: quietColour },
      ...bands.flatMap(({ words: [least, most], count }, i) => [
        label(across(i), bottom + 18, least === most ? String(least) : `${least}–${most}`, "middle"),
        label(across(i), bottom + 34, `(${count})`, "middle"),
      ]),
      label(left + width / 2, bottom + 58, "words of the source (sentences)", "middle"),
      ...curves.flatMap(({ bands: own }, i) => {
        const points = own.map(({ bleu }, k) => [across(k), up(bleu)] as const);
        const colour = colours[i % colours.length]!;
        return [
          lineThrough(points, colour),
          ...points.map(([x, y]) => ({ kind: "dot" as const, x, y, radius: 4, colour })),
        ];
      }),
    ],
  };
}
