/**
 * Optimisers: each is a traced graph that records, with `recordUpdate`, what parameters and state become.
 *
 * What changes from step to step (learning rate, bias corrections) is fed as scalars, so one executable serves the whole training.
 */

import { VitrineError } from "../errors.ts";
import { type NdArray, ndarray, sizeOf } from "../graph/dtype.ts";
import { makeVariable } from "../graph/graph.ts";
import type { Variable } from "../graph/value.ts";
import type { Tensor } from "../tensor/index.ts";

/** A parameter and how it is trained. */
export interface Trainable {
  readonly variable: Variable;
  /** Factor on the learning rate. */
  readonly learningRateScale: number;
  /** Strength of the pull towards zero; what it multiplies is the optimiser's affair. */
  readonly weightDecay: number;
}

/** The update of one step, as part of a graph. */
export interface Optimizer {
  /** Names of the float32 scalars that each step is fed, with their (empty) shapes: to be merged into the specs of `compile`. */
  readonly inputs: Readonly<Record<string, readonly []>>;
  /** Running means by `PARAMETER/NAME`: with the parameters and the step, all that a checkpoint needs to continue exactly. */
  readonly state: ReadonlyMap<string, Variable>;
  /**
   * The values of `inputs` at a step.
   * @param step how many updates came before this one
   */
  feeds(step: number, learningRate: number): Record<string, NdArray>;
  /**
   * Records the new values of all parameters and of the state.
   * @param gradients one for each trainable, in their order and shapes
   * @param inputs the scalars of `inputs`; other names are ignored
   * @throws {VitrineError} INVALID_ARGUMENT when the numbers of gradients and trainables differ.
   */
  update(gradients: readonly Tensor[], inputs: Readonly<Record<string, Tensor>>): void;
}

/** A float32 scalar that can be fed. */
export function scalarArray(value: number): NdArray {
  return ndarray("float32", [], [value]);
}

/** State of the parameter's shape, named `PARAMETER/NAME`, zero at first. */
export function zeroState({ name, shape }: Variable, suffix: string): Variable {
  return makeVariable(`${name}/${suffix}`, "float32", shape, () => ({
    dtype: "float32",
    shape,
    data: new Float32Array(sizeOf(shape)),
  }));
}

/** Variables by their names. */
export function byName(variables: Iterable<Variable>): ReadonlyMap<string, Variable> {
  return new Map([...variables].map((variable) => [variable.name, variable]));
}

/** Makes what trainables of equal settings share only once. */
export function perGroup<T>(make: (settings: Trainable) => T): (settings: Trainable) => T {
  const made = new Map<string, T>();
  return (settings) => {
    const key = `${settings.learningRateScale} ${settings.weightDecay}`;
    const found = made.get(key) ?? make(settings);
    made.set(key, found);
    return found;
  };
}

/** Stops when there is not exactly one gradient for each trainable. */
export function requireGradients(trainables: readonly Trainable[], gradients: readonly Tensor[]): void {
  if (gradients.length !== trainables.length)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "optimizer: one gradient is needed for each parameter",
      evidence: `got ${gradients.length} for ${trainables.length}`,
    });
}
