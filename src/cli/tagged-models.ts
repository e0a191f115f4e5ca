/** Published masked autoencoders, as `vitrine models` lists them and shows one. */

import type { TaggedModel } from "../models/family.ts";
import { createModel, modelNamed, taggedModels } from "../models/registry.ts";
import { summary, summaryText } from "../nn/summary.ts";
import type { Context } from "./context.ts";
import { grouped } from "./numbers.ts";
import { right, table } from "./table.ts";

/** What is told of one in the list. */
export interface TaggedSummary {
  readonly name: string;
  /** Of the classifier that it was fine-tuned to. */
  readonly parameters: number;
  /** Percent of ImageNet-1k's validation images, fine-tuned. */
  readonly top1: number | undefined;
  readonly hub: readonly string[];
}

/** All of them. */
export function taggedSummaries(): readonly TaggedSummary[] {
  return taggedModels().map(({ tagged, published, hub }) => {
    return { name: tagged, parameters: createModel(tagged).parameterCount(), top1: published.top1, hub };
  });
}

/** The list for people. */
export function taggedText(summaries: readonly TaggedSummary[]): string {
  const columns = ["masked autoencoder", right("Mparams"), right("fine-tuned top-1 %"), "weights"];
  const rows = summaries.map(({ name, parameters, top1, hub }) => [
    name,
    (parameters / 1e6).toFixed(1),
    top1 ?? "",
    hub[0]!,
  ]);
  return `${table(columns, rows)}Pre-trained without labels: \`vitrine train --from\` gives them a head. Accuracies are the authors', after fine-tuning on ImageNet-1k.\n`;
}

/** Whether a name has the tag of one. */
export function isTagged(name: string): boolean {
  return taggedModels().some(({ tagged }) => tagged === name);
}

/** Prints one in full. */
export function showTagged({ terminal }: Context, asked: string): void {
  const { name, hub, preprocessing, published } = modelNamed(asked) as TaggedModel;
  const model = createModel(asked);
  const rows = summary(model, [1, model.config.channels, ...model.config.imageSize]);
  const parameters = model.parameterCount();
  const { mean, std, crop_pct: crop, interpolation, input_size: input } = preprocessing;
  const facts: readonly (readonly [string, string])[] = [
    ["what", "masked autoencoder: its encoder, and the classifier that the authors fine-tuned from it"],
    ["parameters", `${grouped(parameters)} with a head of 1000 classes`],
    ["multiply-adds of one image", `${(Number(rows[0]!.flops) / 2e9).toFixed(2)} G`],
    ["input", `${input.join(" × ")} pixels`],
    ["preprocessing", `centre crop ${crop}, ${interpolation}, mean ${mean.join(" ")}, std ${std.join(" ")}`],
    ["ImageNet-1k top-1", `${published.top1} % fine-tuned; the pre-trained encoder has no head`],
    ["weights", `${hub.join(", ")} on the hub, or the authors' files with --arch ${asked}`],
    ["with its decoder", `${hub[0]}: \`vitrine explain IMAGE --model ${hub[0]}\` shows what it paints`],
  ];
  terminal.result(
    { name: asked, architecture: name, parameters, config: model.config, preprocessing, published, hub },
    `${asked}\n${table(["", ""], facts)}\n${summaryText(rows, 2)}`,
  );
}
