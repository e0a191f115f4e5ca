/** What verification must know of a family of models. */

import type { Mode, Module } from "../../nn/module.ts";
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
  /** The reference's results by name, from the file's inputs by name. */
  forward(inputs: Readonly<Record<string, Tensor>>, mode: Mode): Readonly<Record<string, Tensor>>;
  /** Our value for a name of an intermediate value in the file. */
  valueNamed(name: string): NamedValue;
}

/**
 * Builds our model of a case.
 * @throws {VitrineError} UNKNOWN_NAME for a reference class that is not there, INVALID_ARGUMENT for options without counterpart.
 */
export type Adapter = (golden: GoldenFile) => GoldenModel;
