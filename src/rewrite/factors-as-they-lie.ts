/**
 * Factors are multiplied as they lie: an exchange of the last two axes before or after a product becomes an attribute of `FusedMatMul`.
 *
 * Queries times keysᵀ needs the keys' last axis in front. With keys that are written so the product takes 1.1 to 1.7 times as long as with keys
 * whose heads are merely parted (`bench/forms.ts`). The engine has such a pass, too, but makes one move of both first and then finds no exchange.
 */

import { consumersOf, type Graph, makeNode, nodeOf, readOnceIn, rebuild, rootsOf } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { Tensor, withPath } from "../tensor/index.ts";
import { permutation } from "./sections.ts";

/** Takes exchanges of the last two axes into products of three or more axes. */
export function factorsAsTheyLie(graph: Graph): Graph {
  const consumers = consumersOf(graph);
  const roots = new Set(rootsOf(graph));
  const isOnlyRead = readOnceIn(graph);
  const isOnlyMultiplied = (value: Value): boolean =>
    !roots.has(value) && consumers.get(value)!.every(({ op }) => op === "MatMul" || op === "FusedMatMul");
  return rebuild(graph, (node, inputs) => {
    const product = productOf(node, inputs);
    if (product) {
      // Where others read the turned factor too, its move stays, and another one would be a move more.
      const [a, b] = ([product.a, product.b] as const).map((factor, i) =>
        isOnlyMultiplied(node.inputs[i]!) ? lain(factor, node.scope) : undefined,
      );
      return a || b ? [multiplied({ ...product, a: a ?? product.a, b: b ?? product.b })] : undefined;
    }
    const moves = movesAfterExchange(node);
    const maker = moves && isOnlyRead(node.inputs[0]!) ? nodeOf(inputs[0]!) : undefined;
    const inner = maker && productOf(maker, maker.inputs);
    if (!moves || !inner) return undefined;
    // (A B)ᵀ = Bᵀ Aᵀ
    return [moved(multiplied({ ...inner, a: crossed(inner.b), b: crossed(inner.a) }), moves, node.scope)];
  });
}

/** A tensor, or what it is with its last two axes exchanged. */
interface Factor {
  readonly value: Value;
  readonly crossed: boolean;
}

interface Product {
  readonly a: Factor;
  readonly b: Factor;
  readonly alpha: number;
  readonly scope: string;
}

/** A product of two tensors with equally many axes, three or more. */
function productOf(node: Node, inputs: readonly (Value | undefined)[]): Product | undefined {
  if (node.op !== "MatMul" && node.op !== "FusedMatMul") return undefined;
  const [a, b] = inputs as readonly [Value, Value];
  if (a.shape.length < 3 || a.shape.length !== b.shape.length || a.dtype !== "float32") return undefined;
  const plain = { alpha: 1, transA: 0, transB: 0, transBatchA: 0, transBatchB: 0 };
  const how = node.op === "MatMul" ? plain : (node as unknown as Node<"FusedMatMul">).attributes;
  if (how.transBatchA || how.transBatchB) return undefined;
  return {
    a: { value: a, crossed: how.transA === 1 },
    b: { value: b, crossed: how.transB === 1 },
    alpha: how.alpha,
    scope: node.scope,
  };
}

function multiplied({ a, b, alpha, scope }: Product): Value {
  const transposed = { transA: a.crossed ? 1 : 0, transB: b.crossed ? 1 : 0 };
  return makeNode("FusedMatMul", [a.value, b.value], { alpha, ...transposed }, scope).outputs[0]!;
}

const crossed = ({ value, crossed }: Factor): Factor => ({ value, crossed: !crossed });

/** A factor without the exchange that made it; `undefined` where it was not made by one. */
function lain(factor: Factor, scope: string): Factor | undefined {
  const maker = nodeOf(factor.value);
  const moves = maker && movesBeforeExchange(maker);
  return moves && crossed({ ...factor, value: moved(maker.inputs[0]!, moves, scope) });
}

/** What a `Transpose` does before it exchanges the last two axes, where that leaves the last axis in its place. */
function movesBeforeExchange(node: Node): readonly number[] | undefined {
  const perm = permOf(node);
  if (!perm || perm.at(-2) !== perm.length - 1) return undefined;
  return [...perm.slice(0, -2), perm.at(-1)!, perm.at(-2)!];
}

/** What a `Transpose` does after it has exchanged the last two axes, where that leaves the last axis in its place. */
function movesAfterExchange(node: Node): readonly number[] | undefined {
  const perm = permOf(node);
  if (!perm || perm.at(-1) !== perm.length - 2) return undefined;
  const [first, last] = [perm.length - 2, perm.length - 1];
  return perm.map((axis) => (axis === first ? last : axis === last ? first : axis));
}

function permOf(node: Node): readonly number[] | undefined {
  if (node.op !== "Transpose") return undefined;
  return permutation((node as unknown as Node<"Transpose">).attributes.perm, node.outputs[0]!.shape.length);
}

function moved(value: Value, perm: readonly number[], scope: string): Value {
  if (perm.every((axis, i) => axis === i)) return value;
  return withPath(scope, () => new Tensor(value).transpose(perm).value);
}
