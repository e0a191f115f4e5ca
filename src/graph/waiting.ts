/** Values that are there already and yet not used before another one is made: what orders the engine's work without moving a number. */

import type { Node, Value } from "./value.ts";

/**
 * The same numbers in the same place, but not before `zeros` are made. It is a `Reshape` whose sizes are all 0, which means that each axis stays as it is,
 * only that no engine can know this before it has them.
 * @param zeros int64 [rank], 0 at each run
 */
export function waiting(value: Value, zeros: Value, scope: string): Value {
  // Made by hand: the rule for shapes asks for sizes that it knows.
  const outputs: Value[] = [];
  const node: Node<"Reshape"> = { op: "Reshape", inputs: [value, zeros], attributes: { allowzero: 0 }, outputs, scope };
  const { dtype, shape } = value;
  outputs.push({ dtype, shape, source: { kind: "node", node: node as unknown as Node, index: 0 } });
  return outputs[0]!;
}

/** True for a node that `waiting` made: it must stay. */
export function isWaiting({ op, inputs }: Node): boolean {
  return op === "Reshape" && inputs[1]!.known === undefined;
}
