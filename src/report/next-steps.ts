/** What to do next: rules that read the report, each with the numbers that it rests on. */

import { wilsonInterval } from "../tasks/metrics.ts";
import type { ReportContent } from "./content.ts";
import { counted, decimal, duration, percent } from "./text.ts";

/** Advice, and what it rests on. */
export interface NextStep {
  /** Name of the rule. */
  readonly rule: string;
  /** What to do. */
  readonly advice: string;
  /** The numbers of this run that say so. */
  readonly evidence: string;
}

type Rule = (content: ReportContent) => Omit<NextStep, "rule"> | undefined;

/** A question that a rule asks of every run, in the order of the report. */
export const rules: Readonly<Record<string, Rule>> = {
  /** Less than five points on either side can be told apart by few changes. */
  "enough images to judge by": ({ evaluation: { correct, count }, data }) => {
    const [low, high] = wilsonInterval(correct, count);
    if (high - low <= 0.1) return undefined;
    return {
      advice: `Set more ${data.judged} aside before you compare variants of this model.`,
      evidence: `with ${counted(count, "image")} the true accuracy lies between ${percent(low)} and ${percent(high)} (95 %); about ${counted(imagesFor(correct / count), "image")} would bring that to ± 2.5 points`,
    };
  },
  "labels that may be wrong": ({ mistakes }) => {
    const sure = mistakes.filter(({ confidence }) => confidence >= 0.9);
    if (sure.length === 0) return undefined;
    return {
      advice:
        "Look at the most confident mistakes below: such pictures are often labelled wrongly, or show two things.",
      evidence: `${counted(sure.length, "mistake")} with a probability of 90 % or more, the first ${sure[0]!.name} (${percent(sure[0]!.confidence)})`,
    };
  },
  "two classes that are mixed up": ({ evaluation: { confusion }, mistakes, data: { classes } }) => {
    if (classes.length < 3 || mistakes.length < 5) return undefined;
    let [a, b, most] = [0, 0, 0];
    for (let i = 0; i < classes.length; i++)
      for (let j = i + 1; j < classes.length; j++) {
        const times = confusion[i]![j]! + confusion[j]![i]!;
        if (times > most) [a, b, most] = [i, j, times];
      }
    if (most < 3 || most / mistakes.length < 0.25) return undefined;
    return {
      advice: `Add pictures that tell ${classes[a]} from ${classes[b]}, or ask whether they should be one class.`,
      evidence: `${most} of ${counted(mistakes.length, "mistake")} are between these two`,
    };
  },
  "classes with few pictures": ({ data: { trainCounts, classes }, evaluation }) => {
    const least = trainCounts.reduce((best, n, i) => (n < trainCounts[best]! ? i : best), 0);
    const most = Math.max(...trainCounts);
    const { recall } = evaluation.classes[least]!;
    if (most < 3 * trainCounts[least]! || !(recall < evaluation.accuracy)) return undefined;
    return {
      advice: `Collect more pictures of ${classes[least]}, or sample the classes evenly.`,
      evidence: `${counted(trainCounts[least]!, "picture")} to learn from, the largest class has ${most}; its recall is ${percent(recall)}, all together ${percent(evaluation.accuracy)}`,
    };
  },
  /** Only where chance does not explain the gap, and the training images are known well. */
  "learned by heart": ({ history: { epochs, best }, data, evaluation }) => {
    const kept = epochs.find(({ epoch }) => epoch === best?.epoch) ?? epochs.at(-1);
    if (!kept?.validation) return undefined;
    const gap = kept.train.accuracy - kept.validation.accuracy;
    const images = data.validationImages ?? evaluation.count;
    const [low, high] = wilsonInterval(Math.round(kept.validation.accuracy * images), images);
    if (gap < 0.1 || kept.train.accuracy < 0.9 || kept.train.accuracy <= high) return undefined;
    return {
      advice: "Augment more strongly, raise the weight decay or stochastic depth, or add pictures.",
      evidence: `training accuracy ${percent(kept.train.accuracy)} (on augmented images), validation ${percent(kept.validation.accuracy)} in epoch ${kept.epoch + 1} (of ${counted(images, "image")}: between ${percent(low)} and ${percent(high)}, 95 %)`,
    };
  },
  "trained too long": ({ history: { epochs, best } }) => {
    const last = epochs.at(-1)?.validation;
    const least = epochs.reduce(
      (low, { validation }) => Math.min(low, validation?.loss ?? low),
      Number.POSITIVE_INFINITY,
    );
    if (!last || !best || epochs.length < 5 || best.epoch > 0.6 * epochs.length || last.loss < 1.15 * least)
      return undefined;
    return {
      advice: `Train for about ${best.epoch + 1} epochs, or regularise more.`,
      evidence: `best in epoch ${best.epoch + 1} of ${epochs.length}; the validation loss rose from ${decimal(least)} to ${decimal(last.loss)}`,
    };
  },
  "not yet done": ({ history: { epochs, best, seconds } }) => {
    const [before, last] = [
      epochs.at(-Math.max(2, Math.ceil(epochs.length / 5)))?.validation,
      epochs.at(-1)?.validation,
    ];
    if (!before || !last || best?.epoch !== epochs.at(-1)!.epoch || last.loss > 0.95 * before.loss) return undefined;
    return {
      advice: `Train for longer: twice the epochs take about ${duration(2 * seconds)}.`,
      evidence: `the last epoch is the best, and the validation loss still fell from ${decimal(before.loss)} to ${decimal(last.loss)} over the last ${Math.max(2, Math.ceil(epochs.length / 5))} epochs`,
    };
  },
  "learned too little": ({ history: { epochs, best } }) => {
    const kept = epochs.find(({ epoch }) => epoch === best?.epoch);
    if (!kept?.validation || best!.epoch < 0.8 * epochs.length - 1) return undefined;
    const { train, validation } = kept;
    if (validation.accuracy >= 0.9 || train.accuracy > validation.accuracy + 0.05) return undefined;
    return {
      advice: "Give it more: epochs, a higher learning rate, a larger model, or weaker augmentation.",
      evidence: `it does not even fit what it learned from: training accuracy ${percent(train.accuracy)} (on augmented images), validation ${percent(validation.accuracy)}, best in epoch ${best!.epoch + 1} of ${epochs.length}`,
    };
  },
  "weights of others": ({ model, data: { trainCounts }, evaluation }) => {
    const images = trainCounts.reduce((sum, n) => sum + n, 0);
    if (model.from !== undefined || images >= 10_000 || evaluation.accuracy >= 0.98) return undefined;
    return {
      advice: "Begin with published weights (--from): they help most where pictures are few.",
      evidence: `random weights, ${counted(images, "image")} to learn from, accuracy ${percent(evaluation.accuracy)}`,
    };
  },
  "probabilities that can be believed": ({ calibration, temperature }) => {
    const { ece, nll } = temperature.heldOut;
    if (temperature.atBound || calibration.ece < 0.03 || ece >= 0.9 * calibration.ece || nll >= calibration.nll)
      return undefined;
    const sure = temperature.temperature > 1 ? "too sure" : "not sure enough";
    return {
      advice: `Divide the logits by ${decimal(temperature.temperature, 2)} before the softmax: the model is ${sure}. Labels do not change.`,
      evidence: `on pictures that the number was not chosen by, the calibration error falls from ${percent(calibration.ece)} to ${percent(ece)} and the loss from ${decimal(calibration.nll)} to ${decimal(nll)}`,
    };
  },
  "files that cannot be read": ({ data: { unreadable } }) =>
    unreadable.length === 0
      ? undefined
      : {
          advice: "Replace or remove the files that cannot be read.",
          evidence: `${counted(unreadable.length, "file")}, the first ${unreadable[0]!.file}: ${unreadable[0]!.reason}`,
        },
};

/** The rules that have something to say. */
export function nextSteps(content: ReportContent): readonly NextStep[] {
  return Object.entries(rules).flatMap(([rule, ask]) => {
    const found = ask(content);
    return found ? [{ rule, ...found }] : [];
  });
}

/** Pictures after which an accuracy is known to ± 2.5 points, rounded up to hundreds. */
function imagesFor(accuracy: number): number {
  const share = Math.min(Math.max(accuracy, 0.05), 0.95);
  return Math.ceil((share * (1 - share) * (1.96 / 0.025) ** 2) / 100) * 100;
}
