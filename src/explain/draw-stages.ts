/** The stages of a model as a picture: the photograph, and beside it a column for each stage, every map in colours of its own. */

import type { Image } from "../data/image.ts";
import { colourBar, colourBarWidth } from "./colour-bar.ts";
import { diverging, sequential } from "./colours.ts";
import { gap, heading, margin, seenBy, titleOf } from "./draw-image.ts";
import type { ExplanationMap, ImageExplanation } from "./explanation.ts";
import { heatImage, scaleOf } from "./heat.ts";
import { type Picture, type PictureElement, quietColour } from "./picture.ts";

/** Longest sides of the photograph and of a map, in pixels of the picture. */
const [photoSide, mapSide] = [336, 160];

/** The explanation as a picture. @param image the photograph that was explained */
export function drawStages(explanation: ImageExplanation, image: Image): Picture {
  const { maps, table } = explanation;
  const { photo } = seenBy(explanation, image, photoSide);
  const share = mapSide / photoSide;
  const tile = { width: Math.round(photo.width * share), height: Math.round(photo.height * share) };
  const step = { x: tile.width + 6 + colourBarWidth, y: tile.height + 34 };
  const [left, top] = [margin + photo.width + gap, margin + 66 + 20];
  const [across, down] = [table.colTitles.length, table.rowTitles.length];
  const width = left + step.x * across + margin - 8;
  const notes = [
    "what the model saw",
    "Columns: the maps that each stage ends with.",
    `Rows: the mean of its channels, and the ${down - 1} channels`,
    "that vary most over the image.",
    "Each map has colours of its own: blue for negative and",
    "red for positive numbers where both are large.",
  ];
  const elements: PictureElement[] = [
    ...heading(explanation, width),
    { kind: "pixels", x: margin, y: top, image: photo, name: "what the model saw" },
  ];
  for (const [i, text] of notes.entries())
    elements.push({
      ...{ kind: "text", x: margin, y: top + photo.height + 20 + 18 * i, text, style: "small" },
      ...(i > 0 && { colour: quietColour }),
    });
  for (const [i, text] of table.colTitles.entries())
    elements.push({ kind: "text", x: left + i * step.x, y: top - 10, text, style: "small" });
  for (const [i, map] of maps.entries()) {
    const [x, y] = [left + (i % across) * step.x, top + Math.floor(i / across) * step.y];
    const signed = hasBothSigns(map);
    const scale = scaleOf([map], signed);
    const colours = signed ? diverging : sequential;
    elements.push(
      { kind: "pixels", x, y, image: heatImage(map, scale, colours, tile.width, tile.height), name: map.name },
      ...colourBar({ x: x + tile.width + 6, y, height: tile.height }, scale, colours),
      {
        kind: "text",
        x,
        y: y + tile.height + 16,
        text: map.name.replace(/^[^,]*, /, ""),
        style: "small",
        colour: quietColour,
      },
    );
  }
  const high = Math.max(step.y * down - 12, photo.height + 20 + 18 * notes.length);
  return { width, height: top + high + margin, title: titleOf(explanation), elements };
}

/** Whether negative and positive numbers reach about as far; else colours from either side of zero would leave half of them unused. */
function hasBothSigns(map: ExplanationMap): boolean {
  const { low, high } = scaleOf([map]);
  return Math.min(-low, high) > Math.max(-low, high) / 4;
}
