/** Weights of any publisher into a model. */

import { VitrineError } from "../errors.ts";
import { isFloat, type NdArray, toFloat32 } from "../graph/dtype.ts";
import type { Variable } from "../graph/value.ts";
import type { ViT } from "../models/vit.ts";
import { prefixTokens } from "../models/vit-config.ts";
import { type GridSize, type PositionRule, resizeLoadedPositions } from "../nn/positions.ts";
import { matchWeights } from "../weights/load.ts";
import { applyRules, detectNaming } from "../weights/rules.ts";
import type { WeightSource } from "../weights/source.ts";
import { vitNamings } from "../weights/vit-rules.ts";

export interface FillOptions {
  /** Leaves the head as it is, whatever the source has. */
  readonly keepHead?: boolean;
  /** The grid that the source's position embeddings are for, and how they become those of the model. */
  readonly positions?: { readonly from: GridSize; readonly rule: PositionRule } | undefined;
}

/** The source under timm's names. */
export function withTimmNames(source: WeightSource): WeightSource {
  const naming = detectNaming(source, vitNamings);
  return naming ? applyRules(source, naming.rules) : source;
}

const headNames: readonly string[] = ["head.*", "head_dist.*"];

/**
 * Gives every variable of a model its value from a source with timm's names; halves become float32.
 * @throws {VitrineError} WEIGHTS_MISMATCH listing all that is missing, extra or of another shape; INVALID_FILE where values cannot be read.
 */
export async function fillModel(model: ViT, source: WeightSource, options: FillOptions = {}): Promise<void> {
  const variables = model.variables();
  const resized = options.positions && model.posEmbed ? options.positions : undefined;
  const given = resized ? withResizedPositions(model, source, resized) : source;
  const expected = [...variables].map(([name, { shape }]) => [name, shape] as const);
  const matched = matchWeights(expected, given, options.keepHead ? headNames : []);
  const values = [...matched.names()].map(async (name) => {
    const variable = variables.get(name)!;
    variable.data = ownFloats(variable, await matched.read(name), source.place);
  });
  await Promise.all(values);
}

/** The source, its position embeddings those of the model's grid. */
function withResizedPositions(
  model: ViT,
  source: WeightSource,
  { from, rule }: { readonly from: GridSize; readonly rule: PositionRule },
): WeightSource {
  const name = "pos_embed";
  const prefix = model.config.positions === "prefixed" ? prefixTokens(model.config) : 0;
  const to = model.patchEmbed.grid;
  const fits = (shape: readonly number[]) => shape.length === 3 && shape[1] === prefix + from[0] * from[1];
  return {
    ...source,
    info: (wanted) => {
      const info = source.info(wanted);
      if (wanted !== name || !fits(info.shape)) return info;
      return { dtype: info.dtype, shape: [1, prefix + to[0] * to[1], info.shape[2]!] };
    },
    read: async (wanted) => {
      const array = await source.read(wanted);
      if (wanted !== name || !fits(array.shape)) return array;
      return resizeLoadedPositions(toFloat32(array), { from, to, prefix, rule });
    },
  };
}

/** The values as the variable's type, in memory of their own, since training steps write into it. */
function ownFloats({ name, dtype }: Variable, array: NdArray, place: string): NdArray {
  if (array.dtype !== dtype && !(dtype === "float32" && isFloat(array.dtype)))
    throw new VitrineError("WEIGHTS_MISMATCH", {
      rule: `weights must be ${dtype}, or another float where float32 is meant`,
      evidence: `"${name}" is ${array.dtype}`,
      place,
    });
  const values = dtype === "float32" ? toFloat32(array) : array;
  const whole = values.data.byteLength === values.data.buffer.byteLength;
  return whole ? values : { ...values, data: values.data.slice() };
}
