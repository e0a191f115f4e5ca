/** Matrix products. Each gradient of a product is a product again. */

import { equalShapes, mulDims } from "../../graph/dim.ts";
import { apply, type Tensor, unsqueeze } from "../../tensor/index.ts";
import { unbroadcast } from "../broadcast.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { einsumGradients } from "./einsum.ts";

type ProductOp = "MatMul" | "Gemm" | "FusedMatMul" | "Einsum";

export const productRules: GradientRules<ProductOp> = {
  MatMul: { chain: matMulGradients },

  /** The weight gradient dyᵀ · x has the form into whose third operand micro-batches can accumulate. */
  Gemm: {
    chain: ({ attributes, cotangent, input, inputs, needs }) => {
      const { alpha, beta, transA, transB } = attributes;
      const [a, b, dy] = [input(0), input(1), cotangent(0)];
      const c = inputs[2];
      const toA = (): Tensor =>
        transA
          ? apply("Gemm", [b, dy], { alpha, transA: transB, transB: 1 })
          : apply("Gemm", [dy, b], { alpha, transB: transB ? 0 : 1 });
      const toB = (): Tensor =>
        transB
          ? apply("Gemm", [dy, a], { alpha, transA: 1, transB: transA })
          : apply("Gemm", [a, dy], { alpha, transA: transA ? 0 : 1 });
      const toC = (): Tensor => {
        const summed = unbroadcast(dy, c!);
        return beta === 1 ? summed : summed.mul(beta);
      };
      return [needs(0) ? toA() : undefined, needs(1) ? toB() : undefined, c && needs(2) ? toC() : undefined];
    },
  },

  FusedMatMul: {
    chain: ({ attributes, input, through }) => {
      const { alpha, transA, transB, transBatchA, transBatchB } = attributes;
      const a = arranged(input(0), transA, transBatchA);
      const b = arranged(input(1), transB, transBatchB);
      return through(a.matmul(b).mul(alpha));
    },
  },

  Einsum: { chain: einsumGradients },
};

function matMulGradients({ cotangent, input, needs }: GradientContext<"MatMul">): readonly (Tensor | undefined)[] {
  // A vector counts as one row on the left, one column on the right.
  const a = input(0).rank === 1 ? unsqueeze(input(0), 0) : input(0);
  const b = input(1).rank === 1 ? unsqueeze(input(1), 1) : input(1);
  const given = cotangent(0);
  const withRow = input(0).rank === 1 ? unsqueeze(given, input(1).rank === 1 ? 0 : -2) : given;
  const dy = input(1).rank === 1 ? unsqueeze(withRow, -1) : withRow;

  const toB = (): Tensor => {
    // A weight shared by all rows: one product over the rows instead of one for each element of the batch and their sum.
    if (b.rank === 2 && a.rank > 2) return apply("Gemm", [rowsOf(a), rowsOf(dy)], { transA: 1 });
    return unbroadcast(swapped(a).matmul(dy), b);
  };
  const toA = (): Tensor => unbroadcast(dy.matmul(swapped(b)), a);
  const inShape = (t: Tensor, like: Tensor): Tensor => (equalShapes(t.shape, like.shape) ? t : t.reshape(like.shape));
  return [needs(0) ? inShape(toA(), input(0)) : undefined, needs(1) ? inShape(toB(), input(1)) : undefined];
}

/** [.., n, m] → [.., m, n]. */
function swapped(t: Tensor): Tensor {
  const { rank } = t;
  return t.transpose(Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2)));
}

/** [.., n, m] → [rows, m]. */
function rowsOf(t: Tensor): Tensor {
  return t.reshape([mulDims(1, ...t.shape.slice(0, -1)), t.shape.at(-1)!]);
}

/** An operand of `FusedMatMul` as a plain `MatMul` takes it: first axis moved before the last, then the last two swapped. */
function arranged(t: Tensor, trans: number, transBatch: number): Tensor {
  const { rank } = t;
  const moved = transBatch ? t.transpose([...Array.from({ length: rank - 2 }, (_, i) => i + 1), 0, rank - 1]) : t;
  return trans ? swapped(moved) : moved;
}
