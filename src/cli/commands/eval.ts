/** `vitrine eval MODEL DATA`: how good a model is on labelled images, or on texts. */

import { sampled } from "../../data/datasets/subset.ts";
import type { Views } from "../../tasks/augmented.ts";
import { type DatasetEvaluation, evaluateDataset } from "../../tasks/evaluate-node.ts";
import type { Context } from "../context.ts";
import { judgedData } from "../eval-data.ts";
import { loadModel, type ModelOptions } from "../model.ts";
import { counted, percent } from "../numbers.ts";
import { right, table } from "../table.ts";
import { wordsFolder } from "../words.ts";

export interface EvalOptions extends ModelOptions {
  readonly dataDir?: string | undefined;
  readonly workers: number;
  readonly limit?: number | undefined;
  readonly strict: boolean;
  readonly tta?: Views | undefined;
  /** Of texts. */
  readonly languages?: string | undefined;
  readonly beams: number;
}

/** Larger confusion matrices are listed by their largest entries instead. */
const widestMatrix = 20;

/** Prints accuracy, loss, the classes one by one and what was taken for what: of the images that `judgedData` chooses. */
export async function evalVerb(
  context: Context,
  [reference, data]: readonly [string, string],
  options: EvalOptions,
): Promise<undefined> {
  const { arch, dataDir, workers, limit, strict, tta } = options;
  const words = arch === undefined ? await wordsFolder(context, reference) : undefined;
  if (words) return (await import("./eval-words.ts")).evalWords(context, data, { ...options, ...words });
  const { terminal, seed, signal } = context;
  const [{ dataset: whole, judged, learntFrom, remark }, pretrained, runtime] = await Promise.all([
    judgedData(reference, data, { dataDir, seed }),
    loadModel(context, reference, { arch }),
    context.runtime(),
  ]);
  const dataset = limit === undefined ? whole : sampled(whole, limit, seed);
  terminal.note(`evaluating ${pretrained.name} on ${dataset.name} (${counted(dataset.length, "image")})`);
  const { classes } = dataset;
  if (pretrained.unnamedLabels && classes.length === pretrained.labels.length)
    terminal.note(
      `no file names the model's labels: they are taken for the classes in order, ${classes.slice(0, 5).join(", ")}${classes.length > 5 ? ", …" : ""}`,
    );
  const progress = await terminal.progress("evaluating", dataset.length);
  const started = performance.now();
  let evaluation: DatasetEvaluation;
  try {
    evaluation = await evaluateDataset(pretrained, dataset, runtime, {
      strict,
      workers,
      signal,
      views: tta,
      onProgress: (done) => {
        const perSecond = (1000 * done) / (performance.now() - started);
        progress.update(done, `${perSecond.toFixed(0)} images/s`);
      },
    });
  } finally {
    progress.stop();
  }
  for (const { file, reason } of evaluation.badFiles) terminal.warn(`skipped ${file || "an image"}: ${reason}`);
  const seconds = (performance.now() - started) / 1000;
  terminal.result(
    { model: pretrained.name, data: dataset.name, judged, learntFrom, seconds, ...evaluation },
    evaluationText(evaluation, [`${pretrained.name} on ${dataset.name}`, ...(remark ? [remark] : [])].join("\n")),
  );
  return undefined;
}

/** An evaluation for people. */
export function evaluationText(evaluation: DatasetEvaluation, title: string): string {
  const { count, correct, accuracy, top5, loss, classes, confusion, badFiles } = evaluation;
  const share = (value: number): string => (Number.isNaN(value) ? "-" : percent(value, 1));
  const seen = classes.filter(({ support }) => support > 0);
  const perClass = table(
    ["class", right("images"), right("recall"), right("precision")],
    seen.map(({ label, support, recall, precision }) => [label, support, share(recall), share(precision)]),
  );
  const skipped = badFiles.length > 0 ? `, ${badFiles.length} could not be read` : "";
  const labels = classes.map(({ label }) => label);
  return [
    title,
    "",
    table(
      ["accuracy", "top 5", "loss", "images"],
      [[percent(accuracy), percent(top5), loss.toFixed(4), `${count} (${correct} right${skipped})`]],
    ),
    perClass,
    labels.length <= widestMatrix ? matrixText(labels, confusion) : mistakesText(labels, confusion),
  ].join("\n");
}

function matrixText(labels: readonly string[], confusion: readonly (readonly number[])[]): string {
  const columns = ["is \\ called", ...labels.map((label) => right(label))];
  return table(
    columns,
    confusion.map((row, i) => [labels[i]!, ...row]),
  );
}

function mistakesText(labels: readonly string[], confusion: readonly (readonly number[])[]): string {
  const mistakes = confusion
    .flatMap((row, is) => row.map((times, called) => ({ is, called, times })))
    .filter(({ is, called, times }) => is !== called && times > 0)
    .sort((a, b) => b.times - a.times)
    .slice(0, widestMatrix);
  return table(
    ["is", "called", right("times")],
    mistakes.map(({ is, called, times }) => [labels[is]!, labels[called]!, times]),
  );
}
