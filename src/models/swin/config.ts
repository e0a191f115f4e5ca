/** The configuration of a Swin Transformer of either version: every choice that the published ones differ in, and the papers' defaults. */

import { VitrineError } from "../../errors.ts";
import type { Activation } from "../../nn/activations.ts";
import type { GridSize } from "../../nn/positions.ts";
import type { ImageClassifierConfig } from "../classifier.ts";

/** A Swin Transformer in full. */
export interface SwinConfig extends ImageClassifierConfig {
  /** One patch, in pixels [high, wide]. */
  readonly patchSize: GridSize;
  /** Token width C of the first stage; each later one has twice that of the one before. */
  readonly width: number;
  /** Number of blocks of each stage. */
  readonly depths: readonly number[];
  /** Attention heads of each stage. */
  readonly heads: readonly number[];
  /** Width of a head's queries, keys and values; width / heads without it. */
  readonly headWidth: number | undefined;
  /** Tokens [high, wide] of a window, for each stage. */
  readonly windows: readonly GridSize[];
  /** For each stage the width inside an MLP as a multiple of the tokens' width. */
  readonly mlpRatios: readonly number[];
  /** The windows that the weights were first trained with, for each stage; [0, 0]: those they have now. Version 2 only. */
  readonly pretrainedWindows: readonly GridSize[];
  /**
   * What no window may be larger than: the map that an image of the model's own size gives, along each axis (timm, and version 2 in
   * transformers), or the smaller side of the map at hand (version 1 in transformers).
   */
  readonly shrink: "model" | "map";
  /** Whether the zeros that fill windows come before the shift (transformers) or after it (timm). */
  readonly padFirst: boolean;
  /** Windows keep their size and their shift even where a map is no larger. */
  readonly alwaysShift: boolean;
  /** Takes images of other sizes: `fit` where patches fit, `pad` with zeros where they do not. */
  readonly otherSizes: "refuse" | "fit" | "pad";
  readonly qkvBias: boolean;
  readonly activation: Activation;
  /** ε of all normalisations but those of patches and merged patches, which have their own. */
  readonly eps: number;
  readonly mergeEps: number;
  /** Learned positions, added to the first tokens. */
  readonly absolutePositions: boolean;
  /** Rates of dropping: in the head, in maps, in attention weights. */
  readonly headDropout: number;
  readonly dropout: number;
  readonly attnDropout: number;
}

type PerStage<T> = T | readonly T[];

/** What is given; the rest has defaults. Sizes may be one number for both sides, and one value for all stages. */
export type SwinOptions = Partial<
  Omit<SwinConfig, "imageSize" | "patchSize" | "windows" | "mlpRatios" | "pretrainedWindows">
> & {
  readonly imageSize?: number | GridSize;
  readonly patchSize?: number | GridSize;
  readonly windows?: number | readonly (number | GridSize)[];
  readonly mlpRatios?: PerStage<number>;
  readonly pretrainedWindows?: number | readonly (number | GridSize)[];
};

/**
 * A whole configuration. Without options: Swin-T with windows of 7 at 224 pixels with 1000 classes.
 * @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other.
 */
export function swinConfig(options: SwinOptions = {}): SwinConfig {
  const { imageSize = 224, patchSize = 4, windows = 7, mlpRatios = 4, pretrainedWindows = 0, ...rest } = options;
  const depths = rest.depths ?? [2, 2, 6, 2];
  const config: SwinConfig = {
    channels: 3,
    labels: 1000,
    width: 96,
    depths,
    heads: [3, 6, 12, 24],
    headWidth: undefined,
    shrink: "model",
    padFirst: false,
    alwaysShift: false,
    otherSizes: "refuse",
    qkvBias: true,
    activation: "gelu",
    eps: 1e-5,
    mergeEps: rest.eps ?? 1e-5,
    absolutePositions: false,
    headDropout: 0,
    dropout: 0,
    attnDropout: 0,
    dropPath: 0,
    ...rest,
    imageSize: pair(imageSize),
    patchSize: pair(patchSize),
    windows: (typeof windows === "number" ? depths.map(() => windows) : windows).map(pair),
    pretrainedWindows: (typeof pretrainedWindows === "number"
      ? depths.map(() => pretrainedWindows)
      : pretrainedWindows
    ).map(pair),
    mlpRatios: typeof mlpRatios === "number" ? depths.map(() => mlpRatios) : mlpRatios,
  };
  check(config);
  return config;
}

/** Windows of a stage and their shift in every second block, as far as the configuration alone tells. */
export function stageWindows(
  config: SwinConfig,
  stage: number,
): { readonly window: GridSize; readonly shift: GridSize } {
  const wanted = config.windows[stage]!;
  const half = wanted.map((side) => Math.floor(side / 2)) as unknown as GridSize;
  if (config.alwaysShift || config.shrink === "map") return { window: wanted, shift: half };
  const map = stageMap(config, stage);
  const side = (axis: 0 | 1): number => Math.min(map[axis], wanted[axis]);
  const step = (axis: 0 | 1): number => (map[axis] <= wanted[axis] ? 0 : half[axis]);
  return { window: [side(0), side(1)], shift: [step(0), step(1)] };
}

/** Tokens [high, wide] of a stage for an image of the model's own size, remainders left out. */
export function stageMap({ imageSize, patchSize }: SwinConfig, stage: number): GridSize {
  const side = (axis: 0 | 1): number => Math.floor(Math.floor(imageSize[axis] / patchSize[axis]) / 2 ** stage);
  return [side(0), side(1)];
}

/** Token width of a stage. */
export function stageWidth({ width }: SwinConfig, stage: number): number {
  return width * 2 ** stage;
}

function pair(size: number | GridSize): GridSize {
  return typeof size === "number" ? [size, size] : size;
}

function check(config: SwinConfig): void {
  const must = (holds: boolean, rule: string, evidence: unknown): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `Swin: ${rule}`, evidence: `got ${evidence}` });
  };
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const { depths, heads, windows, mlpRatios, pretrainedWindows, headWidth } = config;
  must(depths.length > 0, "there must be a stage", "none");
  for (const [name, list] of Object.entries({ heads, windows, mlpRatios, pretrainedWindows }))
    must(list.length === depths.length, `${name} must have one entry for each stage`, list.length);
  for (const [name, list] of Object.entries({ depths, heads, windows: windows.flat() }))
    must(
      list.every((n) => whole(n, 1)),
      `${name} must be positive integers`,
      list.join(", "),
    );
  for (const name of ["channels", "width"] as const)
    must(whole(config[name], 1), `${name} must be a positive integer`, config[name]);
  must(whole(config.labels, 0), "labels must be a whole number", config.labels);
  for (const name of ["imageSize", "patchSize"] as const)
    must(
      config[name].every((side) => whole(side, 1)),
      `${name} must be positive pixels`,
      config[name].join(" × "),
    );
  const last = stageMap(config, depths.length - 1);
  must(
    Math.min(...last) >= 1,
    "the last stage must have a token",
    `${last.join(" × ")} of ${config.imageSize.join(" × ")} pixels`,
  );
  if (headWidth === undefined)
    for (const [stage, count] of heads.entries())
      must(
        stageWidth(config, stage) % count === 0,
        "heads must divide the width",
        `${stageWidth(config, stage)}, ${count}`,
      );
  for (const name of ["eps", "mergeEps"] as const) must(config[name] > 0, `${name} must be positive`, config[name]);
  for (const name of ["headDropout", "dropout", "attnDropout", "dropPath"] as const)
    must(config[name] >= 0 && config[name] < 1, `${name} must be in [0, 1)`, config[name]);
}
