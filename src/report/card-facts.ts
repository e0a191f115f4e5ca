/** What a report's figures say on a model's card. */

import type { CardFacts } from "../pretrained/card.ts";
import { wilsonInterval } from "../tasks/metrics.ts";
import type { ReportContent } from "./content.ts";
import { counted, percent } from "./text.ts";

/** Training, measured accuracy and limits. */
export function cardFacts(content: ReportContent): Pick<CardFacts, "from" | "training" | "accuracy" | "limits"> {
  const { title, model, data, settings, history, environment, evaluation, calibration } = content;
  const { correct, count, loss } = evaluation;
  return {
    from: model.from,
    training: {
      data: title,
      images: data.trainCounts.reduce((sum, n) => sum + n, 0),
      epochs: history.epochs.length,
      seconds: history.seconds,
      settings,
      environment,
    },
    accuracy: {
      ...{ data: title, judged: data.judged, chosenBy: data.chosenBy, correct, count, loss },
      interval: wilsonInterval(correct, count),
      calibrationError: calibration.ece,
    },
    limits: limitsOf(content),
  };
}

/** The classes that it knows worst, and the two that it mixes up most. */
function limitsOf({ evaluation, mistakes, data }: ReportContent): readonly string[] {
  const { classes, confusion, accuracy } = evaluation;
  const weak = classes
    .filter(({ recall }) => recall < accuracy - 0.05)
    .sort((a, b) => a.recall - b.recall)
    .slice(0, 5);
  const pairs = confusion.flatMap((row, is) => row.map((times, given) => ({ is, given, times })));
  const worst = pairs.filter(({ is, given }) => is !== given).sort((a, b) => b.times - a.times)[0];
  return [
    ...(weak.length > 0
      ? [
          `It finds these classes least often: ${weak.map(({ label, recall }) => `${label} (${percent(recall)})`).join(", ")}.`,
        ]
      : []),
    ...(worst && worst.times > 1
      ? [
          `Its most frequent mistake is to call ${data.classes[worst.is]} ${data.classes[worst.given]}: ${worst.times} of ${counted(mistakes.length, "mistake")}.`,
        ]
      : []),
  ];
}
