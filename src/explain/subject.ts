/** What explanations know of a model: a function of images, names of taps, and which token is what. Nothing else. */

import { VitrineError } from "../errors.ts";
import type { Variable } from "../graph/value.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Tensor } from "../tensor/index.ts";

/** How the tokens after the last block become logits. */
export type Readout =
  /** One token, or the mean of a few. */
  | { readonly kind: "tokens"; readonly tokens: readonly number[]; readonly name: string }
  /** The mean of all tokens from `first` on. */
  | { readonly kind: "mean"; readonly first: number; readonly name: string }
  /** A learned query that attends to the tokens from `first` on; its weights are a tap. */
  | { readonly kind: "attention"; readonly tap: string; readonly first: number; readonly name: string }
  /** None that a row of a token matrix could stand for. */
  | { readonly kind: "none"; readonly reason: string };

/** A model that can be explained. */
export interface Subject {
  readonly name: string;
  /** Images [1, c, H, W] → logits [1, labels], with taps `patch_embed`, `tokens`, `blocks.I` and `blocks.I….probs`. */
  readonly forward: (images: Tensor) => Tensor;
  /** Weights by name: `pos_embed` and `patch_embed.proj.weight` are looked at. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Patches [high, wide] of an image of the model's size. */
  readonly grid: GridSize;
  /** Names of the tokens before those of the patches. */
  readonly prefix: readonly string[];
  readonly readout: Readout;
}

/** A pretrained model, as explanations see it. */
export function subjectOf({ name, model }: Pick<Pretrained, "name" | "model">): Subject {
  const { classToken, distilled, registers } = model.config;
  const prefix = [
    ...(classToken ? ["class token"] : []),
    ...(distilled ? ["distillation token"] : []),
    ...Array.from({ length: registers }, (_, i) => `register ${i + 1}`),
  ];
  const grid = model.patchEmbed.grid;
  return {
    name,
    forward: (images) => model.forward(images),
    variables: model.variables(),
    grid,
    prefix,
    readout: readoutOf(model.config, prefix.length),
  };
}

type Pooling = Pick<Pretrained["model"]["config"], "pool" | "poolPrefix" | "distilled">;

function readoutOf({ pool, poolPrefix, distilled }: Pooling, prefix: number): Readout {
  const first = poolPrefix ? 0 : prefix;
  switch (pool) {
    case "token":
      return distilled
        ? { kind: "tokens", tokens: [0, 1], name: "class and distillation token" }
        : { kind: "tokens", tokens: [0], name: "class token" };
    case "avg":
      return { kind: "mean", first, name: first === 0 && prefix > 0 ? "mean of all tokens" : "mean of all patches" };
    case "map":
      return { kind: "attention", tap: "attn_pool.probs", first, name: "pooling query" };
    case "max":
    case "avgmax":
      return { kind: "none", reason: "max pooling reads every feature from another token" };
    case "none":
      return { kind: "none", reason: "without pooling every token has logits of its own" };
  }
}

/**
 * The number of a token that was asked for.
 * @throws {VitrineError} INVALID_ARGUMENT when it is out of range, or both a token and a patch are given.
 */
export function tokenAsked(
  asked: { readonly token?: number | undefined; readonly patch?: GridSize | undefined },
  prefix: number,
  [h, w]: GridSize,
): number | undefined {
  const { token, patch } = asked;
  const refuse = (rule: string, evidence: string): never => {
    throw new VitrineError("INVALID_ARGUMENT", { rule: `explain: ${rule}`, evidence });
  };
  if (token !== undefined && patch !== undefined) refuse("give a token or a patch", "got both");
  if (patch) {
    const [row, col] = patch;
    const fits = (i: number, size: number): boolean => Number.isInteger(i) && i >= 0 && i < size;
    if (!fits(row, h) || !fits(col, w))
      refuse(`a patch has a row from 0 to ${h - 1} and a column from 0 to ${w - 1}`, `got ${row}, ${col}`);
    return prefix + row * w + col;
  }
  const last = prefix + h * w - 1;
  if (token !== undefined && !(Number.isInteger(token) && token >= 0 && token <= last))
    refuse(`a token is a number from 0 to ${last}`, `got ${token}`);
  return token;
}
