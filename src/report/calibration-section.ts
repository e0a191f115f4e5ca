/** Whether the probabilities can be believed. */

import type { ReportContent } from "./content.ts";
import { counted, decimal, escaped, percent } from "./text.ts";

const side = 260;
const frame = { left: 40, top: 10, bottom: 92, right: 18 } as const;
const countHeight = 26;

/** The reliability diagram, and what a temperature would change. */
export function calibrationSection({ calibration, temperature, evaluation }: ReportContent): string {
  const { ece, nll } = calibration;
  const { heldOut } = temperature;
  const verdict =
    ece < 0.03 ? "The probabilities can be taken at their word." : "The probabilities are off by that much on average.";
  const advice = temperature.atBound
    ? "<p>No temperature is best here: the pictures do not hold enough mistakes to choose one.</p>"
    : `<p>Dividing the logits by <strong>${decimal(temperature.temperature, 2)}</strong> makes the probabilities fit best (temperature scaling; the labels stay). Chosen by one half of the pictures and judged by the other:</p>
<table><thead><tr><th scope="col"></th><th scope="col" class="n">as it is</th><th scope="col" class="n">with a temperature</th></tr></thead><tbody>
<tr><th scope="row">calibration error</th><td class="n">${percent(ece)}</td><td class="n">${percent(heldOut.ece)}</td></tr>
<tr><th scope="row">loss</th><td class="n">${decimal(nll)}</td><td class="n">${decimal(heldOut.nll)}</td></tr></tbody></table>${heldOut.nll < nll ? "" : "<p>On pictures that it was not chosen by it does not help: leave the logits as they are.</p>"}`;
  const few =
    evaluation.count < 200
      ? `<p class="quiet">With ${counted(evaluation.count, "picture")} a bar may be far from the line by chance.</p>`
      : "";
  return `<section id="calibration"><h2>Calibration</h2>
<div class="two"><figure class="card">${diagram(calibration.bins)}<figcaption>How often the model was right, by how sure it was. On the dashed line both are equal; the red part is the difference. Below: how many pictures.</figcaption></figure>
<div><p>Expected calibration error <strong>${percent(ece)}</strong>: the mean distance between how sure the model is and how often it is right, over ${calibration.bins.length} bins. ${verdict}</p>${advice}${few}</div></div></section>`;
}

function diagram(bins: ReportContent["calibration"]["bins"]): string {
  const [wide, high] = [side, side];
  const x = (share: number): number => frame.left + share * wide;
  const y = (share: number): number => frame.top + (1 - share) * high;
  const base = frame.top + high + 22 + countHeight;
  const most = Math.max(...bins.map(({ count }) => count));
  const parts: string[] = [];
  for (const tick of [0, 0.25, 0.5, 0.75, 1])
    parts.push(
      `<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>`,
      `<text class="tick" x="${frame.left - 7}" y="${at(y(tick) + 4)}" text-anchor="end">${100 * tick} %</text>`,
      `<text class="tick" x="${at(x(tick))}" y="${base + 16}" text-anchor="middle">${100 * tick} %</text>`,
    );
  for (const { low, high: up, count, accuracy, confidence } of bins) {
    if (count === 0) continue;
    const said = escaped(
      `${percent(low, 0)} to ${percent(up, 0)}: ${counted(count, "picture")}, sure by ${percent(confidence)}, right ${percent(accuracy)}`,
    );
    const [left, breadth] = [at(x(low) + 1), at((up - low) * wide - 2)];
    const [upper, lower] = [Math.max(accuracy, confidence), Math.min(accuracy, confidence)];
    const tall = (countHeight * count) / most;
    parts.push(
      `<g><title>${said}</title><rect class="bar" x="${left}" y="${at(y(accuracy))}" width="${breadth}" height="${at(y(0) - y(accuracy))}"/>`,
      `<rect class="gap" x="${left}" y="${at(y(upper))}" width="${breadth}" height="${at(y(lower) - y(upper))}"/>`,
      `<rect class="count" x="${left}" y="${at(base - tall)}" width="${breadth}" height="${at(tall)}"/></g>`,
    );
  }
  parts.push(
    `<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`,
    `<line class="axis" x1="${x(0)}" x2="${x(1)}" y1="${y(0)}" y2="${y(0)}"/>`,
    `<text class="tick" x="${x(0.5)}" y="${base + 34}" text-anchor="middle">how sure</text>`,
  );
  const rows = bins
    .filter(({ count }) => count > 0)
    .map(({ confidence, accuracy }) => `${percent(confidence, 0)} sure, ${percent(accuracy, 0)} right`);
  return `<svg viewBox="0 0 ${frame.left + wide + frame.right} ${frame.top + high + frame.bottom}" style="max-width:26rem;margin:auto" role="img" aria-label="${escaped(`Reliability: ${rows.join("; ")}`)}">${parts.join("")}</svg>`;
}

const at = (value: number): string => String(Math.round(value * 10) / 10);
