/** A picture as SVG: photographs and maps as PNG inside it, everything else as shapes and text. */

import type { Image } from "../data/image.ts";
import type { Rgb } from "./colours.ts";
import { inkColour, type Picture, type PictureElement, pointsOf } from "./picture.ts";
import { textSize } from "./text.ts";

/** Turns pixels into the bytes of a PNG file. */
export type EncodePng = (image: Image) => Promise<Uint8Array>;

/** The picture as one SVG element that needs no other file. */
export async function toSvg({ width, height, title, elements }: Picture, encodePng: EncodePng): Promise<string> {
  const shapes: string[] = [];
  for (const element of elements) shapes.push(await shapeOf(element, encodePng));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="DejaVu Sans, Verdana, sans-serif">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...shapes,
    "</svg>\n",
  ].join("\n");
}

/** Text that may stand in XML and HTML, between tags and in attributes; characters that XML forbids are left out. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const colourText = (colour: Rgb): string => `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

async function shapeOf(element: PictureElement, encodePng: EncodePng): Promise<string> {
  const { x, y } = element;
  switch (element.kind) {
    case "pixels": {
      const { width, height } = element.image;
      const name = `<title>${escapeXml(element.name)}</title>`;
      const data = base64(await encodePng(element.image));
      return `<g>${name}<image x="${x}" y="${y}" width="${width}" height="${height}" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/></g>`;
    }
    case "text": {
      const { text, style, anchor = "start", colour = inkColour, turned = false } = element;
      const weight = style === "title" ? ' font-weight="bold"' : "";
      const turn = turned ? ` transform="rotate(-90 ${x} ${y})"` : "";
      return `<text x="${x}" y="${y}"${turn} font-size="${textSize(style)}"${weight} text-anchor="${anchor}" fill="${colourText(colour)}">${escapeXml(text)}</text>`;
    }
    case "box": {
      const { width, height, colour, line } = element;
      if (line === undefined)
        return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${colourText(colour)}"/>`;
      const inner = `x="${x + line / 2}" y="${y + line / 2}" width="${width - line}" height="${height - line}"`;
      return `<rect ${inner} fill="none" stroke="${colourText(colour)}" stroke-width="${line}"/>`;
    }
    case "dot":
      return `<circle cx="${x}" cy="${y}" r="${element.radius}" fill="${colourText(element.colour)}"/>`;
    case "line": {
      const places = pointsOf(element).map((point) => point.map((place) => Number(place.toFixed(1))).join(","));
      return `<polyline points="${places.join(" ")}" fill="none" stroke="${colourText(element.colour)}" stroke-width="${element.width}"/>`;
    }
  }
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
