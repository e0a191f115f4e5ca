/** What of a model a recipe trains: all of it, adapters beside its maps, or its head alone. */

import { addLora, linearKinds } from "../nn/lora.ts";
import { isPartOf } from "../pretrained/adapter.ts";
import { headsOf } from "../pretrained/heads.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { adapterTuning, type Recipe } from "./recipe.ts";

/** A model made ready for a recipe. */
export interface Tuning {
  /** Which parameters are trained, by name; undefined: all. */
  readonly trained: ((name: string) => boolean) | undefined;
  /** Paths of the maps to the logits. */
  readonly heads: readonly string[];
}

/** Where adapters go if nothing is asked for: the usual maps of a transformer's block, else all linear maps but the heads; none in a network of convolutions. */
export async function adapterTargets(pretrained: Pretrained): Promise<readonly string[]> {
  const heads = await headsOf(pretrained);
  const kinds = linearKinds(pretrained.model).filter((kind) => !heads.includes(kind));
  const usual = adapterTuning.loraTargets;
  return usual.every((target) => kinds.includes(target)) ? usual : kinds;
}

/**
 * Makes a model ready: for `lora`, gives it adapters that do not change its result yet.
 * @param seed draws the adapters
 * @throws {VitrineError} UNKNOWN_NAME for an adapter's target that fits no linear map.
 */
export async function startTuning(
  pretrained: Pretrained,
  recipe: Pick<Recipe, "tune" | "loraRank" | "loraAlpha" | "loraDropout" | "loraTargets">,
  seed: number,
): Promise<Tuning> {
  const { model } = pretrained;
  const heads = await headsOf(pretrained);
  if (recipe.tune === "full") return { trained: undefined, heads };
  if (recipe.tune === "lora")
    addLora(model, {
      rank: recipe.loraRank,
      alpha: recipe.loraAlpha,
      dropout: recipe.loraDropout,
      targets: recipe.loraTargets,
      seed,
    });
  return { trained: (name) => /\.lora\.[ab]$/.test(name) || isPartOf(name, heads), heads };
}
