/** The form of a gradient rule. */

import type { Attributes, OpName } from "../graph/ops.ts";
import type { Tensor } from "../tensor/index.ts";

/** What a rule sees of a node whose outputs have gradients. */
export interface GradientContext<K extends OpName> {
  readonly attributes: Attributes<K>;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  /** ∂loss/∂output for each output; `undefined` where the loss does not depend on it. */
  readonly cotangents: readonly (Tensor | undefined)[];
  /** True where the gradient of this input is wanted; a rule need not compute the others. */
  needs(input: number): boolean;
  /** The cotangent of an output, zeros where there is none. */
  cotangent(output: number): Tensor;
  /** The input, which must be there. */
  input(index: number): Tensor;
  /**
   * The gradients of the inputs, found by differentiating another form of the operator: `composed` is its first output, written with
   * other operators on the same inputs.
   */
  through(composed: Tensor): readonly (Tensor | undefined)[];
  /**
   * Says that these hold what the operator's outputs hold: where the gradient is computed, they take its place.
   * @param witness a tensor that is computed only if the gradient is
   */
  instead(outputs: readonly Tensor[], witness: Tensor): void;
  /** Stops with NO_GRADIENT, naming the operator and the module. */
  fail(reason: string): never;
}

/**
 * How gradients pass an operator: `chain` returns ∂loss/∂input for each input that needs one. `zero` says why they are 0 everywhere
 * (piecewise constant, integer results), `missing` why there is none (an inference-only operator).
 */
export type GradientRule<K extends OpName> =
  | { readonly chain: (context: GradientContext<K>) => readonly (Tensor | undefined)[] }
  | { readonly zero: string }
  | { readonly missing: string };

/** The rules of some operators. */
export type GradientRules<Names extends OpName> = { readonly [K in Names]: GradientRule<K> };
