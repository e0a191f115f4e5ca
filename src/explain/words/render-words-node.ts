/** Explanations of texts as the bytes of files. Node only: pixels become PNG through sharp. */

import { encodePng } from "../../data/decode-node.ts";
import { numberText } from "../colour-bar.ts";
import { folded, pageOf, table } from "../html.ts";
import { rasterize } from "../picture.ts";
import type { ExplanationFormat } from "../render-node.ts";
import { toSvg } from "../svg.ts";
import { drawWords } from "./draw-words.ts";
import { lengthOf, type WordsAxis, type WordsExplanation, wordsExplanationJson } from "./words-explanation.ts";

/** The explanation as a file: a picture, a picture with text as text, the picture and all numbers as a page, or the numbers alone. */
export async function renderWords(explanation: WordsExplanation, format: ExplanationFormat): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  if (format === "json") return encoder.encode(`${wordsExplanationJson(explanation)}\n`);
  const picture = drawWords(explanation);
  if (format === "png") return encodePng(rasterize(picture));
  const svg = await toSvg(picture, encodePng);
  return encoder.encode(format === "svg" ? svg : pageOf(picture.title, `${svg}${tablesOf(explanation)}`));
}

function tablesOf({ groups }: WordsExplanation): string {
  const single = groups.length === 1 && groups[0]!.maps.length === 1;
  return groups
    .flatMap(({ title, rows, columns, maps }) =>
      maps.map(({ name, values }) => {
        const wide = lengthOf(columns);
        const lines = namesOf(rows).map((label, row) => [
          label,
          ...Array.from(values.subarray(row * wide, (row + 1) * wide), numberText),
        ]);
        const head = ["", ...namesOf(columns)];
        return folded(name === title ? title : `${title}: ${name}`, table([head, ...lines]), single);
      }),
    )
    .join("\n");
}

function namesOf({ labels }: WordsAxis): readonly string[] {
  return typeof labels === "number" ? Array.from({ length: labels }, (_, i) => String(i)) : labels;
}
