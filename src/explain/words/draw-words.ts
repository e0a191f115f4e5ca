/** Matrices over tokens as a picture: labels where they can be read, a numbered list of the tokens where they cannot. */

import type { Image } from "../../data/image.ts";
import { colourBar, colourBarWidth } from "../colour-bar.ts";
import { type ColourMap, diverging, type Rgb, sequential } from "../colours.ts";
import { placeOn, type Scale, scaleOf } from "../heat.ts";
import { type Picture, type PictureElement, quietColour } from "../picture.ts";
import { fitText, textWidth } from "../text.ts";
import {
  lengthOf,
  type WordsAxis,
  type WordsExplanation,
  type WordsGroup,
  type WordsMap,
} from "./words-explanation.ts";

const margin = 24;
const gap = 14;
/** Space of a matrix to its neighbours. */
const apart = 8;
/** The smallest cell beside which a token can be written. */
const labelled = 13;
/** Longer labels are cut. */
const labelWidth = 110;
/** What a matrix shows where nothing can be seen. */
const unseen: Rgb = [240, 241, 244];

const titles: Readonly<Record<WordsExplanation["method"], string>> = {
  attention: "attention",
  alignment: "alignment",
  positions: "position codes",
  states: "states over time",
};

/** A part of a picture, as if it began at 0, 0. */
interface Part {
  readonly width: number;
  readonly height: number;
  readonly elements: readonly PictureElement[];
}

/** The explanation as a picture: its groups below each other. */
export function drawWords(explanation: WordsExplanation): Picture {
  const { method, model, quantity, notes, groups } = explanation;
  const parts = groups.map((group) => drawGroup(group, groups.length));
  const beside = method === "positions" || method === "states";
  const placed = placeParts(parts, beside);
  const room = Math.max(...notes.map((note) => textWidth(note, "small")), textWidth(`${quantity} · ${model}`, "body"));
  const width = 2 * margin + Math.max(placed.width, Math.min(room, 1200), 320);
  const top = margin + 64;
  const lines = notes.flatMap((note) => wrapped(note, width - 2 * margin));
  const under = top + placed.height + gap + 8;
  const title = titles[method];
  return {
    width,
    height: under + 17 * lines.length + margin - 8,
    title,
    elements: [
      { kind: "text", x: margin, y: margin + 16, text: title, style: "title" },
      {
        kind: "text",
        x: margin,
        y: margin + 40,
        text: fitText(`${quantity} · ${model}`, "body", width - 2 * margin),
        style: "body",
        colour: quietColour,
      },
      ...moved(placed.elements, margin, top),
      ...lines.map(
        (text, i): PictureElement => ({
          kind: "text",
          x: margin,
          y: under + 17 * i,
          text,
          style: "small",
          colour: quietColour,
        }),
      ),
    ],
  };
}

/** Pairs stand side by side, or everything one below the other. */
function placeParts(parts: readonly Part[], beside: boolean): Part {
  const elements: PictureElement[] = [];
  let [x, y, width, high] = [0, 0, 0, 0];
  for (const [i, part] of parts.entries()) {
    if (!beside || i % 2 === 0) {
      y += i === 0 ? 0 : high + 30;
      x = 0;
      high = 0;
    } else x += 36;
    elements.push(...moved(part.elements, x, y));
    x += part.width;
    high = Math.max(high, part.height);
    width = Math.max(width, x);
  }
  return { width, height: y + high, elements };
}

function moved(elements: readonly PictureElement[], x: number, y: number): readonly PictureElement[] {
  return elements.map((element) => ({ ...element, x: element.x + x, y: element.y + y }));
}

