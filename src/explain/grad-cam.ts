/** Grad-CAM: features of the patches, weighed by how much each feature raises one class' logit. */

import { VitrineError } from "../errors.ts";
import { grad } from "../gradient/index.ts";
import { slice } from "../tensor/index.ts";
import type { ExplanationMap } from "./explanation.ts";
import type { Question, Seen } from "./look.ts";

/**
 * Asks for the tokens that enter the last block, [b, n, d], and the logit's gradient there.
 *
 * Not those that leave it: behind the last attention nothing carries patches to a class token, and their gradient is zero.
 */
export const gradCamQuestion: Question = ({ attention, tap, logit, prefix }) => {
  const blocks = attention.length;
  const tokens = tap(blocks > 1 ? `blocks.${blocks - 2}` : "tokens");
  const [gradient] = grad(logit, [tokens]);
  return { features: slice(tokens, 1, prefix), gradient: slice(gradient!, 1, prefix) };
};

/**
 * (Σ_k α_k F_k)⁺ with α_k = mean over the patches of ∂y/∂F_k.
 * @throws {VitrineError} RUNTIME_FAILURE when no patch has a gradient, so that a map would be empty.
 * @source Selvaraju et al., "Grad-CAM", arXiv:1610.02391, equations (1), (2); tokens stand for pixels of the feature map
 */
export function gradCamMap({ answers, grid: [rows, cols] }: Seen): ExplanationMap {
  const [features, gradient] = [answers.features!.data as Float32Array, answers.gradient!.data as Float32Array];
  const patches = rows * cols;
  const width = features.length / patches;
  const weights = new Float64Array(width);
  for (let i = 0; i < gradient.length; i++) weights[i % width]! += gradient[i]! / patches;
  if (weights.every((weight) => weight === 0))
    throw new VitrineError("RUNTIME_FAILURE", {
      rule: "grad-cam: the logit must depend on the patches",
      evidence: "their gradient is zero everywhere",
    });
  const values = Float32Array.from({ length: patches }, (_, patch) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += weights[k]! * features[patch * width + k]!;
    return Math.max(sum, 0);
  });
  return { name: "grad-cam", rows, cols, values, outside: 0 };
}
