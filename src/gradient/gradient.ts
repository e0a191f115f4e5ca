/**
 * Reverse-mode differentiation: from a loss, a larger graph that also computes its gradients.
 *
 * One walk against the data flow; each operator's chain rule stands in `rules.ts`. The result is ordinary graph, so it can be
 * rewritten, compiled, exported, and differentiated again.
 */

import { VitrineError } from "../errors.ts";
import { shapeText } from "../graph/dim.ts";
import { isFloat } from "../graph/dtype.ts";
import { topologicalOrder } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import { markRemade } from "../graph/remade.ts";
import type { Node, Value } from "../graph/value.ts";
import { full, Tensor, withPath } from "../tensor/index.ts";
import { recompute } from "./recompute.ts";
import type { GradientContext, GradientRule } from "./rule.ts";
import { rules } from "./rules.ts";

/** Options of `grad`. */
export interface GradOptions {
  /** Gradients of earlier parts of the loss, one for each of `wrt`, to which these are added (micro-batches). */
  readonly accumulate?: readonly Tensor[] | undefined;
  /** d(final)/d(loss), where the loss is itself only a part; 1 without it. Its shape is the loss'. */
  readonly cotangent?: Tensor | undefined;
  /** Values through which no gradient flows. */
  readonly constants?: readonly Tensor[] | undefined;
  /** Whether values of the forward pass that are cheap to make again are made again rather than kept; default false. The numbers are the same. */
  readonly recompute?: boolean | undefined;
}

/**
 * The gradients of a loss with respect to values: ∂loss/∂v for each v of `wrt`, in its shape.
 * @param loss a scalar, unless a cotangent of its shape is given
 * @throws {VitrineError} NO_GRADIENT when the loss does not depend on a value, or depends on it through an operator without gradient.
 */
export function grad(loss: Tensor, wrt: readonly Tensor[], options: GradOptions = {}): readonly Tensor[] {
  const { cotangent, accumulate } = options;
  if (!cotangent && loss.shape.some((dim) => dim !== 1))
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "grad: the loss must be a scalar",
      evidence: `got ${shapeText(loss.shape)}`,
    });
  const order = topologicalOrder([loss.value], new Set(options.constants?.map((t) => t.value)));
  const active = dependents(
    order,
    wrt.map((t) => t.value),
  );

  const cotangents = new Map<Value, Tensor>();
  for (const [i, t] of (accumulate ?? []).entries()) cotangents.set(wrt[i]!.value, t);
  add(cotangents, loss.value, cotangent ?? full(loss.shape, 1, loss.dtype));
  walkBack(order, active, cotangents);

  const gradients = wrt.map((t) => {
    const found = cotangents.get(t.value);
    if (!found)
      throw new VitrineError("NO_GRADIENT", {
        rule: "grad: the loss does not depend on a value",
        evidence: describe(t.value),
      });
    return found;
  });
  if (!options.recompute) return gradients;
  const before = [...(options.constants ?? []), ...(accumulate ?? [])];
  const valuesOf = (tensors: readonly Tensor[]): readonly Value[] => tensors.map(({ value }) => value);
  return recompute(valuesOf(gradients), order, valuesOf(before)).map((value) => new Tensor(value));
}

/** Adds to the cotangents what each active value owes to those that are there, from the last node of `order` to the first. */
function walkBack(order: readonly Node[], active: ReadonlySet<Value>, cotangents: Map<Value, Tensor>): void {
  for (const node of [...order].reverse()) {
    if (!node.inputs.some((v) => v && active.has(v))) continue;
    const received = node.outputs.map((v) => cotangents.get(v));
    if (received.every((t) => t === undefined)) continue;
    const parts = withPath(node.scope, () => chainRule(node, received, active));
    for (const [i, input] of node.inputs.entries()) {
      const part = parts[i];
      if (input && part && active.has(input)) add(cotangents, input, part);
    }
  }
}

function add(cotangents: Map<Value, Tensor>, value: Value, part: Tensor): void {
  const before = cotangents.get(value);
  cotangents.set(value, before ? before.add(part) : part);
}

/** The values through which the loss can depend on `wrt`: these and all that floating-point nodes make of them. */
function dependents(order: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(wrt);
  for (const node of order)
    if (node.inputs.some((v) => v && active.has(v)))
      for (const output of node.outputs) if (isFloat(output.dtype)) active.add(output);
  return active;
}

function chainRule(
  node: Node,
  cotangents: readonly (Tensor | undefined)[],
  active: ReadonlySet<Value>,
): readonly (Tensor | undefined)[] {
  const rule = rules[node.op] as GradientRule<OpName>;
  if ("zero" in rule) return [];
  if ("missing" in rule)
    throw new VitrineError("NO_GRADIENT", { rule: `${node.op} has no gradient (${rule.missing})`, place: node.scope });
  const inputs = node.inputs.map((v) => v && new Tensor(v));
  const outputs = node.outputs.map((v) => new Tensor(v));
  const fail = (reason: string): never => {
    throw new VitrineError("NO_GRADIENT", { rule: `${node.op}: ${reason}`, place: node.scope });
  };
  const context: GradientContext<OpName> = {
    attributes: node.attributes,
    inputs,
    outputs,
    cotangents,
    needs: (i) => {
      const input = node.inputs[i];
      return input !== undefined && active.has(input);
    },
    cotangent: (i) => cotangents[i] ?? full(outputs[i]!.shape, 0, outputs[i]!.dtype),
    input: (i) => inputs[i] ?? fail(`input ${i} is missing`),
    through: (composed) => {
      // Only what lies between the inputs and the composed form: the nodes that make the inputs are the outer walk's.
      const wanted = new Set(node.inputs.filter((v) => v !== undefined && active.has(v))) as ReadonlySet<Value>;
      const own = topologicalOrder([composed.value]).filter((n) => !n.outputs.some((v) => wanted.has(v)));
      const inner = new Map<Value, Tensor>([[composed.value, context.cotangent(0)]]);
      walkBack(own, dependents(own, [...wanted]), inner);
      return node.inputs.map((v, i) => (v && wanted.has(v) && node.inputs.indexOf(v) === i ? inner.get(v) : undefined));
    },
    instead: (others, witness) => {
      for (const [i, { value }] of others.entries()) markRemade(node.outputs[i]!, { value, witness: witness.value });
    },
    fail,
  };
  return rule.chain(context);
}

function describe(value: Value): string {
  const { source } = value;
  const name =
    source.kind === "variable"
      ? source.variable.name
      : source.kind === "input"
        ? source.name
        : source.kind === "node"
          ? source.node.op
          : source.kind;
  return `got ${name} ${shapeText(value.shape)}`;
}
