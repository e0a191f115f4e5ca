/** Explanations of an image as pictures: maps over the photograph, or a table of heads and blocks. */

import { toGrey, toRgb } from "../data/convert.ts";
import { crop, type Image, type Region } from "../data/image.ts";
import { resize } from "../data/resize.ts";
import { colourBar, colourBarWidth, numberText } from "./colour-bar.ts";
import { diverging, sequential } from "./colours.ts";
import type { ExplanationMap, ImageExplanation } from "./explanation.ts";
import { heatImage, heatOver, type Scale, type Smoothing, scaleOf } from "./heat.ts";
import { inkColour, type Picture, type PictureElement, quietColour } from "./picture.ts";
import { fitText, textWidth } from "./text.ts";

/** How an explanation of an image is drawn. */
export interface DrawImageOptions {
  /** `crop`: what the model saw; `photo`: the whole photograph, with a frame around that. Default `crop`. */
  readonly over?: "crop" | "photo";
  /** Default `nearest`, which shows the patches as they are. */
  readonly smoothing?: Smoothing;
}

/** White around a picture, and between its parts. */
export const margin = 24;
export const gap = 16;
/** Longest side of a photograph in the picture. */
const photoSide = 448;
const bodyLine = 20;

/** The explanation as a picture. @param image the photograph that was explained */
export function drawImageExplanation(
  explanation: ImageExplanation,
  image: Image,
  options: DrawImageOptions = {},
): Picture {
  return explanation.maps.length === 1
    ? drawOverPhoto(explanation, explanation.maps[0]!, image, options)
    : drawTable(explanation, image);
}

const signed = ({ method }: ImageExplanation): boolean => method === "integrated-gradients";

function drawOverPhoto(
  explanation: ImageExplanation,
  map: ExplanationMap,
  image: Image,
  { over = "crop", smoothing = "nearest" }: DrawImageOptions,
): Picture {
  const scale = scaleOf([map], signed(explanation));
  const colours = signed(explanation) ? diverging : sequential;
  const { photo, frame } = over === "crop" ? seenBy(explanation, image) : wholePhoto(explanation, image);
  const heat = pasted(
    inGrey(photo),
    heatOver(crop(photo, frame), map, { scale, colours, smoothing, strength: 0.65 }),
    frame,
  );
  const top = margin + 30 + bodyLine + gap;
  const left = { photo: margin, heat: margin + photo.width + gap };
  const barX = left.heat + photo.width + gap;
  const width = barX + colourBarWidth + margin - 8;
  const under = top + photo.height + 24;
  const elements: PictureElement[] = [
    ...heading(explanation, width),
    {
      kind: "pixels",
      x: left.photo,
      y: top,
      image: photo,
      name: over === "crop" ? "what the model saw" : "photograph",
    },
    { kind: "pixels", x: left.heat, y: top, image: heat, name: explanation.method },
    ...colourBar({ x: barX, y: top, height: photo.height }, scale, colours),
    {
      kind: "text",
      x: left.photo,
      y: under,
      text: over === "crop" ? "what the model saw" : "photograph; frame: what the model saw",
      style: "small",
      colour: quietColour,
    },
    {
      kind: "text",
      x: left.heat,
      y: under,
      text: fitText(footnote(explanation, map, smoothing), "small", width - left.heat - margin),
      style: "small",
      colour: quietColour,
    },
  ];
  for (const x of [left.photo, left.heat]) {
    // Around the maps, not over their edge.
    if (over === "photo")
      elements.push(...outline(x + frame.left - 3, top + frame.top - 3, frame.width + 6, frame.height + 6));
    if (explanation.queryPatch)
      elements.push(...patchMark(explanation, explanation.queryPatch, x + frame.left, top + frame.top, frame));
  }
  return { width, height: under + margin - 6, title: titleOf(explanation), elements };
}

/** One line for the class, one for the method and the model. */
export function heading(explanation: ImageExplanation, width: number): readonly PictureElement[] {
  const room = width - 2 * margin;
  return [
    { kind: "text", x: margin, y: margin + 16, text: fitText(titleOf(explanation), "title", room), style: "title" },
    {
      kind: "text",
      x: margin,
      y: margin + 16 + 24,
      text: fitText(subtitleOf(explanation), "body", room),
      style: "body",
      colour: quietColour,
    },
  ];
}

