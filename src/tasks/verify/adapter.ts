/** What verification must know of a family of models. */

import { VitrineError } from "../../errors.ts";
import type { NdArray } from "../../graph/dtype.ts";
import type { Mode, Module } from "../../nn/module.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { AxisSizes } from "../../weights/arrange.ts";
import type { NameRule } from "../../weights/rules.ts";
import type { GoldenFile } from "./golden-file.ts";

/** One of our taps, and how its axes become the reference's. */
export interface NamedValue {
  readonly tap: string;
  readonly arrange?: { readonly pattern: string; readonly sizes: AxisSizes };
}

/** Our model of a case. */
export interface GoldenModel {
  readonly module: Module;
  /** From the file's parameter names to ours. */
  readonly rules: readonly NameRule[];
  /** Names of the inputs that `forward` and `search` know, whether or not a case has them. */
  readonly inputs: readonly string[];
  /** The reference's results by name, from the file's inputs by name. */
  forward(inputs: Readonly<Record<string, Tensor>>, mode: Mode): Readonly<Record<string, Tensor>>;
  /** Results of the reference that no single graph gives: sentences that were searched for. Called once the weights are there. */
  search?(runtime: Runtime): Promise<Readonly<Record<string, NdArray>>>;
  /** Our value for a name of an intermediate value in the file. */
  valueNamed(name: string): NamedValue;
}

/**
 * Builds our model of a case.
 * @throws {VitrineError} UNKNOWN_NAME for a reference class that is not there, INVALID_ARGUMENT for options without counterpart.
 */
export type Adapter = (golden: GoldenFile) => GoldenModel;

/**
 * The name of the one input that is a picture.
 * @throws {VitrineError} INVALID_FILE where there is none, or more than one.
 */
export function imageInput({ inputs, case: name }: GoldenFile): string {
  const pictures = [...inputs].filter(([, { dtype, shape }]) => dtype === "float32" && shape.length === 4);
  if (pictures.length === 1) return pictures[0]![0];
  throw new VitrineError("INVALID_FILE", {
    rule: "a classifier's case must have one picture [b, c, H, W] as input",
    evidence: `got ${[...inputs.keys()].join(", ") || "none"}`,
    place: name,
  });
}

/** The error for a reference that is not there. @param known which are */
export function unknownReference({ model, reference, case: name }: GoldenFile, known: string): VitrineError {
  return new VitrineError("UNKNOWN_NAME", {
    rule: `the reference of a case of ${model} must be a class of ${known}`,
    evidence: `got "${reference}"`,
    place: name,
  });
}
