/** The names and attributes of the closed union of operators, from its table. */

import { type OperatorSpec, operators } from "./operators.ts";

/** The name of an operator of the union. */
export type OpName = keyof typeof operators;

type ValueOfSpec<S> = S extends readonly [infer K, ...infer D]
  ?
      | (K extends "int" | "float"
          ? number
          : K extends "string"
            ? string
            : K extends "strings"
              ? readonly string[]
              : readonly number[])
      | (D extends readonly [] ? undefined : never)
  : never;

/** The attributes of an operator under ONNX's names, defaults filled in; one without a default may be `undefined`. */
export type Attributes<K extends OpName> = (typeof operators)[K] extends { attributes: infer A }
  ? { readonly [N in keyof A]: ValueOfSpec<A[N]> }
  : Readonly<Record<never, never>>;

/** True for the names of the union. */
export function isOpName(name: string): name is OpName {
  return Object.hasOwn(operators, name);
}

/** The specification of an operator, without its literal types. */
export function operatorSpec(op: OpName): OperatorSpec {
  return operators[op];
}

/** The attributes that are given, with ONNX's defaults for the rest. */
export function completeAttributes<K extends OpName>(op: K, given: Partial<Attributes<K>>): Attributes<K> {
  const complete: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(operatorSpec(op).attributes ?? {})) {
    complete[name] = (given as Record<string, unknown>)[name] ?? spec[1];
  }
  return complete as Attributes<K>;
}
