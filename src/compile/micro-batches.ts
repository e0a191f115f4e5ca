/**
 * Gradients of a batch in parts, inside one graph.
 *
 * Matrix products are fastest at about a thousand rows, and activations of one part can be freed before the next begins: splitting makes a
 * step both faster and smaller. The sum over the parts rides along in the products that make the weight gradients.
 */

import { VitrineError } from "../errors.ts";
import { type GradOptions, grad } from "../gradient/index.ts";
import { isFloat } from "../graph/dtype.ts";
import { type Graph, inputValue, substitute } from "../graph/graph.ts";
import type { Value, Variable } from "../graph/value.ts";
import { selectEarly } from "../rewrite/index.ts";
import { apply, cast, full, ints, recordUpdate, scalar, slice, Tensor, trace, withRepeat } from "../tensor/index.ts";

/** The loss of some examples (their mean, a scalar) and other means to report. */
export interface LossOutputs extends Readonly<Record<string, Tensor>> {
  readonly loss: Tensor;
}

/** Traces the loss of a part of a batch; the parts have the same names as the batch, and fewer rows. */
export type LossFunction = (part: Readonly<Record<string, Tensor>>) => LossOutputs;

/**
 * The means over a batch and the gradients of its loss.
 * @param batch tensors whose first axis is the batch, of known size
 * @param parts how many parts the batch is cut into, as even as possible
 * @param options `recompute`: see `grad`
 * @throws {VitrineError} INVALID_ARGUMENT when the batch size is symbolic, differs between tensors or is less than `parts`.
 */
export function accumulateGradients(
  lossOf: LossFunction,
  batch: Readonly<Record<string, Tensor>>,
  wrt: readonly Tensor[],
  parts: number,
  options: Pick<GradOptions, "recompute"> = {},
): { readonly outputs: LossOutputs; readonly gradients: readonly Tensor[] } {
  const size = batchSize(batch, parts);
  let gradients: readonly Tensor[] | undefined;
  let outputs: LossOutputs | undefined;
  const updates = new Map<Variable, Value>();
  for (let part = 0; part < parts; part++) {
    const begin = Math.floor((size * part) / parts);
    const end = Math.floor((size * (part + 1)) / parts);
    const template = tracePart(lossOf, batch, end - begin, parts > 1 ? `part${part}` : "");
    const rows = rowsOf(batch, begin, end, size, gradients);
    const leaves = new Map([...template.inputs].map(([name, placeholder]) => [placeholder, rows.get(name)!.value]));
    // Running statistics go on from where the part before left them.
    for (const [variable, value] of updates) leaves.set(variable.value, value);
    const graph = substitute(template.graph, leaves);
    for (const [variable, value] of graph.updates) updates.set(variable, value);

    const share = (end - begin) / size;
    const loss = new Tensor(graph.outputs.get("loss")!);
    gradients = grad(loss, wrt, {
      constants: [...rows.values()],
      accumulate: gradients,
      cotangent: full(loss.shape, share, loss.dtype),
      recompute: options.recompute,
    });
    const means = [...graph.outputs].map(([name, value]) => [name, new Tensor(value).mul(share)] as const);
    outputs = Object.fromEntries(means.map(([name, t]) => [name, outputs ? outputs[name]!.add(t) : t])) as LossOutputs;
  }
  for (const [variable, value] of updates) recordUpdate(variable, value);
  return { outputs: outputs!, gradients: gradients! };
}

/**
 * How many parts to cut a batch into: 800 to 1,600 rows (tokens × images) each, of equal size where the batch divides, and at most 8, since
 * the graph grows with them.
 * @param rows rows of one example in the model's matrix products (tokens of an image); fractions too
 */
export function partsFor(batch: number, rows: number): number {
  const most = Math.max(1, Math.min(8, batch, Math.floor((batch * rows) / 750)));
  const even = Array.from({ length: most }, (_, i) => most - i).find((parts) => batch % parts === 0)!;
  return even * 2 > most ? even : most;
}

/** The loss of `rows` examples on placeholders, without work that the loss does not need (tokens that nobody reads in the last block). */
function tracePart(
  lossOf: LossFunction,
  batch: Readonly<Record<string, Tensor>>,
  rows: number,
  repeat: string,
): { readonly graph: Graph; readonly inputs: ReadonlyMap<string, Value> } {
  const inputs = new Map(
    Object.entries(batch).map(([name, t]) => [name, inputValue(name, t.dtype, [rows, ...t.shape.slice(1)])]),
  );
  const tensors = Object.fromEntries([...inputs].map(([name, value]) => [name, new Tensor(value)]));
  const { result, updates } = trace(() => withRepeat(repeat, () => lossOf(tensors)));
  const outputs = new Map(Object.entries(result).map(([name, t]) => [name, t.value]));
  return { graph: selectEarly({ inputs: [...inputs.values()], outputs, updates }), inputs };
}

/** The rows of one part; they wait for the gradients of the part before, so that its activations are freed first. */
function rowsOf(
  batch: Readonly<Record<string, Tensor>>,
  begin: number,
  end: number,
  size: number,
  before: readonly Tensor[] | undefined,
): ReadonlyMap<string, Tensor> {
  const rows = new Map(
    Object.entries(batch).map(([name, t]) => [name, end - begin === size ? t : slice(t, 0, begin, end)]),
  );
  const [first] = rows;
  if (before && first) rows.set(first[0], first[1].add(cast(nothingAfter(before), first[1].dtype)));
  return rows;
}

/** 0, once all the gradients are there: a data dependency is all that orders the engine's work. */
function nothingAfter(gradients: readonly Tensor[]): Tensor {
  const firsts = gradients
    .filter((g) => isFloat(g.dtype))
    .map((g) => apply("Gather", [apply("Reshape", [g, ints([-1])]), scalar(0, "int64")], { axis: 0 }));
  return apply("Sum", firsts).mul(0);
}

function batchSize(batch: Readonly<Record<string, Tensor>>, parts: number): number {
  const found = new Set(Object.values(batch).map((t) => t.shape[0]));
  const [size] = found;
  if (found.size !== 1 || typeof size !== "number" || size < parts)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `accumulateGradients: all tensors must have the same number of rows, at least ${parts}`,
      evidence: `got ${[...found].join(", ")}`,
    });
  return size;
}
