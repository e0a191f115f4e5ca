/** What an explanation is: numbers with names, before anybody draws them. */

import type { Region } from "../data/image.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Reconstruction } from "./reconstruction.ts";

/** Numbers over the patches (or pixels) of an image, row by row. */
export interface ExplanationMap {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly values: Float32Array;
  /** What of the whole lies on tokens that are no patch (class token, registers); 0 where that has no meaning. */
  readonly outside: number;
  /** The window that each patch lies in, by number, where attention stays inside windows. */
  readonly windows?: readonly number[];
}

/** How several maps are laid out: `maps` run through each row of this table in turn. */
export interface MapTable {
  readonly rowTitles: readonly string[];
  readonly colTitles: readonly string[];
}

interface Common<Kind extends string, Method extends string> {
  readonly kind: Kind;
  readonly method: Method;
  /** The model's name. */
  readonly model: string;
  /** What the numbers are, in words (`attention weight`). */
  readonly quantity: string;
}

/** Why an image got a class, or what its tokens looked at. */
export interface ImageExplanation
  extends Common<
    "image",
    | "attention"
    | "inner-attention"
    | "window-attention"
    | "stages"
    | "rollout"
    | "relevance"
    | "grad-cam"
    | "integrated-gradients"
  > {
  /** The class that is explained: the one asked for, or the predicted one. */
  readonly classIndex: number;
  /** Empty for a model without a head, whose class, probability and logit are those of its largest feature, and mean nothing. */
  readonly label: string;
  /** Probability of that class. */
  readonly score: number;
  /** Its logit, whose gradient class-specific methods take. */
  readonly logit: number;
  /** Whether another class would give another map. */
  readonly classSpecific: boolean;
  /** Whose attention it is (`class token`, `patch 3, 5`); empty for methods that start at the logit. */
  readonly query: string;
  /** The query's place in the patch grid, where it is a patch. */
  readonly queryPatch: GridSize | undefined;
  /** What the maps count, high and wide: patches; with `inner-attention`, words; with maps of features, the places of the last. */
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly maps: readonly ExplanationMap[];
  readonly table: MapTable;
  /** The part of the image that the model saw, in the image's own pixels, fractions included; the maps lie over it. */
  readonly view: Region;
  /** Pixels [high, wide] of the model's input. */
  readonly inputSize: GridSize;
  /** Channels of the model's input: with one it saw no colours, and none are drawn. */
  readonly channels: number;
  /** Everything else that the numbers depend on, and what can be said of their quality. */
  readonly facts: Readonly<Record<string, number | string>>;
}

/** How alike the position embeddings of all pairs of patches are; one map for each patch, in the order of the grid. */
export interface PositionsExplanation extends Common<"positions", "positions"> {
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly maps: readonly ExplanationMap[];
}

/** Patch filters as small colour images. */
export interface FiltersExplanation extends Common<"filters", "filters"> {
  /** Pixels of one filter. */
  readonly rows: number;
  readonly cols: number;
  readonly channels: number;
  /** Each [rows, cols, channels]; sign and scale as they are in the weights. */
  readonly filters: readonly { readonly name: string; readonly values: Float32Array; readonly share: number }[];
}

/** How far each head looks. */
export interface DistanceExplanation extends Common<"distance", "attention-distance"> {
  /** [blocks][heads], in pixels of the model's input. */
  readonly distances: readonly Float32Array[];
}

/** What a masked autoencoder painted where it was shown nothing. */
export interface ReconstructionExplanation extends Common<"reconstruction", "reconstruction">, Reconstruction {
  /** Which patches were hidden. */
  readonly seed: number;
}

export type Explanation =
  | ImageExplanation
  | PositionsExplanation
  | FiltersExplanation
  | DistanceExplanation
  | ReconstructionExplanation;

/** The explanation as one JSON document: all numbers, arrays for typed arrays; of a reconstruction all but the image that was given. */
export function explanationJson(explanation: Explanation): string {
  return JSON.stringify(explanation, (name, value: unknown) => {
    if (name === "image") return undefined;
    if (value instanceof Uint8Array) return Array.from(value);
    return value instanceof Float32Array ? Array.from(value, (x) => Number(x.toPrecision(7))) : value;
  });
}
