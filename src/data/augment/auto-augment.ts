/**
 * Automatic augmentation in timm's notation: RandAugment, AugMix, AutoAugment, DeiT III's three changes, and torchvision's TrivialAugmentWide.
 *
 * Three steps, so that each can be seen and tested alone: a text is parsed to a policy, a policy and random numbers give changes with parameters, changes give an image.
 */

import type { RandomStream } from "../../graph/random.ts";
import type { Image } from "../image.ts";
import { symmetricBeta, symmetricDirichlet } from "../mix.ts";
import { applyChanges, type Change } from "./change.ts";
import { blend } from "./enhance.ts";
import { drawStep, type OperationName, type Step, type Surroundings } from "./operations.ts";
import type { AutoPolicy } from "./parse-policy.ts";
import { drawTrivial } from "./trivial.ts";

/** What happens to one image: changes one after the other, or several chains of changes mixed (AugMix). */
export type Drawing =
  | { readonly kind: "chain"; readonly changes: readonly Change[] }
  | {
      readonly kind: "mix";
      readonly chains: readonly (readonly Change[])[];
      /** Share of each chain in the mixture, adding up to 1. */
      readonly weights: readonly number[];
      /** Share of the mixture in the result; the rest is the image itself. */
      readonly share: number;
      /** The result is blended chain by chain in bytes (timm's `b1`), not added up first. */
      readonly blended: boolean;
    };

/** Draws what happens to one image. */
export function drawAutoAugment(policy: AutoPolicy, random: RandomStream, around: Surroundings): Drawing {
  const drawn = (steps: readonly Step[]): readonly Change[] =>
    steps.flatMap((step) => drawStep(step, random, around) ?? []);
  if (policy.kind === "trivial") return { kind: "chain", changes: drawTrivial(random) };
  const { deviation, largest } = policy;
  if (policy.kind === "auto") {
    const row = policy.rows[random.integer(policy.rows.length)]!;
    const steps = row.map(([name, probability, magnitude]) => ({ name, probability, magnitude, deviation, largest }));
    return { kind: "chain", changes: drawn(steps) };
  }
  const { magnitude, probability } = policy;
  const steps = (names: readonly OperationName[]): readonly Step[] =>
    names.map((name) => ({ name, probability, magnitude, deviation, largest }));
  if (policy.kind === "rand") return { kind: "chain", changes: drawn(steps(chooseOperations(policy, random))) };
  const { operations, width, depth, alpha, blended } = policy;
  const weights = symmetricDirichlet(alpha, width, random).map(Math.fround);
  const share = Math.fround(symmetricBeta(alpha, random));
  const chains = weights.map(() => {
    const length = depth > 0 ? depth : 1 + random.integer(3);
    return drawn(steps(Array.from({ length }, () => operations[random.integer(operations.length)]!)));
  });
  return { kind: "mix", chains, weights, share, blended };
}

/** RandAugment's choice: with repetition where all are as likely, without where they have weights (timm's `RandAugment`). */
function chooseOperations(
  { operations, weights, count }: Extract<AutoPolicy, { kind: "rand" }>,
  random: RandomStream,
): readonly OperationName[] {
  if (!weights) return Array.from({ length: count }, () => operations[random.integer(operations.length)]!);
  const left = operations.map((name, i) => ({ name, weight: weights[i]! }));
  return Array.from({ length: count }, () => {
    let rest = random.uniform() * left.reduce((sum, { weight }) => sum + weight, 0);
    const at = left.findIndex(({ weight }) => (rest -= weight) < 0);
    return left.splice(at < 0 ? left.length - 1 : at, 1)[0]!.name;
  });
}

/**
 * The changed image, of the same size, grey or RGB.
 * @param fill - the byte of each channel for what comes in from outside.
 */
export function applyDrawing(source: Image, drawing: Drawing, fill: readonly number[]): Image {
  if (drawing.kind === "chain") return applyChanges(source, drawing.changes, fill);
  const { chains, weights, share } = drawing;
  const { fround } = Math;
  if (drawing.blended) {
    // Shares of the blends one after the other that leave each chain with its own share in the end, in float32 as timm computes them.
    const shares = weights.map((weight) => fround(weight * share));
    let rest = 1;
    for (let i = shares.length - 1; i >= 0; i--) {
      shares[i] = fround(shares[i]! / rest);
      rest = fround(rest * fround(1 - shares[i]!));
    }
    return chains.reduce((mixed, chain, i) => blend(mixed, applyChanges(source, chain, fill), shares[i]!), source);
  }
  const sums = new Float32Array(source.data.length);
  chains.forEach((chain, k) => {
    const weight = fround(weights[k]!);
    const { data } = applyChanges(source, chain, fill);
    const products = Float32Array.from({ length: 256 }, (_, byte) => weight * byte);
    for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + products[data[i]!]!;
  });
  const mixed = new Uint8Array(sums.length);
  for (let i = 0; i < mixed.length; i++) mixed[i] = Math.min(255, sums[i]!);
  return blend(source, { ...source, data: mixed }, share);
}
