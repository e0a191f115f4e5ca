/** Explanations as the bytes of files. Node only: pixels become PNG through sharp. */

import { encodePng } from "../data/decode-node.ts";
import type { Image } from "../data/image.ts";
import { drawExplanation } from "./draw.ts";
import type { DrawImageOptions } from "./draw-image.ts";
import { type Explanation, explanationJson } from "./explanation.ts";
import { toHtml } from "./html.ts";
import { rasterize } from "./picture.ts";
import { toSvg } from "./svg.ts";

/** Kinds of files. */
export type ExplanationFormat = "png" | "svg" | "html" | "json";

/** Names of all kinds of files. */
export const explanationFormats: readonly ExplanationFormat[] = ["png", "svg", "html", "json"];

/** How an explanation becomes a file. */
export interface RenderOptions extends DrawImageOptions {
  readonly format: ExplanationFormat;
}

/**
 * The explanation as a file: a picture (`png`), a picture with text as text (`svg`), the picture and all numbers as a page that needs no other file (`html`),
 * or the numbers alone (`json`).
 * @param image the photograph that was explained
 */
export async function renderExplanation(
  explanation: Explanation,
  image: Image,
  { format, ...options }: RenderOptions,
): Promise<Uint8Array> {
  if (format === "json") return new TextEncoder().encode(`${explanationJson(explanation)}\n`);
  const picture = drawExplanation(explanation, image, options);
  if (format === "png") return encodePng(rasterize(picture));
  const svg = await toSvg(picture, encodePng);
  return new TextEncoder().encode(format === "svg" ? svg : toHtml(explanation, picture.title, svg));
}
