/** Numbers of explanations that timm and torch gave, and the models they are of. Made by tools/explain-golden.py. */

import { readFileSync } from "node:fs";
import type { Preprocessing } from "../../src/data/preprocess.ts";
import type { JsonObject } from "../../src/models/json.ts";
import { timmOptions } from "../../src/models/vit/config-timm.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { drawn } from "../models/drawn.ts";

interface Case {
  readonly config: JsonObject;
  readonly options: { readonly choose?: number; readonly fusion?: "max"; readonly discard?: number };
  readonly class: number;
  readonly logits: readonly number[];
  /** Second head of the last block, from the token that the model reads. */
  readonly attention: readonly number[];
  readonly relevance: readonly number[];
  readonly rollout: readonly number[];
  readonly gradCam: readonly number[];
  /** Per patch. */
  readonly integratedGradients: readonly number[];
}

export const cases: Readonly<Record<string, Case>> = JSON.parse(
  readFileSync(new URL("golden/explain.json", import.meta.url), "utf8"),
);

/** Bytes 0 … 255 for numbers of about −5 … 5, the range of the drawn images. */
export const plain: Omit<Preprocessing, "inputSize"> = {
  resize: null,
  filter: "bicubic",
  crop: null,
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.1, 0.1, 0.1],
};

/** The model of a case. */
export function modelOf({ config }: Pick<Case, "config">): ViT {
  const model = new ViT(timmOptions(config));
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  return model;
}

/** The model of a case with all that `explainImage` needs. */
export function pretrainedOf(name: string): Pick<Pretrained, "name" | "model" | "preprocessing" | "labels"> {
  const model = modelOf(cases[name]!);
  const [height, width] = model.config.imageSize;
  return {
    name,
    model,
    preprocessing: { ...plain, inputSize: [3, height, width] },
    labels: ["ant", "bee", "cat", "dog", "elk"],
  };
}
