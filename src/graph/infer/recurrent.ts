/** Shape rules of the operators that run over time. */

import { equalDims, equalShapes, shapeText } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import type { ValueType } from "../value.ts";
import type { InferContext } from "./rule.ts";

/** What all three operators say. */
interface Recurrence {
  readonly direction: string;
  readonly hidden_size: number | undefined;
}

export function rnn(c: InferContext<Recurrence>): readonly ValueType[] {
  return recurrence(c, 1).slice(0, 2);
}

export function gru(c: InferContext<Recurrence>): readonly ValueType[] {
  return recurrence(c, 3).slice(0, 2);
}

export function lstm(c: InferContext<Recurrence>): readonly ValueType[] {
  const types = recurrence(c, 4);
  const peepholes = c.inputs[7];
  const { shape } = types[1]!;
  if (peepholes)
    c.check(
      equalShapes(peepholes.shape, [shape[0]!, 3 * (shape[2] as number)]),
      "P must be [directions, 3 · hidden_size]",
    );
  return types;
}

/** X [time, batch, in], W [directions, gates · hidden, in], R [directions, gates · hidden, hidden] → all states, and the last ones. */
function recurrence(c: InferContext<Recurrence>, gates: number): readonly ValueType[] {
  const x = c.input(0);
  const [, w, r, bias, lengths, ...initial] = c.inputs;
  const { direction, hidden_size: given } = c.attributes;
  c.checkDType(isFloat(x.dtype), "X must be floating-point");
  for (const other of [w, r, bias, ...initial])
    c.checkDType(!other || other.dtype === x.dtype, "element types must be equal");
  c.checkDType(!lengths || lengths.dtype === "int32", "sequence_lens must be int32");
  c.check(
    ["forward", "reverse", "bidirectional"].includes(direction),
    "direction must be forward, reverse or bidirectional",
  );
  c.check(x.shape.length === 3, "X must be [time, batch, width]");
  const [time, batch, width] = x.shape;
  const directions = direction === "bidirectional" ? 2 : 1;
  const hidden = given ?? r!.shape[2];
  if (typeof hidden !== "number") return c.fail("hidden_size must be known");
  const must = (index: number, name: string, shape: readonly (typeof batch)[]): void => {
    const value = c.inputs[index];
    if (value) c.check(equalShapes(value.shape, shape as never), `${name} must be ${shapeText(shape as never)}`);
  };
  must(1, "W", [directions, gates * hidden, width]);
  must(2, "R", [directions, gates * hidden, hidden]);
  must(3, "B", [directions, 2 * gates * hidden]);
  if (lengths)
    c.check(lengths.shape.length === 1 && equalDims(lengths.shape[0]!, batch!), "sequence_lens must be [batch]");
  must(5, "initial_h", [directions, batch, hidden]);
  if (gates === 4) must(6, "initial_c", [directions, batch, hidden]);
  const last: ValueType = { dtype: x.dtype, shape: [directions, batch!, hidden] };
  return [{ dtype: x.dtype, shape: [time!, directions, batch!, hidden] }, last, last];
}
