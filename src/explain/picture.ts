/** A picture as a list of things on it, and the pixels of that. The same list becomes SVG (svg.ts). */

import { toRgb } from "../data/convert.ts";
import type { Image } from "../data/image.ts";
import type { Rgb } from "./colours.ts";
import { drawText, type TextStyle, textWidth } from "./text.ts";

/** Pixels, drawn one to one. */
export interface PixelsElement {
  readonly kind: "pixels";
  readonly x: number;
  readonly y: number;
  readonly image: Image;
  /** What it shows, in words. */
  readonly name: string;
}

/** One line of text; `y` is its base line. */
export interface TextElement {
  readonly kind: "text";
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly style: TextStyle;
  /** Which part of the text stands at `x`; default `start`. */
  readonly anchor?: "start" | "middle" | "end";
  readonly colour?: Rgb;
  /** Whether it runs upwards from its point, to be read from below. */
  readonly turned?: boolean;
}

/** A rectangle: filled, or a frame of the given line width drawn inside its edges. */
export interface BoxElement {
  readonly kind: "box";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly colour: Rgb;
  readonly line?: number;
}

/** A filled circle. */
export interface DotElement {
  readonly kind: "dot";
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Rgb;
}

/** Straight lines from point to point. */
export interface LineElement {
  readonly kind: "line";
  /** Where it begins. */
  readonly x: number;
  readonly y: number;
  /** The other points, as seen from there. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly width: number;
  readonly colour: Rgb;
}

/** A line of two pixels through places on the picture, at least one. */
export function lineThrough(places: readonly (readonly [x: number, y: number])[], colour: Rgb): LineElement {
  const [x, y] = places[0]!;
  return { kind: "line", x, y, points: places.slice(1).map(([u, v]) => [u - x, v - y] as const), width: 2, colour };
}

/** What can stand on a picture. */
export type PictureElement = PixelsElement | TextElement | BoxElement | DotElement | LineElement;

/** Everything on a white ground, later elements over earlier ones. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly elements: readonly PictureElement[];
}

/** Black enough for text. */
export const inkColour: Rgb = [24, 26, 32];
/** For what matters less. */
export const quietColour: Rgb = [104, 109, 120];

/** The picture's pixels, RGB. */
export function rasterize({ width, height, elements }: Picture): Image {
  const data = new Uint8Array(width * height * 3).fill(255);
  const blend = (x: number, y: number, colour: Rgb, coverage: number): void => {
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const to = (y * width + x) * 3;
    for (let c = 0; c < 3; c++) data[to + c] = Math.round(data[to + c]! + coverage * (colour[c]! - data[to + c]!));
  };
  for (const element of elements)
    switch (element.kind) {
      case "pixels":
        drawPixels({ width, height, channels: 3, data }, element);
        break;
      case "text": {
        const { text, style, anchor, colour = inkColour, turned = false } = element;
        const shift = { start: 0, middle: 0.5, end: 1 }[anchor ?? "start"] * textWidth(text, style);
        const [left, base] = [Math.round(element.x), Math.round(element.y)];
        if (turned) drawText(text, style, -shift, 0, (x, y, coverage) => blend(left + y, base - x, colour, coverage));
        else drawText(text, style, element.x - shift, element.y, (x, y, coverage) => blend(x, y, colour, coverage));
        break;
      }
      case "box":
        drawBox(element, blend);
        break;
      case "dot":
        drawDot(element, blend);
        break;
      case "line":
        drawLine(element, blend);
        break;
    }
  return { width, height, channels: 3, data };
}

type Blend = (x: number, y: number, colour: Rgb, coverage: number) => void;

/** Row by row. */
function drawPixels(target: Image, { x, y, image }: PixelsElement): void {
  const { width, height, data } = toRgb(image);
  const [first, last] = [Math.max(x, 0), Math.min(x + width, target.width)];
  if (last <= first) return;
  for (let row = Math.max(y, 0); row < Math.min(y + height, target.height); row++) {
    const from = (row - y) * width - x;
    target.data.set(data.subarray((from + first) * 3, (from + last) * 3), (row * target.width + first) * 3);
  }
}

function drawBox({ x, y, width, height, colour, line }: BoxElement, blend: Blend): void {
  for (let row = 0; row < height; row++)
    for (let col = 0; col < width; col++) {
      const inside = Math.min(row, col, height - 1 - row, width - 1 - col);
      if (line === undefined || inside < line) blend(x + col, y + row, colour, 1);
    }
}

/** Smooth at the edge: a pixel's share in the circle falls over one pixel. */
function drawDot({ x, y, radius, colour }: DotElement, blend: Blend): void {
  for (let row = Math.floor(y - radius - 1); row <= y + radius + 1; row++)
    for (let col = Math.floor(x - radius - 1); col <= x + radius + 1; col++) {
      const share = radius + 0.5 - Math.hypot(col - x, row - y);
      if (share > 0) blend(col, row, colour, Math.min(share, 1));
    }
}

/** Smooth at the edge, as a dot is; where two pieces meet, a pixel counts once. */
function drawLine(line: LineElement, blend: Blend): void {
  const { width, colour } = line;
  const points = pointsOf(line);
  const reach = width / 2 + 1;
  const [columns, rows] = [0, 1].map((axis) => points.map((point) => point[axis]!)) as [number[], number[]];
  for (let row = Math.floor(Math.min(...rows) - reach); row <= Math.max(...rows) + reach; row++)
    for (let col = Math.floor(Math.min(...columns) - reach); col <= Math.max(...columns) + reach; col++) {
      const nearest = Math.min(...points.slice(1).map((to, i) => distance([col, row], points[i]!, to)));
      const share = width / 2 + 0.5 - nearest;
      if (share > 0) blend(col, row, colour, Math.min(share, 1));
    }
}

/** All points of a line, as places on the picture. */
export function pointsOf({ x, y, points }: LineElement): readonly (readonly [x: number, y: number])[] {
  return [[x, y], ...points.map(([dx, dy]) => [x + dx, y + dy] as const)];
}

/** From a point to the nearest point between two others. */
function distance(
  [x, y]: readonly [number, number],
  [fromX, fromY]: readonly [number, number],
  [toX, toY]: readonly [number, number],
): number {
  const [alongX, alongY] = [toX - fromX, toY - fromY];
  const square = alongX ** 2 + alongY ** 2;
  const share = square === 0 ? 0 : ((x - fromX) * alongX + (y - fromY) * alongY) / square;
  const at = Math.min(1, Math.max(0, share));
  return Math.hypot(x - fromX - at * alongX, y - fromY - at * alongY);
}
