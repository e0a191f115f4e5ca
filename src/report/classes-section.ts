/** Class by class: figures, and what was called what. */

import { meanOver } from "../tasks/metrics.ts";
import type { ReportContent } from "./content.ts";
import { counted, escaped, grouped, percent } from "./text.ts";

/** Tables of more classes begin folded. */
const shownClasses = 30;
/** Larger matrices are listed by their largest entries. */
const widestMatrix = 25;

/** Precision, recall and F1 of each class. */
export function classesSection({ evaluation, data }: ReportContent): string {
  const { classes } = evaluation;
  const rows = classes.map(
    ({ label, precision, recall, f1, support }, i) =>
      `<tr><th scope="row">${escaped(label)}</th><td class="n narrow-hidden">${grouped(data.trainCounts[i] ?? 0)}</td><td class="n">${grouped(support)}</td><td class="n">${percent(precision)}</td><td class="n">${percent(recall)}</td><td class="n">${percent(f1)}</td><td class="narrow-hidden" aria-hidden="true"><span class="share"><i style="width:${(100 * (f1 || 0)).toFixed(1)}%"></i></span></td></tr>`,
  );
  const mean = (figure: "precision" | "recall" | "f1"): string => percent(meanOver(classes, figure));
  const total = data.trainCounts.reduce((sum, n) => sum + n, 0);
  const table = `<div class="scroll"><table class="wide"><thead><tr><th scope="col">class</th><th scope="col" class="n narrow-hidden">learned from</th><th scope="col" class="n">judged by</th><th scope="col" class="n">precision</th><th scope="col" class="n">recall</th><th scope="col" class="n">F1</th><td class="narrow-hidden"></td></tr></thead><tbody>${rows.join("\n")}</tbody><tfoot><tr><th scope="row">mean of the classes</th><td class="n narrow-hidden">${grouped(total)}</td><td class="n">${grouped(evaluation.count)}</td><td class="n">${mean("precision")}</td><td class="n">${mean("recall")}</td><td class="n">${mean("f1")}</td><td class="narrow-hidden"></td></tr></tfoot></table></div>`;
  return `<section id="classes"><h2>Classes</h2>
<p class="quiet">Precision: of the pictures called so, how many are. Recall: of the pictures that are so, how many were found. F1: the harmonic mean of both.</p>
${classes.length <= shownClasses ? table : `<details><summary>all ${classes.length} classes</summary>${table}</details>`}</section>`;
}

/** The confusion matrix; a mistake leads to its pictures. */
export function confusionSection(content: ReportContent): string {
  const { classes, confusion } = content.evaluation;
  const labels = classes.map(({ label }) => label);
  return `<section id="confusion"><h2>What was called what</h2>
${labels.length <= widestMatrix ? matrix(labels, confusion) : largestPairs(labels, confusion)}</section>`;
}

/** Where the pictures of a kind of mistake are listed. */
export function pairAnchor(is: number, given: number): string {
  return `pair-${is}-${given}`;
}

function matrix(labels: readonly string[], confusion: readonly (readonly number[])[]): string {
  const turned = labels.length > 4 || labels.some((label) => label.length > 8);
  const head = labels.map(
    (label) => `<th scope="col"><span${turned ? ' class="turned"' : ""}>${escaped(label)}</span></th>`,
  );
  const rows = confusion.map((row, is) => {
    const support = row.reduce((sum, n) => sum + n, 0);
    const cells = row.map((times, given) => {
      const share = support > 0 ? times / support : 0;
      const marks = [
        ...(is === given ? [] : ["off"]),
        ...(share > 0.55 ? ["strong"] : []),
        ...(times === 0 ? ["none"] : []),
      ];
      const said = `${times} of ${support} ${labels[is]} called ${labels[given]} (${percent(share)})`;
      const inner =
        is !== given && times > 0 ? `<a href="#${pairAnchor(is, given)}">${times}</a>` : times === 0 ? "·" : times;
      return `<td class="${marks.join(" ")}" style="--s:${share.toFixed(3)}" title="${escaped(said)}">${inner}</td>`;
    });
    return `<tr><th scope="row">${escaped(labels[is]!)}</th>${cells.join("")}</tr>`;
  });
  return `<p class="quiet">A row is what pictures are, a column what they were called. Colours are shares of the row: blue for right, red for wrong. A number in a wrong cell leads to its pictures.</p>
<div class="scroll"><table class="matrix"><thead><tr><td class="corner"></td>${head.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function largestPairs(labels: readonly string[], confusion: readonly (readonly number[])[]): string {
  const pairs = confusion
    .flatMap((row, is) => row.map((times, given) => ({ is, given, times })))
    .filter(({ is, given, times }) => is !== given && times > 0)
    .sort((a, b) => b.times - a.times);
  const rows = pairs
    .slice(0, widestMatrix)
    .map(
      ({ is, given, times }) =>
        `<tr><th scope="row">${escaped(labels[is]!)}</th><td>${escaped(labels[given]!)}</td><td class="n"><a href="#${pairAnchor(is, given)}">${times}</a></td></tr>`,
    );
  return `<p class="quiet">The most frequent of ${counted(pairs.length, "kind")} of mistakes among ${labels.length} classes.</p>
<div class="scroll"><table><thead><tr><th scope="col">is</th><th scope="col">called</th><th scope="col" class="n">times</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}
