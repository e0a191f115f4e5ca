/** Weights of any publisher into a model. */

import { VitrineError } from "../errors.ts";
import { isFloat, type NdArray, toFloat32 } from "../graph/dtype.ts";
import type { Variable } from "../graph/value.ts";
import { FrozenBatchNorm2d } from "../nn/frozen-batch-norm.ts";
import type { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { matchWeights } from "../weights/load.ts";
import { applyRules, detectNaming, type Naming } from "../weights/rules.ts";
import type { WeightSource } from "../weights/source.ts";

export interface FillOptions {
  /** Names of maps that stay as they are, whatever the source has. */
  readonly keep?: readonly string[];
}

/** The source under the names that its family has here. */
export function withOwnNames(source: WeightSource, namings: readonly Naming[]): WeightSource {
  const naming = detectNaming(source, namings);
  return naming ? applyRules(source, naming.rules) : source;
}

/**
 * Gives every variable of a model its value from a source with our names; halves become float32. A count of batches may be missing, and is left out where
 * the model keeps none.
 * @throws {VitrineError} WEIGHTS_MISMATCH listing all that is missing, extra or of another shape; INVALID_FILE where values cannot be read.
 */
export async function fillModel(model: Module, source: WeightSource, { keep = [] }: FillOptions = {}): Promise<void> {
  const variables = model.variables();
  const expected = [...variables].map(([name, { shape }]) => [name, shape] as const);
  const matched = matchWeights(expected, source, [...keep.map((name) => `${name}.*`), ...countsLeftOut(model, source)]);
  const values = [...matched.names()].map(async (name) => {
    const variable = variables.get(name)!;
    variable.data = ownFloats(variable, await matched.read(name), source.place);
  });
  await Promise.all(values);
}

/**
 * Names of counts of batches that are not read: a normalisation with fixed statistics drops its own, and one that follows them needs none to begin with.
 * @source torchvision/ops/misc.py FrozenBatchNorm2d; torch/nn/modules/batchnorm.py, for files without versions, as those of safetensors are
 */
function countsLeftOut(model: Module, source: WeightSource): readonly string[] {
  return [...model.modules()].flatMap(([path, part]) => {
    const name = `${path}.num_batches_tracked`;
    const drops = part instanceof FrozenBatchNorm2d || (part instanceof BatchNorm2d && !source.has(name));
    return drops ? [name] : [];
  });
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
