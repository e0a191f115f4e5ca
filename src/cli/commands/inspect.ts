/** `vitrine inspect DATA`: what a data set is like. */

import type { Dataset } from "../../data/datasets/dataset.ts";
import { skippedKinds } from "../../data/datasets/skipped.ts";
import { openDataset } from "../../data/open-node.ts";
import { type CrossValidation, findingsOf, judgeLabels, type LabelSuspect } from "../../inspect/index.ts";
import type { Context } from "../context.ts";
import { countsText, findingLines, skippedText } from "../data-notes.ts";
import { trainingFeatures } from "../first-head.ts";
import { loadModel, type ModelOptions } from "../model.ts";
import { percent } from "../numbers.ts";
import { lookAt } from "../train-data.ts";

export interface InspectOptions extends ModelOptions {
  readonly from?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly workers: number;
  readonly examples: number;
}

/** Prints counts, sizes and classes, and what somebody should look at. */
export async function inspectVerb(
  context: Context,
  [data]: readonly [string],
  { from, arch, dataDir, workers, examples }: InspectOptions,
): Promise<undefined> {
  const { terminal, seed } = context;
  const parts = await openDataset(data, { dataDir, seed });
  const pretrained = from === undefined ? undefined : await loadModel(context, from, { arch });
  const inspection = await lookAt(context, parts);
  let suspects: readonly LabelSuspect[] = [];
  let probe: Pick<CrossValidation, "accuracy" | "balancedAccuracy"> | undefined;
  if (pretrained) {
    const features = await trainingFeatures(context, pretrained, parts.train, workers);
    const train = inspection.groups.get("train")!;
    const groups = Int32Array.from(features.indices, (index) => train[index]!);
    const judged = judgeLabels(features, { seed, groups });
    suspects = judged.suspects.map((one) => ({ ...one, index: features.indices[one.index]! }));
    probe = judged.probe;
  }
  const findings = findingsOf(inspection, suspects);
  const skipped = skippedKinds(Object.values(parts).flatMap((part: Dataset) => part.skipped ?? []));
  const { classes, splits, unreadable, copies } = inspection;
  const probeText =
    probe === undefined
      ? "labels were not judged: that takes the features of a trained model (--from REF)"
      : `a linear head on what ${pretrained!.name} sees gets ${percent(probe.accuracy, 1)} of unseen training images right; averaged over the classes ${percent(probe.balancedAccuracy, 1)}`;
  terminal.result(
    {
      data: parts.train.name,
      classes,
      splits,
      unreadable,
      skipped,
      copies,
      suspects,
      probeAccuracy: probe?.accuracy ?? null,
      probeBalancedAccuracy: probe?.balancedAccuracy ?? null,
      findings,
    },
    [
      countsText(inspection),
      ...skipped.map((kind) => `- ${skippedText(kind)}`),
      ...(findings.length > 0 ? findingLines(findings, examples) : ["nothing to complain about"]),
      "",
      probeText,
    ].join("\n"),
  );
  return undefined;
}