const methodTitles: Readonly<Record<ImageExplanation["method"], string>> = {
  attention: "attention",
  "inner-attention": "attention inside patches",
  "window-attention": "attention inside windows",
  stages: "maps of the stages",
  rollout: "attention rollout",
  relevance: "relevance",
  "grad-cam": "Grad-CAM",
  "integrated-gradients": "integrated gradients",
};

/** `relevance · tench · 71.2 %`. */
export function titleOf({ method, label, score, classSpecific }: ImageExplanation): string {
  const name = methodTitles[method];
  if (label === "") return name;
  return classSpecific ? `${name} for ${label} · ${percent(score)}` : `${name} · predicted ${label}, ${percent(score)}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

function subtitleOf(explanation: ImageExplanation): string {
  const { classIndex, query, queryPatch, model, quantity, logit, maps, method } = explanation;
  const only = maps.length === 1 && method.endsWith("attention") ? `${maps[0]!.name} · ` : "";
  const from = query === "" ? "" : ` from ${queryPatch ? "" : "the "}${query}`;
  return `${only}${quantity}${from} · class ${classIndex}, logit ${numberText(logit)} · ${model}`;
}

function footnote(
  { method, facts, grid }: ImageExplanation,
  { values, outside }: ExplanationMap,
  smoothing: Smoothing,
): string {
  const sum = values.reduce((total, value) => total + value, 0);
  const cells = `${grid.rows} × ${grid.cols} patches${smoothing === "bilinear" ? ", interpolated" : ""}`;
  if (method === "integrated-gradients")
    return `${grid.rows} × ${grid.cols} ${facts.cells}; they add up to ${numberText(Number(facts.sum))}, the logit differs from black's by ${numberText(Number(facts.difference))}`;
  const map = facts["features of"];
  if (method === "grad-cam") return map === undefined ? cells : `${grid.rows} × ${grid.cols} places of ${map}`;
  if (method === "inner-attention") return wordsNote(facts, grid);
  return `${cells}, together ${numberText(sum)}; ${numberText(outside)} lies on other tokens`;
}

function wordsNote({ words }: ImageExplanation["facts"], { rows, cols }: ImageExplanation["grid"]): string {
  return `${rows} × ${cols} words, ${words} in a patch, whose shares add up to 1`;
}

/** Bright on dark, so that it shows on every ground. */
function outline(x: number, y: number, width: number, height: number): readonly PictureElement[] {
  return [
    { kind: "box", x: x - 1, y: y - 1, width: width + 2, height: height + 2, colour: inkColour, line: 1 },
    { kind: "box", x, y, width, height, colour: [255, 255, 255], line: 2 },
    { kind: "box", x: x + 2, y: y + 2, width: width - 4, height: height - 4, colour: inkColour, line: 1 },
  ];
}

/** A frame around a patch. */
export function patchMark(
  { grid: { rows, cols } }: ImageExplanation,
  [row, col]: readonly [number, number],
  x: number,
  y: number,
  { width, height }: { readonly width: number; readonly height: number },
): readonly PictureElement[] {
  const [left, top] = [Math.round((col * width) / cols), Math.round((row * height) / rows)];
  const [right, bottom] = [Math.round(((col + 1) * width) / cols), Math.round(((row + 1) * height) / rows)];
  return outline(x + left, y + top, right - left, bottom - top);
}

/** A photograph as it is drawn. */
export interface Shown {
  readonly photo: Image;
  /** Where the maps lie on it. */
  readonly frame: Region;
}

/** What the model saw, from the photograph's own pixels; without colours where it saw none. @param side the longer one of the picture, in pixels */
export function seenBy(
  { view, inputSize: [high, wide], channels }: Pick<ImageExplanation, "view" | "inputSize" | "channels">,
  image: Image,
  side: number = photoSide,
): Shown {
  const factor = side / Math.max(high, wide);
  const [width, height] = [Math.round(wide * factor), Math.round(high * factor)];
  const [left, top] = [Math.round(view.left), Math.round(view.top)];
  const region = {
    left,
    top,
    width: Math.max(1, Math.round(view.width)),
    height: Math.max(1, Math.round(view.height)),
  };
  const piece = resize(crop(toRgb(image), region), { width, height, filter: "bicubic" });
  const photo = channels === 1 ? inGrey(piece) : piece;
  return { photo, frame: { left: 0, top: 0, width, height } };
}

