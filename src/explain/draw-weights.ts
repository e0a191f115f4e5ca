/** What a trained model holds as pictures: position similarity, patch filters, attention distances. */

import type { Image } from "../data/image.ts";
import { colourBar, colourBarWidth, numberText, ticksOf } from "./colour-bar.ts";
import { type Rgb, sequential } from "./colours.ts";
import type { DistanceExplanation, FiltersExplanation, PositionsExplanation } from "./explanation.ts";
import { heatImage, placeOn, scaleOf } from "./heat.ts";
import { type Picture, type PictureElement, quietColour } from "./picture.ts";
import { textWidth } from "./text.ts";

const margin = 24;
/** Where things begin below the two lines of heading. */
const top = margin + 64;

/** Pixels that the two lines need. */
function headingWidth(title: string, subtitle: string): number {
  return 2 * margin + Math.max(textWidth(title, "title"), textWidth(subtitle, "body"));
}

function heading(title: string, subtitle: string): readonly PictureElement[] {
  return [
    { kind: "text", x: margin, y: margin + 16, text: title, style: "title" },
    { kind: "text", x: margin, y: margin + 40, text: subtitle, style: "body", colour: quietColour },
  ];
}

/** One small map for each patch, in the place of that patch. */
export function drawPositions({ maps, grid, model }: PositionsExplanation): Picture {
  const scale = scaleOf(maps);
  const cell = Math.max(1, Math.floor(42 / Math.max(grid.rows, grid.cols)));
  const tile = { width: cell * grid.cols, height: cell * grid.rows };
  const step = { x: tile.width + 4, y: tile.height + 4 };
  const [wide, high] = [step.x * grid.cols - 4, step.y * grid.rows - 4];
  const title = "position embedding similarity";
  const subtitle = `cosine of each of ${grid.rows} × ${grid.cols} patches with all others · ${model}`;
  return {
    width: Math.max(margin + wide + 16 + colourBarWidth + margin, headingWidth(title, subtitle)),
    height: top + high + margin,
    title,
    elements: [
      ...heading(title, subtitle),
      ...maps.map((map, i): PictureElement => {
        const [x, y] = [margin + (i % grid.cols) * step.x, top + Math.floor(i / grid.cols) * step.y];
        return {
          kind: "pixels",
          x,
          y,
          image: heatImage(map, scale, sequential, tile.width, tile.height),
          name: map.name,
        };
      }),
      ...colourBar({ x: margin + wide + 16, y: top, height: high }, scale, sequential),
    ],
  };
}

/** The components in rows of seven, each stretched to its own range. */
export function drawFilters({ filters, rows, cols, channels, model }: FiltersExplanation): Picture {
  const across = Math.min(7, filters.length);
  const factor = Math.max(1, Math.floor(88 / Math.max(rows, cols)));
  const step = { x: cols * factor + 10, y: rows * factor + 26 };
  const title = "filters of the first map";
  const share = filters.reduce((sum, filter) => sum + filter.share, 0);
  const subtitle = `first ${filters.length} principal components, ${Number((100 * share).toPrecision(3))} % of the variance · ${model}`;
  return {
    width: Math.max(2 * margin + step.x * across - 10, headingWidth(title, subtitle)),
    height: top + step.y * Math.ceil(filters.length / across) + margin - 10,
    title,
    elements: [
      ...heading(title, subtitle),
      ...filters.flatMap(({ values, name, share: own }, i): PictureElement[] => {
        const [x, y] = [margin + (i % across) * step.x, top + Math.floor(i / across) * step.y];
        return [
          { kind: "pixels", x, y, image: filterImage(values, [rows, cols, channels], factor), name },
          {
            kind: "text",
            x: x + (cols * factor) / 2,
            y: y + rows * factor + 15,
            text: `${Number((100 * own).toPrecision(2))} %`,
            style: "small",
            anchor: "middle",
            colour: quietColour,
          },
        ];
      }),
    ],
  };
}

/** [rows, cols, channels] numbers as pixels: the largest size, of either sign, spans half the range around grey. */
function filterImage(
  values: Float32Array,
  [rows, cols, channels]: readonly [number, number, number],
  factor: number,
): Image {
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const [width, height] = [cols * factor, rows * factor];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const pixel = Math.floor(y / factor) * cols + Math.floor(x / factor);
        const value = values[pixel * channels + (channels === 1 ? 0 : c)]!;
        data[(y * width + x) * 3 + c] = Math.round(127.5 * (1 + value / most));
      }
  return { width, height, channels: 3, data };
}

/** A dot for each head: block across, pixels up. */
export function drawDistances({ distances, model }: DistanceExplanation): Picture {
  const scale = { low: 0, high: scaleOf(distances.map((values) => ({ values }))).high };
  const plot = { x: margin + 44, y: top, width: Math.max(44 * distances.length, 400), height: 320 };
  const place = (value: number): number => plot.y + plot.height * (1 - placeOn(scale, value));
  const colour: Rgb = [176, 58, 92];
  const title = "attention distance of each head";
  const subtitle = `pixels between a patch and what it attends to, on average · ${model}`;
  const column = plot.width / distances.length;
  return {
    width: Math.max(plot.x + plot.width + margin, headingWidth(title, subtitle)),
    height: plot.y + plot.height + 44 + margin,
    title,
    elements: [
      ...heading(title, subtitle),
      ...ticksOf(scale, 5).flatMap((tick): PictureElement[] => [
        { kind: "box", x: plot.x, y: Math.round(place(tick)), width: plot.width, height: 1, colour: [226, 228, 233] },
        {
          kind: "text",
          x: plot.x - 8,
          y: Math.round(place(tick)) + 4,
          text: numberText(tick),
          style: "small",
          anchor: "end",
          colour: quietColour,
        },
      ]),
      ...distances.flatMap((heads, block): PictureElement[] => {
        const x = plot.x + (block + 0.5) * column;
        return [
          {
            kind: "text",
            x,
            y: plot.y + plot.height + 20,
            text: String(block),
            style: "small",
            anchor: "middle",
            colour: quietColour,
          },
          ...Array.from(heads, (value): PictureElement => ({ kind: "dot", x, y: place(value), radius: 4.5, colour })),
        ];
      }),
      {
        kind: "text",
        x: plot.x + plot.width / 2,
        y: plot.y + plot.height + 42,
        text: "block",
        style: "small",
        anchor: "middle",
        colour: quietColour,
      },
    ],
  };
}
