/** What explanations know of a model: a function of images, names of taps, and what lies where in them. Nothing else. */

import { VitrineError } from "../errors.ts";
import type { Variable } from "../graph/value.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Tensor } from "../tensor/index.ts";

/** How a model's tokens lie. */
type TokenLayout = NonNullable<Pretrained["model"]["tokens"]>;

/** A tap that holds a map of features. */
export type FeatureMap = Pretrained["model"]["stages"][number];

/** How the tokens after the last block become logits. */
export type Readout = TokenLayout["readout"];

/** A model that can be explained. */
export interface Subject {
  readonly name: string;
  /** Images [1, c, H, W] → logits [1, labels], with taps of what the methods look at. */
  readonly forward: (images: Tensor) => Tensor;
  /** Whether the logits are of classes; without a head they are features, and no class can be explained. */
  readonly hasClasses: boolean;
  /** Weights by name: those of positions and of the first filters are looked at. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Whether tokens keep one order; then taps are `patch_embed`, `tokens`, `blocks.I` and `blocks.I….probs`. */
  readonly ordered: boolean;
  /** Taps with maps of features, the coarsest last. */
  readonly stages: readonly FeatureMap[];
  /** Patches [high, wide] of an image of the model's size; without such tokens, the cells that pixels are summed in. */
  readonly grid: GridSize;
  /** Names of the tokens before those of the patches. */
  readonly prefix: readonly string[];
  readonly readout: Readout;
}

/** A pretrained model, as explanations see it. */
export function subjectOf({ name, model }: Pick<Pretrained, "name" | "model">): Subject {
  const { tokens, stages, config } = model;
  const layout: TokenLayout = tokens ?? {
    grid: config.imageSize.map(cellsAlong) as unknown as GridSize,
    prefix: [],
    readout: { kind: "none", reason: `${name} has no tokens that keep one order` },
  };
  const variables = model.variables();
  return {
    name,
    forward: (images) => model.forward(images),
    hasClasses: config.labels > 0,
    variables,
    ordered: tokens !== undefined,
    stages,
    ...layout,
  };
}

/** Most cells that a side of an image is cut into: small enough to show parts of things, large enough to be seen. */
const mostCells = 28;

/** As many cells of equal whole pixels as a side holds. */
function cellsAlong(pixels: number): number {
  return Math.ceil(pixels / Math.ceil(pixels / mostCells));
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
