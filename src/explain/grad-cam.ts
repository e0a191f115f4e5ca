/** Grad-CAM: features of the patches, weighed by how much each feature raises one class' logit. */

import { VitrineError } from "../errors.ts";
import { grad } from "../gradient/index.ts";
import { slice, type Tensor } from "../tensor/index.ts";
import type { ExplanationMap } from "./explanation.ts";
import type { Question, Seen } from "./look.ts";
import type { FeatureMap, Subject } from "./subject.ts";

/**
 * Asks for the last map of features, [b, h, w, d], or the tokens that enter the last block, [b, n, d], and the logit's gradient there.
 *
 * Not the tokens that leave it: behind the last attention nothing carries patches to a class token, and their gradient is zero.
 */
export function gradCamQuestion({ stages }: Pick<Subject, "stages">): Question {
  const last = stages.at(-1);
  return last ? ofMap(last) : ofTokens;
}

function ofMap({ tap: name, order }: FeatureMap): Question {
  return ({ tap, logit }) => {
    const map = tap(name);
    const [gradient] = grad(logit, [map]);
    const ordered = (x: Tensor): Tensor => (order === "channels first" ? x.transpose([0, 2, 3, 1]) : x);
    return { features: ordered(map), gradient: ordered(gradient!) };
  };
}

const ofTokens: Question = ({ attention, tap, logit, prefix }) => {
  const blocks = attention.length;
  const tokens = tap(blocks > 1 ? `blocks.${blocks - 2}` : "tokens");
  const [gradient] = grad(logit, [tokens]);
  return { features: slice(tokens, 1, prefix), gradient: slice(gradient!, 1, prefix) };
};

/**
 * (Σ_k α_k F_k)⁺ with α_k = mean over the places of ∂y/∂F_k.
 * @throws {VitrineError} RUNTIME_FAILURE when no place has a gradient, so that a map would be empty.
 * @source Selvaraju et al., "Grad-CAM", arXiv:1610.02391, equations (1), (2); tokens stand for places of the map
 */
export function gradCamMap({ answers, grid }: Seen): ExplanationMap {
  const { shape } = answers.features!;
  const [rows, cols] = shape.length === 4 ? [shape[1]!, shape[2]!] : grid;
  const [features, gradient] = [answers.features!.data as Float32Array, answers.gradient!.data as Float32Array];
  const places = rows * cols;
  const width = features.length / places;
  const weights = new Float64Array(width);
  for (let i = 0; i < gradient.length; i++) weights[i % width]! += gradient[i]! / places;
  if (weights.every((weight) => weight === 0))
    throw new VitrineError("RUNTIME_FAILURE", {
      rule: "grad-cam: the logit must depend on the features",
      evidence: "their gradient is zero everywhere",
    });
  const values = Float32Array.from({ length: places }, (_, place) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += weights[k]! * features[place * width + k]!;
    return Math.max(sum, 0);
  });
  return { name: "grad-cam", rows, cols, values, outside: 0 };
}
