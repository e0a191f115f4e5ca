/** A model's answers to all pictures of a data set, kept. Node only. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { openLoader } from "../data/loader-node.ts";
import { VitrineError } from "../errors.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Answers } from "../tasks/calibration.ts";
import { classifier } from "../tasks/classify.ts";
import { type Evaluation, evaluate, type LabelledBatch, matchLabels } from "../tasks/evaluate.ts";
import type { Mistake } from "./content.ts";
import { withoutCommonFolder } from "./text.ts";

/** Answers, and what they come to. */
export interface Predictions {
  readonly evaluation: Evaluation;
  readonly answers: Answers;
  /** The most confident first. */
  readonly mistakes: readonly Mistake[];
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
}

/** How a data set is read. */
export interface PredictOptions {
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a model about all pictures of a data set.
 * @throws {VitrineError} DATA_PROBLEM for classes that the model does not know or no readable picture; INTERRUPTED.
 */
export async function predictDataset(
  pretrained: Pretrained,
  dataset: Dataset,
  runtime: Runtime,
  { workers = 1, signal }: PredictOptions = {},
): Promise<Predictions> {
  const toLabel = matchLabels(dataset, pretrained);
  const { preprocessing } = pretrained;
  const plan = { preprocessing, batchSize: 16, shuffle: false, dropLast: false, seed: 0 };
  const loader = openLoader(dataset, plan, { workers, strict: false });
  const model = await classifier(pretrained, runtime);
  const [logits, labels]: [Float32Array[], number[]] = [[], []];
  const pictures: { readonly name: string; readonly index: number }[] = [];
  async function* batches(): AsyncGenerator<LabelledBatch> {
    for await (const batch of loader.epoch(0)) {
      if (signal?.aborted) throw new VitrineError("INTERRUPTED", { rule: "stopped on request" });
      yield batch;
      for (const [i, label] of batch.labels.entries()) {
        const index = batch.indices[i]!;
        labels.push(toLabel[label]!);
        pictures.push({ name: batch.files[i] || `picture ${index} of ${dataset.name}`, index });
      }
    }
  }
  try {
    const kept: typeof model.logitsOfInputs = async (inputs) => {
      const result = await model.logitsOfInputs(inputs);
      logits.push((result.data as Float32Array).slice());
      return result;
    };
    const evaluation = await evaluate(batches(), kept, pretrained.labels, toLabel);
    const classes = pretrained.labels.length;
    const answers: Answers = { logits: joined(logits), labels, classes };
    const unreadable = loader.badFiles.map(({ file, reason }) => ({ file, reason }));
    const names = withoutCommonFolder(pictures.map(({ name }) => name));
    const named = pictures.map(({ index }, i) => ({ index, name: names[i]! }));
    return { evaluation, answers, mistakes: mistakesOf(answers, named), unreadable };
  } finally {
    await Promise.all([model.dispose(), loader.close()]);
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function mistakesOf(
  { logits, labels, classes }: Answers,
  pictures: readonly { readonly name: string; readonly index: number }[],
): readonly Mistake[] {
  return pictures
    .flatMap((picture, i) => {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      const given = row.reduce((best, logit, j) => (logit > row[best]! ? j : best), 0);
      const is = labels[i]!;
      if (given === is) return [];
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - row[given]!), 0);
      return [
        { ...picture, is, given, confidence: 1 / total, rightProbability: Math.exp(row[is]! - row[given]!) / total },
      ];
    })
    .sort((a, b) => b.confidence - a.confidence || a.index - b.index);
}
