/** The report as one HTML page that needs no other file and no network. */

import { meanOver, wilsonInterval } from "../tasks/metrics.ts";
import { calibrationSection } from "./calibration-section.ts";
import { classesSection, confusionSection } from "./classes-section.ts";
import type { ReportContent } from "./content.ts";
import { curvesSection } from "./curves-section.ts";
import { mistakesSection } from "./mistakes-section.ts";
import { nextSteps, rules } from "./next-steps.ts";
import { pageStyle } from "./page-style.ts";
import { counted, decimal, duration, escaped, grouped, inWords, percent } from "./text.ts";

/** The page. */
export function reportPage(content: ReportContent): string {
  const sections: readonly (readonly [id: string, title: string, html: string])[] = [
    ["next", "What to do next", nextSection(content)],
    ["how", "How it was trained", howSection(content)],
    ["curves", "Curves", curvesSection(content)],
    ["classes", "Classes", classesSection(content)],
    ["confusion", "Confusion", confusionSection(content)],
    ["mistakes", "Mistakes", mistakesSection(content)],
    ["calibration", "Calibration", calibrationSection(content)],
    ["data", "Data", dataSection(content)],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(content.title)} · training report</title>
<style>${pageStyle}</style>
</head>
<body>
${header(content)}
<main>
<nav aria-label="Sections"><ul>${sections.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("")}</ul></nav>
${sections.map(([, , html]) => html).join("\n")}
</main>
<footer><p>Every number on this page was measured in this run. ${Object.entries(content.environment)
    .map(([what, value]) => `${escaped(what)} ${escaped(value)}`)
    .join(" · ")}</p></footer>
</body>
</html>
`;
}

function header(content: ReportContent): string {
  const { title, model, data, evaluation, calibration, history } = content;
  const { accuracy, correct, count, loss } = evaluation;
  const [low, high] = wilsonInterval(correct, count);
  const images = data.trainCounts.reduce((sum, n) => sum + n, 0);
  const tiles: readonly (readonly [string, string, string])[] = [
    ["accuracy", percent(accuracy), `${percent(low)} to ${percent(high)} (95 %)`],
    ["loss", decimal(loss), "mean cross-entropy"],
    ["macro F1", percent(meanOver(evaluation.classes, "f1")), `mean over ${data.classes.length} classes`],
    ["calibration error", percent(calibration.ece), "0 is best"],
    [
      "training time",
      duration(history.seconds),
      `${history.epochs.length} of ${counted(Math.round(history.plannedEpochs), "epoch")}`,
    ],
  ];
  const began = model.from === undefined ? "from random weights" : `from the weights of ${model.from}`;
  const chosen = data.chosenBy
    ? ` The best epoch was chosen by its ${history.best?.by ?? "accuracy"} on the same ${data.judged}, so new pictures may fare a little worse.`
    : "";
  return `<header>
<p class="kicker">vitrine · training report</p>
<h1>${escaped(title)}</h1>
<p class="lead">${escaped(model.architecture)}, ${grouped(model.parameters)} parameters, ${escaped(began)}, trained on ${counted(images, "image")} of ${data.classes.length} classes.</p>
<dl class="tiles">${tiles.map(([name, value, note]) => `<div><dt>${name}</dt><dd>${escaped(value)}<small>${escaped(note)}</small></dd></div>`).join("")}</dl>
<p class="quiet" style="margin:.8rem 0 0">Measured on ${escaped(`${grouped(count)} ${data.judged}`)}.${chosen}</p>
</header>`;
}

function nextSection(content: ReportContent): string {
  const steps = nextSteps(content);
  const asked = Object.keys(rules).length;
  const list =
    steps.length === 0
      ? `<p>None of the ${asked} rules has anything to say: the model is as good as this page can tell.</p>`
      : `<ol class="steps">${steps.map(({ advice, evidence }) => `<li><div><p>${escaped(advice)}</p><p class="quiet">${escaped(evidence)}</p></div></li>`).join("")}</ol>`;
  return `<section id="next"><h2>What to do next</h2><p class="quiet">What ${asked} rules found in the numbers of this run, each with its evidence.</p>${list}</section>`;
}

function howSection({ choices, settings, model }: ReportContent): string {
  const chosen =
    choices.length === 0
      ? ""
      : `<div class="scroll"><table class="wide"><caption>What was chosen, and why; each can be set on the command line or in the file of --config.</caption><tbody>${choices.map(({ what, value, reason }) => `<tr><th scope="row">${escaped(what)}</th><td>${escaped(value)}</td><td class="quiet">${escaped(reason)}</td></tr>`).join("")}</tbody></table></div>`;
  const facts: readonly (readonly [string, string])[] = [
    ["architecture", model.architecture],
    ["input", `${model.inputSize.join(" × ")} (channels, height, width)`],
    ...Object.entries(settings).map(([name, value]) => [inWords(name), valueText(value)] as const),
  ];
  const all = `<dl class="settings">${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>`;
  return `<section id="how"><h2>How it was trained</h2>${chosen}<details${choices.length === 0 ? " open" : ""}><summary>all settings</summary>${all}</details></section>`;
}

function valueText(value: unknown): string {
  if (value === null) return "none";
  if (Array.isArray(value))
    return value.map(valueText).join(value.every((one) => typeof one === "number") ? " to " : ", ");
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function dataSection({ data: { findings, unreadable, trainCounts, classes } }: ReportContent): string {
  const most = Math.max(...trainCounts);
  const bars = classes.map(
    (label, i) =>
      `<tr><th scope="row">${escaped(label)}</th><td class="n">${grouped(trainCounts[i]!)}</td><td style="width:60%"><span class="share" style="width:100%" aria-hidden="true"><i style="width:${((100 * trainCounts[i]!) / most).toFixed(1)}%"></i></span></td></tr>`,
  );
  const table = `<table class="wide"><caption>Images to learn from, by class</caption><tbody>${bars.join("")}</tbody></table>`;
  const found = findings.map(
    ({ text, serious, files }) =>
      `<li${serious ? ' class="serious"' : ""}>${escaped(text)}${files.length > 0 ? `<br><span class="file">${files.slice(0, 6).map(escaped).join("<br>")}${files.length > 6 ? `<br>and ${files.length - 6} more` : ""}</span>` : ""}</li>`,
  );
  const broken = unreadable.map(
    ({ file, reason }) => `<li><span class="file">${escaped(file)}</span>: ${escaped(reason)}</li>`,
  );
  return `<section id="data"><h2>Data</h2><div class="two"><div>${classes.length <= 40 ? table : `<details><summary>images of ${classes.length} classes</summary>${table}</details>`}</div>
<div>${found.length > 0 ? `<h3>Findings</h3><ul class="plain">${found.join("")}</ul>` : ""}${broken.length > 0 ? `<h3>Files that cannot be read</h3><ul class="plain">${broken.slice(0, 50).join("")}</ul>` : found.length === 0 ? '<p class="quiet">All files could be read.</p>' : ""}</div></div></section>`;
}
