/** Text in pictures, drawn from letters of our own: a machine may have no fonts, and a label must not vanish there. */

import { unzlibSync } from "fflate";
import { type GlyphSheet, glyphLetters, glyphSheets } from "./glyphs.ts";

/** Sizes of text. */
export type TextStyle = keyof typeof glyphSheets;

/** Where drawn text goes: sets the pixel at (x, y) as far as `coverage`, 0 to 1, says. */
export type Ink = (x: number, y: number, coverage: number) => void;

/** A sheet ready for use. */
interface Letters {
  readonly sheet: GlyphSheet;
  /** Width of each letter and where its pixels begin. */
  readonly places: ReadonlyMap<string, { readonly width: number; readonly start: number }>;
  readonly coverage: Uint8Array;
}

const unpacked = new Map<TextStyle, Letters>();

function lettersOf(style: TextStyle): Letters {
  const known = unpacked.get(style);
  if (known) return known;
  const sheet = glyphSheets[style];
  const packed = unzlibSync(Uint8Array.from(atob(sheet.coverage.replace(/\s/g, "")), (c) => c.charCodeAt(0)));
  const coverage = new Uint8Array(packed.length * 2);
  for (const [i, byte] of packed.entries()) coverage.set([byte >> 4, byte & 15], 2 * i);
  const places = new Map<string, { width: number; start: number }>();
  let start = 0;
  for (const [i, letter] of [...glyphLetters].entries()) {
    const width = sheet.advances.charCodeAt(i) - 48;
    places.set(letter, { width, start });
    start += width * sheet.height;
  }
  const letters = { sheet, places, coverage };
  unpacked.set(style, letters);
  return letters;
}

/** The letter to draw for a character: itself, its form without marks, or a box. */
function letterFor({ places }: Letters, character: string): string {
  if (places.has(character)) return character;
  const bare = character.normalize("NFD")[0]!;
  return places.has(bare) ? bare : "□";
}

/** Pixels from the first letter's left to the last letter's right. */
export function textWidth(text: string, style: TextStyle): number {
  const letters = lettersOf(style);
  return [...text].reduce((sum, character) => sum + letters.places.get(letterFor(letters, character))!.width, 0);
}

/** Pixels of the letters' em. */
export function textSize(style: TextStyle): number {
  return glyphSheets[style].size;
}

/** The text, cut with an ellipsis where it is wider than `limit` pixels. */
export function fitText(text: string, style: TextStyle, limit: number): string {
  if (textWidth(text, style) <= limit) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join("")}…`, style) > limit) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** Draws text from `x` on, its base line at `y`. */
export function drawText(text: string, style: TextStyle, x: number, y: number, ink: Ink): void {
  const letters = lettersOf(style);
  const { height, ascent } = letters.sheet;
  let left = Math.round(x);
  const top = Math.round(y) - ascent;
  for (const character of text) {
    const { width, start } = letters.places.get(letterFor(letters, character))!;
    for (let row = 0; row < height; row++)
      for (let col = 0; col < width; col++) {
        const value = letters.coverage[start + row * width + col]!;
        if (value > 0) ink(left + col, top + row, value / 15);
      }
    left += width;
  }
}
