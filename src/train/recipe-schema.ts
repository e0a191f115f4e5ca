/** What recipes of every kind have in common: the ranges of settings, and how changes are checked. */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import { editDistance } from "../models/families.ts";
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
  const unknown = Object.keys(given).find((name) => !(name in base));
  if (unknown !== undefined) throw unknownSetting(unknown, Object.keys(base), place);
  const issue = result.issues[0];
  const name = String(issue.path?.[0]?.key ?? "the recipe");
  const value = given[name];
  const { entries = {} } = schema as { readonly entries?: Readonly<Record<string, v.GenericSchema>> };
  const isOwnRule = issue.type === "check" || issue.type === "raw_check" || !entries[name];
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: isOwnRule ? `${name}: ${issue.message}` : `${name} must be ${allowed(entries[name]!)}`,
    evidence: `got ${typeof value === "number" ? value : JSON.stringify(value)}`,
    place,
  });
}

function unknownSetting(name: string, known: readonly string[], place: string): VitrineError {
  const distances = known.map((one) => ({ one, changes: editDistance(name.toLowerCase(), one.toLowerCase()) }));
  const [nearest] = distances.sort((a, b) => a.changes - b.changes);
  const isNear = nearest && nearest.changes <= nearest.one.length / 3;
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `unknown setting ${name}`,
    place,
    next: isNear ? `did you mean ${nearest.one}?` : `settings are ${known.join(", ")}`,
  });
}

/** The parts of a schema that recipes use. */
interface Described {
  readonly type: string;
  readonly wrapped?: Described;
  readonly items?: readonly Described[];
  readonly options?: readonly string[];
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown }[];
}

/** What a schema allows, in words: `a number from 0 to below 1`. */
function allowed(schema: unknown): string {
  const { type, wrapped, items, options, pipe = [] } = schema as Described;
  switch (type) {
    case "nullable":
      return `${allowed(wrapped)}, or null`;
    case "tuple":
      return `a list of ${items!.map(allowed).join(" and ")}`;
    case "picklist":
      return options!
        .map((option) => JSON.stringify(option))
        .join(", ")
        .replace(/, ([^,]*)$/, " or $1");
    case "boolean":
      return "true or false";
    case "array":
      return "a list of one text or more";
    case "string":
      return "a text";
  }
  const bound = (kind: string): unknown => pipe.find((each) => each.type === kind)?.requirement;
  const [least, above, most, below] = [bound("min_value"), bound("gt_value"), bound("max_value"), bound("lt_value")];
  const lower =
    above !== undefined ? `above ${above}` : (most ?? below !== undefined) ? `from ${least}` : `of at least ${least}`;
  const to = above !== undefined ? " and" : " to";
  const upper =
    most !== undefined
      ? `${to}${above !== undefined ? " at most" : ""} ${most}`
      : below !== undefined
        ? `${to} below ${below}`
        : "";
  return `a ${pipe.some((each) => each.type === "integer") ? "whole " : ""}number ${lower}${upper}`;
}
