/** Nodes with stated output types, for graphs whose bytes are tested apart from the shape rules. */

import type { Shape } from "../../src/graph/dim.ts";
import type { DType } from "../../src/graph/dtype.ts";
import { type Attributes, completeAttributes, type OpName } from "../../src/graph/ops.ts";
import type { Node, Value } from "../../src/graph/value.ts";

export function rawNode<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: Partial<Attributes<K>>,
  types: readonly (readonly [DType, Shape])[],
  scope = "",
): readonly Value[] {
  const outputs: Value[] = [];
  const node = { op, inputs, attributes: completeAttributes(op, attributes), outputs, scope } as unknown as Node;
  for (const [index, [dtype, shape]] of types.entries())
    outputs.push({ dtype, shape, source: { kind: "node", node, index } });
  return outputs;
}