/** The whole photograph; what a crop filled up outside it is left out. */
function wholePhoto({ view }: ImageExplanation, image: Image): Shown {
  const factor = photoSide / Math.max(image.width, image.height);
  const [width, height] = [
    Math.max(1, Math.round(image.width * factor)),
    Math.max(1, Math.round(image.height * factor)),
  ];
  const photo = resize(toRgb(image), { width, height, filter: "bicubic" });
  const [left, top] = [Math.round(view.left * factor), Math.round(view.top * factor)];
  const [right, bottom] = [
    Math.round((view.left + view.width) * factor),
    Math.round((view.top + view.height) * factor),
  ];
  return { photo, frame: { left, top, width: right - left, height: bottom - top } };
}

/** Without colours, so that those of the map stand alone. */
export function inGrey(photo: Image): Image {
  return toRgb(toGrey(photo));
}

/** The photo with another image on it. */
function pasted(photo: Image, over: Image, { left, top }: Region): Image {
  const data = photo.data.slice();
  for (let y = 0; y < over.height; y++)
    for (let x = 0; x < over.width; x++) {
      if (top + y < 0 || top + y >= photo.height || left + x < 0 || left + x >= photo.width) continue;
      const from = (y * over.width + x) * 3;
      data.set(over.data.subarray(from, from + 3), ((top + y) * photo.width + left + x) * 3);
    }
  return { ...photo, data };
}

/** Heads down, blocks across, all in the same colours. */
function drawTable(explanation: ImageExplanation, image: Image): Picture {
  const { maps, table, grid, queryPatch, method, facts } = explanation;
  const inner = method === "inner-attention";
  const scale: Scale = { ...scaleOf(maps), root: true };
  const cell = Math.max(1, Math.floor((inner ? 112 : 84) / Math.max(grid.rows, grid.cols)));
  const tile = { width: cell * grid.cols, height: cell * grid.rows };
  const across = table.colTitles.length;
  const { photo } = seenBy(explanation, image, Math.max(tile.width, tile.height) * 2 + 6);
  const rowTitleWidth = Math.max(...table.rowTitles.map((text) => textWidth(text, "small"))) + 10;
  const step = { x: tile.width + 6, y: tile.height + 6 };
  const left = margin + photo.width + gap + rowTitleWidth;
  const top = margin + 30 + bodyLine + gap + 18;
  const high = Math.max(step.y * table.rowTitles.length - 6, photo.height);
  const barX = left + step.x * across - 6 + gap;
  const share = maps.reduce((sum, { outside }) => sum + outside, 0) / maps.length;
  const notes = inner
    ? [wordsNote(facts, grid), "colours follow the square root"]
    : [
        `${grid.rows} × ${grid.cols} patches each; colours follow the square root`,
        `${numberText(share)} of a head's attention lies on other tokens, on average`,
      ];
  const noteWidth = Math.max(...notes.map((text) => textWidth(text, "small")));
  const width = Math.max(barX + colourBarWidth + margin - 8, left + noteWidth + margin);
  const elements: PictureElement[] = [
    ...heading(explanation, width),
    { kind: "pixels", x: margin, y: top, image: photo, name: "what the model saw" },
    {
      kind: "text",
      x: margin,
      y: top + photo.height + 18,
      text: "what the model saw",
      style: "small",
      colour: quietColour,
    },
    ...(queryPatch ? patchMark(explanation, queryPatch, margin, top, photo) : []),
    ...colourBar({ x: barX, y: top, height: high }, scale, sequential),
  ];
  for (const [i, text] of table.colTitles.entries())
    elements.push({
      kind: "text",
      x: left + i * step.x + tile.width / 2,
      y: top - 8,
      text,
      style: "small",
      anchor: "middle",
    });
  for (const [i, text] of table.rowTitles.entries())
    elements.push({
      kind: "text",
      x: left - 10,
      y: top + i * step.y + tile.height / 2 + 4,
      text,
      style: "small",
      anchor: "end",
    });
  for (const [i, map] of maps.entries()) {
    const [x, y] = [left + (i % across) * step.x, top + Math.floor(i / across) * step.y];
    elements.push({
      kind: "pixels",
      x,
      y,
      image: heatImage(map, scale, sequential, tile.width, tile.height),
      name: map.name,
    });
  }
  for (const [i, text] of notes.entries())
    elements.push({ kind: "text", x: left, y: top + high + 18 + 16 * i, text, style: "small", colour: quietColour });
  return { width, height: top + high + 34 + margin - 6, title: titleOf(explanation), elements };
}
