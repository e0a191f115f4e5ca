/** The course of the training as charts. */

import { type Chart, chartSvg, type Line } from "./chart.ts";
import type { ReportContent } from "./content.ts";
import { type EpochPoint, type StepPoint, thinned } from "./history.ts";
import { escaped } from "./text.ts";

/** Points of a line that stands for all steps. */
const mostPoints = 300;

/** Loss, accuracy, learning rate and gradient norm over the epochs. */
export function curvesSection({ history, settings }: ReportContent): string {
  const { steps, epochs, stepsPerEpoch, plannedEpochs, best } = history;
  const length = Math.max(plannedEpochs, epochs.length, 1);
  const all = (value: (point: StepPoint) => number): readonly (readonly [number, number])[] =>
    steps.map((point) => [point.step / stepsPerEpoch, value(point)]);
  const { each } = thinned(
    all(() => 0),
    mostPoints,
  );
  const mark = best && { at: best.epoch + 1, name: `best: epoch ${best.epoch + 1}` };
  const figures = (figure: "loss" | "accuracy"): readonly Line[] => {
    const faint = thinned(
      all((point) => point[figure]),
      mostPoints,
    ).points;
    const [style, name] = ["dots", "training"] as const;
    return [
      { name, colour: "train", style: "faint", points: faint },
      { name, colour: "train", style, points: epochs.map(({ epoch, train }) => [epoch + 1, train[figure]]) },
      {
        ...{ name: "validation", colour: "validation", style },
        points: epochs.flatMap(({ epoch, validation }) => (validation ? [[epoch + 1, validation[figure]]] : [])),
      } as Line,
    ];
  };
  const single = (name: string, value: (point: StepPoint) => number): readonly Line[] => [
    { name, colour: "plain", style: "line", points: thinned(all(value), mostPoints).points },
  ];
  const charts: readonly (Chart & { readonly caption: string })[] = [
    { title: "Loss", lines: figures("loss"), epochs: length, mark, caption: lossCaption(settings) },
    {
      title: "Accuracy",
      unit: "share",
      lines: [...figures("accuracy"), ...balancedLine(epochs)],
      epochs: length,
      mark,
      caption: accuracyCaption(settings, best?.by === "balanced accuracy"),
    },
    {
      ...{ title: "Learning rate", epochs: length, fromZero: true },
      lines: single("rate", ({ learningRate }) => learningRate),
      caption: "Of the parameters without a factor of their own.",
    },
    {
      ...{ title: "Gradient norm", epochs: length, fromZero: true },
      lines: single("norm", ({ gradientNorm }) => gradientNorm),
      caption: typeof settings.clipNorm === "number" ? `Before it is cut to ${settings.clipNorm}.` : "It is not cut.",
    },
  ];
  const thin = each > 1 ? ` Thin lines are means of ${each} steps.` : " Thin lines are single steps.";
  return `<section id="curves"><h2>Curves</h2>
<p class="quiet">Dots are means of an epoch, at its end.${thin}${mark ? ` The dashed line is the ${escaped(mark.name.replace("best: ", "best "))}, whose weights were kept: the best by ${best!.by} on the validation images.` : ""}</p>
<div class="charts">${charts.map(({ caption, ...chart }) => `<figure class="card"><h3>${chart.title}</h3>${chartSvg(chart)}<figcaption>${escaped(caption)}</figcaption></figure>`).join("\n")}</div></section>`;
}

function lossCaption({ labelSmoothing }: ReportContent["settings"]): string {
  return typeof labelSmoothing === "number" && labelSmoothing > 0
    ? `Cross-entropy. The training's is against labels smoothed by ${labelSmoothing}, so the two lines are no measure of the same thing.`
    : "Cross-entropy.";
}

/** Where it is another figure than the accuracy. */
function balancedLine(epochs: readonly EpochPoint[]): readonly Line[] {
  const points = epochs.flatMap(({ epoch, validation: { balancedAccuracy } = {} }) =>
    balancedAccuracy === undefined ? [] : [[epoch + 1, balancedAccuracy] as const],
  );
  return points.length === 0 ? [] : [{ name: "balanced", colour: "plain", style: "dots", points }];
}

function accuracyCaption({ mixup, cutmix }: ReportContent["settings"], isBalanced: boolean): string {
  const mixed = [mixup, cutmix].some((alpha) => typeof alpha === "number" && alpha > 0);
  const training = mixed
    ? "Training accuracy is measured on mixed and augmented images while the weights change, which makes it lower than it would be on the images themselves."
    : "Training accuracy is measured on augmented images while the weights change.";
  return isBalanced
    ? `${training} Balanced accuracy is the mean over the classes of each one's validation accuracy.`
    : training;
}
