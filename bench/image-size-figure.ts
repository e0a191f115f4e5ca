/** What a patch costs in images of different sizes: the same where attention stays in windows, more and more where every patch attends to all. */

import { numberText, ticksOf } from "../src/explain/colour-bar.ts";
import type { Rgb } from "../src/explain/colours.ts";
import { inkColour, lineThrough, type Picture, type PictureElement, quietColour } from "../src/explain/picture.ts";

/** One forward pass of one square image. */
export interface Cost {
  readonly model: "ViT-S/16" | "Swin-T";
  /** Pixels a side. */
  readonly side: number;
  readonly flops: number;
  readonly seconds: number;
}

const colours: Readonly<Record<Cost["model"], Rgb>> = { "ViT-S/16": [200, 64, 40], "Swin-T": [30, 92, 168] };
const gridColour: Rgb = [226, 228, 232];
const [panelWidth, panelHeight] = [330, 230];
const [left, top, gap] = [64, 86, 84];

/** Two panels over the number of patches: operations and time, of each 16 × 16 pixels. */
export function imageSizeFigure(costs: readonly Cost[]): Picture {
  const panels = [
    { title: "million operations a patch", of: ({ flops, side }: Cost) => flops / 1e6 / patches(side) },
    { title: "microseconds a patch", of: ({ seconds, side }: Cost) => (1e6 * seconds) / patches(side) },
  ];
  const names = Object.keys(colours) as Cost["model"][];
  return {
    width: left + 2 * panelWidth + gap + 24,
    height: top + panelHeight + 58,
    title: "Cost of a patch against the size of the image",
    elements: [
      { kind: "text", x: left, y: 24, text: "What 16 × 16 pixels cost in images of different sizes", style: "title" },
      ...names.flatMap((name, i): readonly PictureElement[] => [
        { kind: "dot", x: left + 4 + 150 * i, y: 43, radius: 4, colour: colours[name] },
        { kind: "text", x: left + 14 + 150 * i, y: 48, text: name, style: "body", colour: inkColour },
      ]),
      ...panels.flatMap(({ title, of }, i) => panel(left + i * (panelWidth + gap), title, costs, of)),
    ],
  };
}

const patches = (side: number): number => (side / 16) ** 2;

function panel(
  x0: number,
  title: string,
  costs: readonly Cost[],
  of: (cost: Cost) => number,
): readonly PictureElement[] {
  const most = Math.max(...costs.map(({ side }) => patches(side)));
  const high = 1.06 * Math.max(...costs.map(of));
  const bottom = top + panelHeight;
  const across = (side: number): number => x0 + (patches(side) / most) * (panelWidth - 10);
  const up = (value: number): number => top + panelHeight * (1 - value / high);
  const label = (x: number, y: number, text: string, anchor: "middle" | "end"): PictureElement => ({
    ...{ kind: "text", x, y, text, style: "small", anchor, colour: quietColour },
  });
  const sides = [...new Set(costs.map(({ side }) => side))].sort((a, b) => a - b);
  return [
    { kind: "text", x: x0, y: top - 14, text: title, style: "body", colour: inkColour },
    ...ticksOf({ low: 0, high }, 5).flatMap((tick): readonly PictureElement[] => [
      { kind: "box", x: x0, y: Math.round(up(tick)), width: panelWidth, height: 1, colour: gridColour },
      label(x0 - 6, up(tick) + 4, numberText(Number(tick.toPrecision(10))), "end"),
    ]),
    { kind: "box", x: x0, y: bottom, width: panelWidth, height: 1, colour: quietColour },
    // The two smallest sizes stand close together.
    ...sides.slice(1).map((side) => label(across(side), bottom + 18, `${side}²`, "middle")),
    label(x0 + panelWidth / 2, bottom + 42, "pixels of the image; the axis counts its patches", "middle"),
    ...(Object.keys(colours) as Cost["model"][]).flatMap((model) => {
      const own = costs.filter((cost) => cost.model === model).sort((a, b) => a.side - b.side);
      const points = own.map((cost) => [across(cost.side), up(of(cost))] as const);
      const colour = colours[model];
      return [
        lineThrough(points, colour),
        ...points.map(([x, y]) => ({ kind: "dot" as const, x, y, radius: 4, colour })),
      ];
    }),
  ];
}
