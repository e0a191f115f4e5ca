/** What went wrong, picture by picture. */

import { numberText } from "../explain/colour-bar.ts";
import { sequential } from "../explain/colours.ts";
import { pairAnchor } from "./classes-section.ts";
import type { Mistake, ReportContent, ShownMistake } from "./content.ts";
import { counted, escaped, grouped, percent } from "./text.ts";

/** About so many mistakes are in the list, and of each kind at least three: more would make the page heavy. */
const listed = 500;

/** The most confident mistakes with their explanations, and a list of all. */
export function mistakesSection({ mistakes, shown, data: { classes }, evaluation }: ReportContent): string {
  if (mistakes.length === 0)
    return `<section id="mistakes"><h2>Mistakes</h2><p>None among ${counted(evaluation.count, "picture")}.</p></section>`;
  const explained = shown.find(({ why }) => why)?.why;
  const about = explained
    ? `On the right, ${escaped(explained.method)} for the label that was given: which patches raised it. Each picture has its own scale, with the numbers at its ends (${escaped(explained.quantity)}).`
    : "This model has no explanation that fits, so the pictures stand alone.";
  return `<section id="mistakes"><h2>Most confident mistakes</h2>
<p class="quiet">${counted(mistakes.length, "picture")} of ${grouped(evaluation.count)} got a wrong label; these were the surest. On the left what the model saw. ${about}</p>
<div class="mistakes">${shown.map((one) => card(one, classes)).join("\n")}</div>
<details><summary>all mistakes, by kind</summary>${list(mistakes, classes)}</details></section>`;
}

function card(
  { photo, why, name, is, given, confidence, rightProbability }: ShownMistake,
  classes: readonly string[],
): string {
  const [right, called] = [escaped(classes[is]!), escaped(classes[given]!)];
  const images = [
    `<img src="${photo}" alt="picture of ${right} that was called ${called}">`,
    ...(why
      ? [
          `<img src="${why.picture}" alt="where the evidence for ${called} lies: ${escaped(why.method)} over the same picture">`,
        ]
      : []),
  ];
  const key = why
    ? `<p class="key"><span>${numberText(why.low)}</span><i style="background:${gradient}"></i><span>${numberText(why.high)}</span></p>`
    : "";
  return `<figure class="card"><div class="pair${why ? "" : " alone"}">${images.join("")}</div><figcaption>${key}<p>called <span class="called">${called}</span> ${percent(confidence)}</p><p>is <span class="right">${right}</span> ${percent(rightProbability)}</p><p class="file">${escaped(name)}</p></figcaption></figure>`;
}

/** The colours of the explanations, as they are in the pictures. */
const gradient = `linear-gradient(to right, ${Array.from({ length: 9 }, (_, i) => `rgb(${sequential(i / 8).join(" ")})`).join(", ")})`;

function list(mistakes: readonly Mistake[], classes: readonly string[]): string {
  const pairs = new Map<string, Mistake[]>();
  for (const mistake of mistakes) {
    const anchor = pairAnchor(mistake.is, mistake.given);
    pairs.set(anchor, [...(pairs.get(anchor) ?? []), mistake]);
  }
  const groups = [...pairs].sort(([, a], [, b]) => b.length - a.length);
  const most = mistakes.length <= listed ? listed : Math.max(3, Math.floor(listed / groups.length));
  return groups
    .map(([anchor, group]) => {
      const { is, given } = group[0]!;
      const rest = group.length > most ? `<li class="file">and ${group.length - most} more</li>` : "";
      const items = group
        .slice(0, most)
        .map(({ name, confidence }) => `<li class="file">${escaped(name)} <span>${percent(confidence)}</span></li>`);
      return `<div id="${anchor}"><h3>${escaped(classes[is]!)} called ${escaped(classes[given]!)} (${group.length})</h3><ul class="plain">${items.join("")}${rest}</ul></div>`;
    })
    .join("\n");
}
