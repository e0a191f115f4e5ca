/** An explanation as one HTML page: the picture, and the numbers behind it as tables. */

import { numberText } from "./colour-bar.ts";
import type { Explanation, ExplanationMap } from "./explanation.ts";
import { escapeXml } from "./svg.ts";

/** The page. @param svg the picture, as `toSvg` gives it */
export function toHtml(explanation: Explanation, title: string, svg: string): string {
  return pageOf(title, `${svg}${tablesOf(explanation).join("\n")}`);
}

/** A page that needs no other file. @param body HTML */
export function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #181a20; }
svg { max-width: 100%; height: auto; }
details { margin: 1rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: .75rem; font-variant-numeric: tabular-nums; }
td, th { padding: .1rem .4rem; text-align: right; font-weight: normal; }
th { color: #686d78; }
</style>
${body}
</html>
`;
}

function tablesOf(explanation: Explanation): readonly string[] {
  switch (explanation.kind) {
    case "image":
      return [facts(explanation), ...explanation.maps.map((map) => mapTable(map, explanation.maps.length === 1))];
    case "positions":
      return explanation.maps.map((map) => mapTable(map, false));
    case "filters":
      return [
        folded(
          "shares of the variance",
          table(explanation.filters.map(({ name, share }) => [name, numberText(share)])),
          true,
        ),
      ];
    case "distance":
      return [
        folded(
          explanation.quantity,
          table(explanation.distances.map((heads, i) => [`block ${i}`, ...Array.from(heads, numberText)])),
          true,
        ),
      ];
    case "reconstruction": {
      const { seed, loss, hidden, grid } = explanation;
      const rows = Array.from({ length: grid.rows }, (_, i) => [
        String(i),
        ...hidden.slice(i * grid.cols, (i + 1) * grid.cols).map((isHidden) => (isHidden ? "hidden" : "shown")),
      ]);
      const known = { model: explanation.model, seed: String(seed), error: numberText(loss) };
      return [folded("facts", table(Object.entries(known)), true), folded("patches", table(rows), false)];
    }
  }
}

function facts(explanation: Extract<Explanation, { readonly kind: "image" }>): string {
  const { model, method, classIndex, label, score, logit, query, quantity } = explanation;
  const rows = Object.entries({
    model,
    method,
    ...(label === ""
      ? {}
      : { class: `${label} (${classIndex})`, probability: numberText(score), logit: numberText(logit) }),
    ...(query === "" ? {} : { query }),
    numbers: quantity,
    ...explanation.facts,
  });
  return folded(
    "facts",
    table(rows.map(([name, fact]) => [name, typeof fact === "number" ? numberText(fact) : fact])),
    true,
  );
}

function mapTable({ name, rows, cols, values }: ExplanationMap, open: boolean): string {
  const lines = Array.from({ length: rows }, (_, row) => [
    String(row),
    ...Array.from(values.subarray(row * cols, (row + 1) * cols), numberText),
  ]);
  return folded(name, table(lines), open);
}

/** A part of a page that opens at a click. @param content HTML */
export function folded(summary: string, content: string, open: boolean): string {
  return `<details${open ? " open" : ""}><summary>${escapeXml(summary)}</summary>${content}</details>`;
}

/** Lines of cells, the first of each as its heading. */
export function table(lines: readonly (readonly string[])[]): string {
  const row = ([head = "", ...cells]: readonly string[]): string =>
    `<tr><th scope="row">${escapeXml(head)}</th>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join("")}</tr>`;
  return `<table>${lines.map(row).join("")}</table>`;
}
