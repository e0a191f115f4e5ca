import { normal, type Use, use } from "../check.ts";

const second = { second: true } as const;

export const productUses: readonly Use[] = [
  use("MatMul", [normal(2, 3), normal(3, 4)], {}, second),
  use("MatMul", [normal(2, 2, 3), normal(3, 4)], {}, second),
  use("MatMul", [normal(2, 2, 3), normal(2, 3, 2)]),
  use("MatMul", [normal(2, 1, 2, 3), normal(3, 3, 2)]),
  use("MatMul", [normal(3, 2), normal(4, 2, 3)]),
  use("MatMul", [normal(3), normal(3, 4)]),
  use("MatMul", [normal(2, 3), normal(3)]),
  use("MatMul", [normal(2, 2, 3), normal(3)]),
  use("MatMul", [normal(3), normal(2, 3, 2)]),
  use("MatMul", [normal(3), normal(3)]),
  use(
    "MatMul",
    [normal(2, 4, 3), normal(2, 3, 4)],
    {},
    {
      free: [
        ["b", "t", 3],
        ["b", 3, "t"],
      ],
    },
  ),
  use(
    "MatMul",
    [normal(2, 4, 3), normal(3, 2)],
    {},
    {
      free: [
        ["b", "t", 3],
        [3, 2],
      ],
    },
  ),
  ...[0, 1].flatMap((transA) =>
    [0, 1].map((transB) =>
      use(
        "Gemm",
        [transA ? normal(3, 2) : normal(2, 3), transB ? normal(4, 3) : normal(3, 4), normal(4)],
        { transA, transB, alpha: 0.7, beta: 1.3 },
        second,
      ),
    ),
  ),
  use("Gemm", [normal(2, 3), normal(3, 4)]),
  use("Gemm", [normal(2, 3), normal(3, 4), normal(2, 1)]),
  use("Gemm", [normal(2, 3), normal(3, 4), normal()]),
  use("Gemm", [normal(3, 2), normal(4, 2), normal(4)], { transB: 1 }, { free: [["b", 2], [4, 2], [4]] }),
  use("FusedMatMul", [normal(2, 3, 2), normal(2, 4, 3)], { transA: 1, transB: 1, alpha: 0.5 }, { dtype: "float32" }),
  use("FusedMatMul", [normal(3, 2, 4), normal(2, 4, 2)], { transBatchA: 1 }, { dtype: "float32" }),
  use("FusedMatMul", [normal(2, 3, 4), normal(5, 2, 4)], { transBatchB: 1, transB: 1 }, { dtype: "float32" }),
  use("Einsum", [normal(2, 3), normal(3, 4)], { equation: "ij,jk->ik" }, second),
  use("Einsum", [normal(2, 3, 4), normal(2, 5, 4)], { equation: "b i d, b j d -> b i j" }),
  use("Einsum", [normal(2, 3), normal(2)], { equation: "ij,i" }),
  use("Einsum", [normal(2, 3)], { equation: "ij->j" }),
  use("Einsum", [normal(3, 3), normal(3)], { equation: "ii,i->i" }),
  use("Einsum", [normal(3, 3)], { equation: "ii->" }),
  use("Einsum", [normal(2, 1, 2, 3), normal(1, 3, 3, 2)], { equation: "...ij,...jk->...ik" }),
  use("Einsum", [normal(2, 3), normal(3, 2), normal(2, 2)], { equation: "ab,bc,ca->" }),
  use(
    "Einsum",
    [normal(2, 3, 2), normal(2, 4, 2)],
    { equation: "bid,bjd->bij" },
    {
      free: [
        ["b", "i", 2],
        ["b", "j", 2],
      ],
    },
  ),
];
