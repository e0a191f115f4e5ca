/** What recipes of every kind have in common: the ranges of settings, and how changes are checked. */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import type { Recipe } from "./recipe.ts";

/** A whole number from 1 up. */
export const count: v.GenericSchema<number> = v.pipe(v.number(), v.integer(), v.minValue(1));
/** Above 0. */
export const positive: v.GenericSchema<number> = v.pipe(v.number(), v.gtValue(0), v.finite());
/** From 0 up. */
export const atLeastZero: v.GenericSchema<number> = v.pipe(v.number(), v.minValue(0), v.finite());
/** In [0, 1). */
export const belowOne: v.GenericSchema<number> = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
/** In [0, 1]. */
export const share: v.GenericSchema<number> = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** [least, greatest]. */
export const range: v.GenericSchema<[number, number]> = v.pipe(
  v.tuple([positive, positive]),
  v.check(([low, high]) => low <= high, "the first must not exceed the second"),
);

/** Settings that recipes of images and of words share. */
export type Optimization = Pick<
  Recipe,
  | "epochs"
  | "accumulate"
  | "recompute"
  | "optimizer"
  | "momentum"
  | "betas"
  | "learningRate"
  | "minLearningRate"
  | "decayEpochs"
  | "decayRate"
  | "warmupEpochs"
  | "weightDecay"
  | "clipNorm"
  | "ema"
  | "emaWarmup"
  | "patience"
  | "labelSmoothing"
>;

/** Their ranges. */
export const optimization: { readonly [K in keyof Optimization]: v.GenericSchema<Optimization[K]> } = {
  epochs: count,
  accumulate: count,
  recompute: v.boolean(),
  optimizer: v.picklist(["adamw", "adam", "sgd", "lamb", "lion", "muon"]),
  momentum: v.nullable(belowOne),
  betas: v.nullable(v.tuple([belowOne, belowOne])),
  learningRate: positive,
  minLearningRate: atLeastZero,
  decayEpochs: positive,
  decayRate: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  warmupEpochs: atLeastZero,
  weightDecay: atLeastZero,
  clipNorm: v.nullable(positive),
  ema: v.nullable(belowOne),
  emaWarmup: v.boolean(),
  patience: v.nullable(count),
  labelSmoothing: belowOne,
};

/**
 * A recipe from a base and changes to it; changes without a value count for nothing.
 * @param place where the changes come from, for messages
 * @throws {VitrineError} INVALID_ARGUMENT naming the first setting that is unknown or out of range.
 */
export function changed<R extends object>(
  schema: v.GenericSchema<unknown, R>,
  base: R,
  changes: Readonly<Record<string, unknown>>,
  place: string,
): R {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const result = v.safeParse(schema, { ...base, ...given });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `${v.getDotPath(issue) ?? "the recipe"}: ${issue.message}`,
    place,
    next: `settings are ${Object.keys(base).join(", ")}`,
  });
}
