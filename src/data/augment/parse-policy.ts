/** timm's notation of augmentation policies (`rand-m9-mstd0.5-inc1`), parsed to plain data. */

import { VitrineError } from "../../errors.ts";
import type { OperationName } from "./operations.ts";
import {
  augmixOperations,
  autoPolicies,
  type PolicyStep,
  randIncreasingOperations,
  randOperations,
  randWeights,
  threeOperations,
  threeWeights,
} from "./policies.ts";

/** A policy. `deviation` and `largest` are those of `Step`. */
export type AutoPolicy =
  | {
      readonly kind: "rand";
      readonly operations: readonly OperationName[];
      /** Weights of choice; without them all are as likely. */
      readonly weights?: readonly number[] | undefined;
      /** Operations for each image. */
      readonly count: number;
      readonly magnitude: number;
      readonly probability: number;
      readonly deviation: number;
      readonly largest: number;
    }
  | {
      readonly kind: "augmix";
      readonly operations: readonly OperationName[];
      readonly magnitude: number;
      readonly probability: 1;
      readonly deviation: number;
      readonly largest: number;
      /** Number of chains. */
      readonly width: number;
      /** Operations of a chain; 0 or less draws 1 to 3. */
      readonly depth: number;
      /** α of the Dirichlet and the Beta distribution of the shares. */
      readonly alpha: number;
      readonly blended: boolean;
    }
  | {
      readonly kind: "auto";
      readonly rows: readonly (readonly PolicyStep[])[];
      readonly deviation: number;
      readonly largest: number;
    }
  | { readonly kind: "trivial" };

const notation =
  "write rand-m9-mstd0.5-inc1, augmix-m3-w3, v0, v0r, original, originalr or 3a, as timm does, or ta_wide, as torchvision does";

function fail(text: string, evidence: string, next: string = notation): never {
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "automatic augmentation must be a policy in timm's notation",
    evidence: `${evidence} in ${JSON.stringify(text)}`,
    next,
  });
}

type Kind = "integer" | "number";

/** The settings after the policy's name, each a key and a number; `known` says which kind. */
function settingsOf<K extends string>(
  text: string,
  parts: readonly string[],
  known: Readonly<Record<K, Kind>>,
): Partial<Record<K, number>> {
  const settings: Partial<Record<K, number>> = {};
  const keys = Object.keys(known).join(", ");
  for (const part of parts) {
    const [, key = "", digits = ""] = /^([a-z]*)(.*)$/.exec(part) ?? [];
    if (!Object.hasOwn(known, key)) fail(text, `unknown setting ${JSON.stringify(part)}`, `settings are ${keys}`);
    const name = key as K;
    const whole = known[name] === "integer";
    if (!(whole ? /^\d+$/ : /^\d+(\.\d*)?$/).test(digits))
      fail(text, `${JSON.stringify(part)} has no ${whole ? "whole " : ""}number after ${key}`, `write ${key}1, say`);
    if (settings[name] !== undefined) fail(text, `${key} stands twice`);
    settings[name] = Number(digits);
  }
  return settings;
}

/**
 * A policy from its text.
 *
 * - `rand-…`: RandAugment. `m` magnitude (10), `n` operations an image (2), `p` probability of each (0.5), `mstd` noise on the magnitude (0; above 100: uniform),
 *   `mmax` largest magnitude (10), `inc1` operations that grow stronger with it, `t` set of operations (`tweights`, `t3a`, `t3aw`).
 * - `augmix-…`: AugMix. `m` (3), `w` chains (3), `d` operations of each (drawn from 1 to 3), `a` alpha (1), `b1` blended, `mstd` (uniform).
 * - `v0`, `v0r`, `original`, `originalr`, `3a`: AutoAugment's policies and DeiT III's three changes; `mstd` (0).
 * - `ta_wide`: TrivialAugmentWide.
 * @throws {VitrineError} INVALID_ARGUMENT naming what is not understood. timm passes over settings without a number and unknown sets; here they are mistakes.
 */
export function parseAutoAugment(text: string): AutoPolicy {
  const [name = "", ...parts] = text.split("-");
  if (name === "rand") return parseRand(text, parts);
  if (name === "augmix") {
    const { m, w, d, a, b, mstd } = settingsOf(text, parts, {
      m: "integer",
      w: "integer",
      d: "integer",
      a: "number",
      b: "integer",
      mstd: "number",
    });
    if (w === 0 || a === 0) fail(text, "w and a of 0", "both must be above 0");
    return {
      kind: "augmix",
      operations: augmixOperations,
      magnitude: m ?? 3,
      probability: 1,
      deviation: mstd ?? Number.POSITIVE_INFINITY,
      largest: 10,
      width: w ?? 3,
      depth: d ?? -1,
      alpha: a ?? 1,
      blended: (b ?? 0) > 0,
    };
  }
  if (Object.hasOwn(autoPolicies, name)) {
    const { mstd } = settingsOf(text, parts, { mstd: "number" });
    return { kind: "auto", rows: autoPolicies[name as keyof typeof autoPolicies], deviation: mstd ?? 0, largest: 10 };
  }
  if (name === "ta_wide" && parts.length === 0) return { kind: "trivial" };
  return fail(text, name === "ta_wide" ? "ta_wide takes no settings" : `unknown policy ${JSON.stringify(name)}`);
}

function parseRand(text: string, parts: readonly string[]): AutoPolicy {
  const sets = parts.filter((part) => part.startsWith("t")).map((part) => part.slice(1));
  const settings = settingsOf(
    text,
    parts.filter((part) => !part.startsWith("t")),
    { m: "integer", n: "integer", p: "number", mstd: "number", mmax: "integer", inc: "integer" },
  );
  const { m, n = 2, p = 0.5, mstd = 0, mmax, inc = 0 } = settings;
  if (sets.length > 1) fail(text, "two sets of operations");
  const [operations, weights] = operationsOf(text, sets[0], inc > 0);
  if (p > 1) fail(text, `p${p}`, "a probability is at most 1");
  if (weights && n > operations.length)
    fail(text, `n${n}`, `the set has ${operations.length} operations, drawn without repetition`);
  return {
    kind: "rand",
    operations,
    weights,
    count: n,
    magnitude: m ?? 10,
    probability: p,
    deviation: mstd > 100 ? Number.POSITIVE_INFINITY : mstd,
    largest: mmax || 10,
  };
}

function operationsOf(
  text: string,
  set: string | undefined,
  increasing: boolean,
): readonly [operations: readonly OperationName[], weights: readonly number[] | undefined] {
  if (set === undefined) return [increasing ? randIncreasingOperations : randOperations, undefined];
  if (set === "3a") return [threeOperations, undefined];
  if (set !== "weights" && set !== "3aw")
    fail(text, `unknown set ${JSON.stringify(`t${set}`)}`, "sets are tweights, t3a and t3aw");
  const weights = set === "weights" ? randWeights : threeWeights;
  return [Object.keys(weights) as OperationName[], Object.values(weights)];
}
