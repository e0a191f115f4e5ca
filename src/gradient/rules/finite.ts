/** Cotangents that are finite wherever the numbers that they are made of are. */

import { isFloat } from "../../graph/dtype.ts";
import { nodeOf } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { Value } from "../../graph/value.ts";
import type { Tensor } from "../../tensor/index.ts";

/** Sums of products, in which what is not finite spreads over whole rows, and what lies between 0 and 1 whatever it is made of. */
const finite: ReadonlySet<OpName> = new Set<OpName>([
  ...(["MatMul", "Gemm", "FusedMatMul", "Conv", "ConvTranspose", "HardSigmoid"] as const),
]);

/** Finite for finite inputs. */
const passing: ReadonlySet<OpName> = new Set<OpName>([
  ...(["Add", "Sub", "Mul", "Neg", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand"] as const),
  ...(["Slice", "Split", "Concat", "Pad", "Gather", "ScatterElements", "ConstantOfShape"] as const),
]);

/**
 * True where a tensor is made of products, sums and moves alone. A zero may then stand for "not chosen": times such a tensor it is 0, while it would be
 * NaN times the infinite slope of a root or a logarithm at 0.
 */
export function isFiniteByForm(t: Tensor): boolean {
  const seen = new Set<Value>();
  const holds = (value: Value): boolean => {
    if (seen.has(value)) return true;
    seen.add(value);
    const node = nodeOf(value);
    if (!node || finite.has(node.op)) return true;
    return passing.has(node.op) && node.inputs.every((input) => !input || !isFloat(input.dtype) || holds(input));
  };
  return holds(t.value);
}
