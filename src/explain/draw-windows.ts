/** Attention inside windows as a picture: the photograph, and over it each block's windows with what a patch looks at in its own. */

import type { Image } from "../data/image.ts";
import { colourBar, colourBarWidth, numberText } from "./colour-bar.ts";
import { sequential } from "./colours.ts";
import { gap, heading, inGrey, margin, patchMark, seenBy, titleOf } from "./draw-image.ts";
import type { ExplanationMap, ImageExplanation } from "./explanation.ts";
import { heatOver, type Scale, scaleOf } from "./heat.ts";
import { inkColour, type Picture, type PictureElement, quietColour } from "./picture.ts";

/** Longest side of each of the pictures beside each other. */
const side = 336;

/** The explanation as a picture. @param image the photograph that was explained */
export function drawWindows(explanation: ImageExplanation, image: Image): Picture {
  const { maps, grid, queryPatch } = explanation;
  const scale: Scale = { low: 0, high: scaleOf(maps).high, root: true };
  const { photo } = seenBy(explanation, image, side);
  const top = margin + 66;
  const under = top + photo.height + 24;
  const left = (i: number): number => margin + i * (photo.width + gap);
  const barX = left(1 + maps.length);
  const width = barX + colourBarWidth + margin - 8;
  const caption = (i: number, text: string, line = 0): PictureElement => ({
    ...{ kind: "text", x: left(i), y: under + 16 * line, text, style: "small" },
    ...(line > 0 && { colour: quietColour }),
  });
  const elements: PictureElement[] = [
    ...heading(explanation, width),
    { kind: "pixels", x: left(0), y: top, image: photo, name: "what the model saw" },
    caption(0, "what the model saw"),
    caption(0, `${grid.rows} × ${grid.cols} patches; colours follow the square root`, 1),
    ...colourBar({ x: barX, y: top, height: photo.height }, scale, sequential),
  ];
  for (const [i, map] of maps.entries()) {
    const grey = inGrey(photo);
    const heat = heatOver(grey, map, { scale, colours: sequential, smoothing: "nearest", strength: 0.75 });
    elements.push(
      { kind: "pixels", x: left(i + 1), y: top, image: onlyWindow(grey, heat, map, queryPatch!), name: map.name },
      ...borders(map, left(i + 1), top, photo),
      caption(i + 1, map.name),
      caption(i + 1, windowsNote(map), 1),
    );
  }
  for (let i = 0; i <= maps.length; i++) elements.push(...patchMark(explanation, queryPatch!, left(i), top, photo));
  return { width, height: under + 16 + margin - 6, title: titleOf(explanation), elements };
}

function windowsNote({ windows, outside }: ExplanationMap): string {
  const count = new Set(windows).size;
  const filling = outside > 0 ? `; ${numberText(outside)} lies on what fills the window` : "";
  return `${count === 1 ? "one window" : `${count} windows, lines between them`}${filling}`;
}

/** Colours in the patch's own window; the photograph outside, brighter, so that it steps back. */
function onlyWindow(
  grey: Image,
  heat: Image,
  { rows, cols, windows }: ExplanationMap,
  [row, col]: readonly [number, number],
): Image {
  const { width, height } = grey;
  const own = windows![row * cols + col];
  const data = heat.data.slice();
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const cell = Math.floor(((y + 0.5) * rows) / height) * cols + Math.floor(((x + 0.5) * cols) / width);
      if (windows![cell] === own) continue;
      const from = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) data[from + c] = Math.round(128 + grey.data[from + c]! / 2);
    }
  return { ...heat, data };
}

/** Lines between neighbours that lie in different windows: dark, so that they show on the bright photograph, with a bright edge for the colours. */
function borders(
  { rows, cols, windows }: ExplanationMap,
  x: number,
  y: number,
  photo: Image,
): readonly PictureElement[] {
  const bright: PictureElement[] = [];
  const dark: PictureElement[] = [];
  const across = (col: number): number => Math.round((col * photo.width) / cols);
  const down = (row: number): number => Math.round((row * photo.height) / rows);
  const line = (left: number, top: number, width: number, height: number): void => {
    bright.push({
      kind: "box",
      x: left - 1,
      y: top - 1,
      width: width + 2,
      height: height + 2,
      colour: [255, 255, 255],
    });
    dark.push({ kind: "box", x: left, y: top, width, height, colour: inkColour });
  };
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) {
      const own = windows![row * cols + col];
      if (col > 0 && windows![row * cols + col - 1] !== own)
        line(x + across(col) - 1, y + down(row), 2, down(row + 1) - down(row));
      if (row > 0 && windows![(row - 1) * cols + col] !== own)
        line(x + across(col), y + down(row) - 1, across(col + 1) - across(col), 2);
    }
  return [...bright, ...dark];
}