function wrapped(text: string, room: number): readonly string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (textWidth(longer, "small") <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Pixels of one number, across and down. */
interface Cell {
  readonly width: number;
  readonly height: number;
}

function cellOf({ rows, columns, table, signed }: WordsGroup, groups: number): Cell {
  const [high, wide] = [lengthOf(rows), lengthOf(columns)];
  const named = typeof rows.labels !== "number" && typeof columns.labels !== "number";
  const single = table.rowTitles.length * table.colTitles.length === 1;
  const roomAcross = single && groups > 1 && signed ? 640 : 1040;
  const across = Math.floor((roomAcross / table.colTitles.length - apart) / wide);
  const down = Math.floor((single ? 700 : 1400) / table.rowTitles.length / high);
  const most = single ? 26 : 18;
  if (named) {
    const cell = Math.max(2, Math.min(across, down, most));
    return { width: cell, height: cell };
  }
  const squares = typeof rows.labels === "number" && typeof columns.labels === "number";
  const [width, height] = [Math.max(1, Math.min(across, 24)), Math.max(1, Math.min(down, squares ? 6 : 8))];
  return squares && high === wide
    ? { width: Math.min(width, height), height: Math.min(width, height) }
    : { width, height };
}

/** A title, the matrices in their table, and the key to the colours. */
function drawGroup(group: WordsGroup, groups: number): Part {
  const { rows, columns, table, maps, signed, title } = group;
  const cell = cellOf(group, groups);
  const tile = { width: cell.width * lengthOf(columns), height: cell.height * lengthOf(rows) };
  const [rowLabels, colLabels] = [labelsFor(rows, cell.height), labelsFor(columns, cell.width)];
  const widest = (labels: readonly Label[] | undefined): number =>
    Math.max(0, ...(labels ?? []).map(({ text }) => textWidth(text, "small")));
  const rowTitles = table.rowTitles.some((text) => text !== "") ? 17 : 0;
  const colTitles = table.colTitles.some((text) => text !== "") ? 19 : 0;
  const colUpright = colLabels?.some(({ text }) => textWidth(text, "small") > cell.width - 2) ?? false;
  const colHeight = colLabels ? (colUpright && typeof columns.labels !== "number" ? widest(colLabels) : 12) + 8 : 0;
  const left = 18 + rowTitles + (rowLabels ? widest(rowLabels) + 8 : 0);
  const top = 24 + 18 + colTitles + colHeight;
  const step = { x: tile.width + apart, y: tile.height + apart };
  const wide = step.x * table.colTitles.length - apart;
  const high = step.y * table.rowTitles.length - apart;
  const scale: Scale = signed ? scaleOf(maps, true) : { ...scaleOf(maps), low: 0, root: true };
  const colours = signed ? diverging : sequential;
  const upright = colUpright && typeof columns.labels !== "number";
  const elements: PictureElement[] = [
    { kind: "text", x: 0, y: 12, text: title, style: "body" },
    axisText(`${columns.name} →`, left, 24 + 12),
    { ...axisText(rows.name, 11, top), anchor: "end", turned: true },
  ];
  for (const [i, text] of table.colTitles.entries())
    elements.push({ kind: "text", x: left + i * step.x, y: 24 + 18 + 12, text, style: "small" });
  for (const [i, text] of table.rowTitles.entries())
    if (rowTitles > 0)
      elements.push({
        kind: "text",
        x: 18 + 11,
        y: top + i * step.y + tile.height / 2,
        text,
        style: "small",
        anchor: "middle",
        turned: true,
      });
  for (const [j] of table.colTitles.entries())
    for (const { text, at } of colLabels ?? []) {
      const x = left + j * step.x + (at + 0.5) * cell.width;
      elements.push(
        upright
          ? { kind: "text", x: Math.round(x) + 4, y: top - 5, text, style: "small", colour: quietColour, turned: true }
          : { kind: "text", x, y: top - 5, text, style: "small", colour: quietColour, anchor: "middle" },
      );
    }
  for (const [j] of table.rowTitles.entries())
    for (const { text, at } of rowLabels ?? [])
      elements.push({
        kind: "text",
        x: left - 6,
        y: Math.round(top + j * step.y + (at + 0.5) * cell.height) + 4,
        text,
        style: "small",
        colour: quietColour,
        anchor: "end",
      });
  for (const [i, map] of maps.entries()) {
    const [x, y] = [i % table.colTitles.length, Math.floor(i / table.colTitles.length)];
    elements.push({
      kind: "pixels",
      x: left + x * step.x,
      y: top + y * step.y,
      image: matrixImage(group, map, { scale, colours, cell }),
      name: map.name,
    });
  }
  const bar = { x: left + wide + 16, y: top, height: Math.max(Math.min(high, 320), 60) };
  elements.push(...colourBar(bar, scale, colours));
  const width = bar.x + colourBarWidth;
  const lists = [
    ...(rowLabels === undefined
      ? listOf(columns.labels === rows.labels ? "tokens" : rows.name, rows, width - left)
      : []),
    ...(colLabels === undefined && columns.labels !== rows.labels ? listOf(columns.name, columns, width - left) : []),
    ...(scale.root ? ["Colours follow the square root of the weights."] : []),
  ];
  const below = Math.max(top + high, bar.y + bar.height);
  return {
    width: Math.max(width, ...lists.map((text) => left + textWidth(text, "small"))),
    height: below + (lists.length > 0 ? 10 + 16 * lists.length : 0),
    elements: [...elements, ...lists.map((text, i) => axisText(text, left, below + 20 + 16 * i))],
  };
}

function axisText(text: string, x: number, y: number): Extract<PictureElement, { kind: "text" }> {
  return { kind: "text", x, y, text, style: "small", colour: quietColour };
}

/** A label and the row or column beside which it stands. */
interface Label {
  readonly text: string;
  readonly at: number;
}

/** A label for each token, or round numbers; `undefined` where the cells are too small for the tokens. */
function labelsFor({ labels }: WordsAxis, size: number): readonly Label[] | undefined {
  if (typeof labels !== "number")
    return size < labelled ? undefined : labels.map((text, at) => ({ text: fitText(text, "small", labelWidth), at }));
  const between = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((count) => count * size >= 34) ?? 512;
  return Array.from({ length: Math.ceil(labels / between) }, (_, i) => ({
    text: String(i * between),
    at: i * between,
  }));
}

/** The tokens with their numbers, in lines. */
function listOf(name: string, { labels }: WordsAxis, room: number): readonly string[] {
  if (typeof labels === "number") return [];
  return wrapped(`${name}: ${labels.map((text, i) => `${i} ${text}`).join("   ")}`, Math.max(room, 480));
}

function matrixImage(
  { rows, columns, causal }: WordsGroup,
  { values }: WordsMap,
  { scale, colours, cell }: { readonly scale: Scale; readonly colours: ColourMap; readonly cell: Cell },
): Image {
  const [high, wide] = [lengthOf(rows), lengthOf(columns)];
  const [width, height] = [wide * cell.width, high * cell.height];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [row, col] = [Math.floor(y / cell.height), Math.floor(x / cell.width)];
      const colour = causal && col > row ? unseen : colours(placed(scale, values[row * wide + col]!));
      data.set(colour, 3 * (y * width + x));
    }
  return { width, height, channels: 3, data };
}

/** The middle of the colours where all numbers are zero. */
function placed(scale: Scale, value: number): number {
  return scale.low < 0 && scale.high === scale.low ? 0.5 : placeOn(scale, value);
}
