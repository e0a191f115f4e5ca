import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { VitrineError } from "../../src/errors.ts";
import { addDims, type Dim, evaluateDim, mulDims, type Shape, shapeText, symbol } from "../../src/graph/dim.ts";
import { type DType, ndarray } from "../../src/graph/dtype.ts";
import { constantValue, inputValue, makeNode, sizesValue } from "../../src/graph/graph.ts";
import { inferNode } from "../../src/graph/infer.ts";
import { operators } from "../../src/graph/operators.ts";
import { type Attributes, completeAttributes, type OpName, operatorSpec } from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";

/** One operator on sizes that are numbers, and what ONNX Runtime made of it (tools/shape-cases.py); `null`: it refused. */
interface ShapeCase {
  readonly op: OpName;
  readonly inputs: readonly ({ dtype: DType; shape: readonly number[]; data?: readonly (number | boolean)[] } | null)[];
  readonly attributes: Partial<Attributes<OpName>>;
  readonly outputs: readonly { dtype: DType; shape: readonly number[] }[] | null;
}

const cases: readonly ShapeCase[] = JSON.parse(
  readFileSync(new URL("golden/shape-cases.json", import.meta.url), "utf8"),
);
const names = Object.keys(operators) as OpName[];

test("every operator of the union has a case", () => {
  const seen = new Set(cases.filter((c) => c.outputs !== null).map((c) => c.op));
  expect(names.filter((op) => !seen.has(op))).toEqual([]);
});

describe("element types and shapes are ONNX Runtime's", () => {
  for (const op of names)
    test(op, () => {
      for (const shapeCase of cases.filter((c) => c.op === op)) {
        const { outputs } = shapeCase;
        if (outputs === null) expect(() => infer(shapeCase), describeCase(shapeCase)).toThrow(VitrineError);
        else
          expect(
            infer(shapeCase)
              .slice(0, outputs.length)
              .map(({ dtype, shape }) => ({ dtype, shape })),
            describeCase(shapeCase),
          ).toEqual(outputs);
      }
    });
});

test("every output that the operator can have is described", () => {
  for (const shapeCase of cases) {
    const { outputs } = operatorSpec(shapeCase.op);
    if (!shapeCase.outputs || outputs[0] === "…" || shapeCase.op === "BatchNormalization") continue;
    expect(infer(shapeCase), shapeCase.op).toHaveLength(outputs.length);
  }
  const statistics = [0, 1, 2, 3].map(() => f32([6]));
  const types = makeNode("BatchNormalization", [f32([2, 6, 4]), ...statistics], { training_mode: 1 }, "").outputs;
  expect(types.map((v) => shapeText(v.shape))).toEqual(["[2, 6, 4]", "[6]", "[6]"]);
});

test("sizes with symbols have the values that ONNX Runtime gives for numbers", () => {
  const s = symbol("s");
  let compared = 0;
  for (const shapeCase of cases) {
    // Bounds of slices are taken to lie on an axis whose size is not known; here they do not.
    if (!shapeCase.outputs || shapeCase.op === "Slice") continue;
    const fed = shapeCase.inputs.flatMap((spec) => (spec && !spec.data ? spec.shape : []));
    for (const size of new Set(fed)) {
      const types = attempt(() => infer(shapeCase, (dim) => (dim === size ? s : dim)));
      if (!types) continue;
      const bindings = new Map([["s", size]]);
      const shapes = types
        .slice(0, shapeCase.outputs.length)
        .map((v) => v.shape.map((dim) => evaluateDim(dim, bindings)));
      expect(shapes, `${describeCase(shapeCase)} with s = ${size}`).toEqual(shapeCase.outputs.map((v) => v.shape));
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(700);
});

const b = symbol("b");
const t = symbol("t");

test("a symbolic batch runs through a vision transformer", () => {
  const image = f32([b, 3, 224, 224]);
  const patches = one("Conv", [image, f32([768, 3, 16, 16]), f32([768])], { strides: [16, 16] });
  expect(text(patches)).toBe("[b, 768, 14, 14]");
  const tokens = one("Transpose", [one("Reshape", [patches, i64(0, 768, -1)])], { perm: [0, 2, 1] });
  expect(text(tokens)).toBe("[b, 196, 768]");
  const classToken = one("Expand", [f32([1, 1, 768]), sizesValue([b, 1, 768])]);
  const x = one("Add", [one("Concat", [classToken, tokens], { axis: 1 }), f32([1, 197, 768])]);
  expect(text(x)).toBe("[b, 197, 768]");
  const normal = one("LayerNormalization", [x, f32([768]), f32([768])]);
  const qkv = one("Add", [one("MatMul", [normal, f32([768, 2304])]), f32([2304])]);
  const heads = one("Transpose", [one("Reshape", [qkv, i64(0, 0, 3, 12, 64)])], { perm: [2, 0, 3, 1, 4] });
  expect(text(heads)).toBe("[3, b, 12, 197, 64]");
  const [q, k, v] = [0, 1, 2].map((i) => one("Gather", [heads, i64Scalar(i)])) as [Value, Value, Value];
  const scores = one("Softmax", [one("MatMul", [q, one("Transpose", [k], { perm: [0, 1, 3, 2] })])]);
  expect(text(scores)).toBe("[b, 12, 197, 197]");
  const mixed = one("Reshape", [
    one("Transpose", [one("MatMul", [scores, v])], { perm: [0, 2, 1, 3] }),
    i64(0, 0, 768),
  ]);
  expect(text(mixed)).toBe("[b, 197, 768]");
  const first = one("Squeeze", [one("Slice", [mixed, i64(0), i64(1), i64(1)]), i64(1)]);
  expect(text(one("Gemm", [first, f32([1000, 768]), f32([1000])], { transB: 1 }))).toBe("[b, 1000]");
});

test("shapes that a graph computes from shapes stay known", () => {
  const x = f32([b, 12, t, 64]);
  const shape = one("Shape", [x]);
  const at = (i: number): Value => one("Gather", [shape, i64Scalar(i)]);
  const width = one("Mul", [at(1), at(3)]);
  expect(width.known).toEqual([768]);
  const wanted = one("Concat", [0, 2].map((i) => one("Unsqueeze", [at(i), i64(0)])).concat(i64(-1)), { axis: 0 });
  expect(wanted.known?.map(String)).toEqual(["b", "t", "-1"]);
  expect(text(one("Reshape", [one("Transpose", [x], { perm: [0, 2, 1, 3] }), wanted]))).toBe("[b, t, 768]");
});

test("PyTorch's expand, whose -1 is replaced by Where, stays known", () => {
  const wanted = one("Concat", [one("Reshape", [one("Size", [f32([b])]), i64(1)]), i64(-1, 768)], { axis: 0 });
  const ones = one("ConstantOfShape", [i64(3)], { value: 1, to: 7 });
  const minus = one("Mul", [ones, i64Scalar(-1)]);
  const sizes = one("Where", [one("Equal", [wanted, minus]), ones, wanted]);
  expect(sizes.known?.map(String)).toEqual(["b", "1", "768"]);
  expect(text(one("Expand", [f32([1, 5, 768]), sizes]))).toBe("[b, 5, 768]");
});

test("reductions, arithmetic, splits and ranges of known sizes stay known", () => {
  const sizes = sizesValue([b, 6, t]);
  expect(one("ReduceProd", [sizes], { keepdims: 0 }).known?.map(String)).toEqual(["6*b*t"]);
  expect(one("ReduceSum", [sizes, i64(0)]).known?.map(String)).toEqual(["b+t+6"]);
  expect(one("ReduceMax", [i64(3, 9, 2)]).known).toEqual([9]);
  expect(one("Div", [sizesValue([mulDims(6, b), addDims(t, 1)]), i64Scalar(2)]).known?.map(String)).toEqual([
    "3*b",
    "floor((t+1)/2)",
  ]);
  expect(one("Neg", [sizes]).known?.map(String)).toEqual(["-b", "-6", "-t"]);
  expect(one("Slice", [sizes, i64(-1), i64(-(2 ** 40)), i64(0), i64(-1)]).known?.map(String)).toEqual(["t", "6", "b"]);
  const parts = makeNode("Split", [sizes, i64(1, 2)], { axis: 0 }, "").outputs;
  expect(parts.map((v) => v.known?.map(String))).toEqual([["b"], ["6", "t"]]);
  expect(one("Range", [i64Scalar(2), i64Scalar(9), i64Scalar(3)]).known).toEqual([2, 5, 8]);
  expect(text(one("Range", [i64Scalar(0), one("Size", [f32([t])]), i64Scalar(1)]))).toBe("[t]");
  expect(one("Cast", [one("Cast", [sizes], { to: 1 })], { to: 7 }).known?.map(String)).toEqual(["b", "6", "t"]);
});

test("PyTorch's padding, which turns pairs of pads around in a matrix, stays known", () => {
  const zeros = one("ConstantOfShape", [i64(4)], { value: 0, to: 7 });
  const missing = one("Unsqueeze", [
    one("Mod", [one("Gather", [one("Shape", [f32([b, 5, t])]), i64Scalar(1)]), i64Scalar(2)]),
    i64(0),
  ]);
  const pairs = one("Reshape", [one("Concat", [i64(0), missing, zeros], { axis: 0 }), i64(-1, 2)]);
  const turned = one("Slice", [pairs, i64(-1), i64(-(2 ** 40)), i64(0), i64(-1)]);
  const pads = one("Cast", [one("Reshape", [one("Transpose", [turned]), i64(-1)])], { to: 7 });
  expect(pads.known).toEqual([0, 0, 0, 0, 0, 1]);
  expect(text(one("Pad", [f32([b, 5, t]), pads]))).toBe("[b, 5, t+1]");
});

test("the side of a square grid, a power of constants, stays known", () => {
  const power = one("Pow", [
    constantValue(ndarray("float32", [], [256])),
    constantValue(ndarray("float32", [], [0.5])),
  ]);
  expect(one("Cast", [power], { to: 7 }).known).toEqual([16]);
});

test("contents of int32 constants are known too", () => {
  const index = constantValue(ndarray("int32", [], [1]));
  expect(one("Gather", [one("Shape", [f32([b, t])]), index]).known?.map(String)).toEqual(["t"]);
});

test("what an operator does not compute is not known", () => {
  const sizes = sizesValue([b, 6]);
  expect(one("Cast", [sizes], { to: 9 }).known).toBeUndefined();
  expect(one("Gather", [sizes, inputValue("i", "int64", [1])]).known).toBeUndefined();
  expect(one("Equal", [sizes, i64(3, 6)]).known).toBeUndefined();
  expect(one("Add", [sizes, inputValue("i", "int64", [2])]).known).toBeUndefined();
  expect(one("Abs", [sizes]).known).toBeUndefined();
  expect(one("CumSum", [sizes, i64Scalar(0)]).known).toBeUndefined();
  expect(one("Pow", [sizesValue([2]), i64Scalar(2)]).known).toBeUndefined();
});

test("slices of an axis with a symbol count from its ends", () => {
  const x = f32([b, t]);
  const cut = (start: Dim, end: Dim, step = 1): string =>
    text(one("Slice", [x, sizesValue([start]), sizesValue([end]), i64(1), i64(step)]));
  const end = 2 ** 63;
  expect(cut(1, end)).toBe("[b, t-1]");
  expect(cut(0, -1)).toBe("[b, t-1]");
  expect(cut(-3, end)).toBe("[b, 3]");
  expect(cut(0, t)).toBe("[b, t]");
  expect(cut(0, addDims(t, 5))).toBe("[b, t]");
  expect(cut(0, end, 2)).toBe("[b, floor((t+1)/2)]");
  expect(cut(-1, -end, -1)).toBe("[b, t]");
  const last = constantValue({ dtype: "int64", shape: [1], data: new BigInt64Array([2n ** 63n - 1n]) });
  expect(text(one("Slice", [x, i64(2), last, i64(1)]))).toBe("[b, t-2]");
  expect(text(one("Slice", [f32([1, 512]), i64(0), sizesValue([t]), i64(1)]))).toBe("[1, t]");
});

test("windows over an image of symbolic size", () => {
  const [h, w] = [symbol("h"), symbol("w")];
  const x = f32([b, 3, h, w]);
  const attributes = { strides: [2, 2], pads: [1, 1, 1, 1] };
  expect(text(one("Conv", [x, f32([8, 3, 3, 3])], attributes))).toBe("[b, 8, floor((h+1)/2), floor((w+1)/2)]");
  expect(text(one("ConvTranspose", [x, f32([3, 8, 2, 2])], { strides: [2, 2] }))).toBe("[b, 8, 2*h, 2*w]");
  const scales = constantValue(ndarray("float32", [4], [1, 1, 2, 0.5]));
  expect(text(one("Resize", [x, undefined, scales]))).toBe("[b, 3, 2*h, floor(w/2)]");
  expect(text(one("Pad", [x, i64(1, 2), undefined, i64(-1)]))).toBe("[b, 3, h, w+3]");
  expect(text(one("Flatten", [x]))).toBe("[b, 3*h*w]");
});

test("errors name the operator, the shapes and the module", () => {
  const messages = [
    message("MatMul", [f32([b, 197, 768]), f32([512, 768])], {}, "blocks.3.attn.proj"),
    message("Add", [f32([b, 4]), f32([t, 4])]),
    message("Add", [f32([2]), inputValue("i", "int64", [2])], {}, "head"),
    message("Reshape", [f32([b, 197, 768]), i64(0, 13, -1)]),
    message("Reshape", [f32([2]), inputValue("shape", "int64", [1])]),
    message("Concat", [f32([2, 3]), f32([3, 3])], { axis: 1 }),
    message("Conv", [f32([1, 3, 8, 8]), f32([4, 1, 3, 3]), f32([4])], { group: 2 }),
    message("Softmax", [f32([2, 3])], { axis: 2 }),
    message("LayerNormalization", [f32([2, 3])]),
    message("Exp", [inputValue("i", "int32", [3])]),
    message("Gemm", [f32([2, 3]), f32([2, 3])]),
    message("Split", [f32([2, 3]), i64(1, 1)], { axis: 1 }),
  ];
  expect(messages).toMatchInlineSnapshot(`
    [
      "MatMul: inner sizes must be equal, got [b, 197, 768] · [512, 768] in blocks.3.attn.proj",
      "Add: sizes must be equal or 1, got [b, 4] · [t, 4]",
      "Add: element types must be equal, got float32[2] · int64[2] in head",
      "Reshape: the other sizes must divide the number of elements, got [b, 197, 768] · (0, 13, -1)",
      "Reshape: shape must be known while tracing, got [2] · [1]",
      "Concat: sizes must be equal except on axis 1, got [2, 3] · [3, 3]",
      "Conv: channels of X must be those of W times group 2, got [1, 3, 8, 8] · [4, 1, 3, 3] · [4]",
      "Softmax: axis 2 must lie in [-2, 1], got [2, 3]",
      "LayerNormalization: input Scale is missing, got [2, 3]",
      "Exp: the input must be floating-point, got int32[3]",
      "Gemm: inner sizes must be equal, got [2, 3] · [2, 3]",
      "Split: the parts (1, 1) must add up to axis 1, got [2, 3] · (1, 1)",
    ]
  `);
});

test("the error's code tells sizes from element types", () => {
  expect(code(() => one("Add", [f32([2]), f32([3])]))).toBe("SHAPE_MISMATCH");
  expect(code(() => one("Exp", [inputValue("i", "int32", [3])]))).toBe("DTYPE_MISMATCH");
});

function infer(
  { op, inputs, attributes }: ShapeCase,
  sized: (dim: number) => Dim = (dim) => dim,
): readonly { dtype: DType; shape: Shape }[] {
  const values = inputs.map((spec, i) => {
    if (!spec) return undefined;
    if (!spec.data) return inputValue(`i${i}`, spec.dtype, spec.shape.map(sized));
    return constantValue(ndarray(spec.dtype, spec.shape, spec.data.map(Number)));
  });
  return inferNode(op, values, completeAttributes(op, attributes), "");
}

function describeCase({ op, inputs, attributes }: ShapeCase): string {
  return `${op} ${JSON.stringify(inputs)} ${JSON.stringify(attributes)}`;
}

function f32(shape: Shape): Value {
  return inputValue("x", "float32", shape);
}

function i64(...data: readonly number[]): Value {
  return constantValue(ndarray("int64", [data.length], data));
}

function i64Scalar(value: number): Value {
  return constantValue(ndarray("int64", [], [value]));
}

function one<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: Partial<Attributes<K>> = {},
): Value {
  return makeNode(op, inputs, attributes, "").outputs[0]!;
}

function text(value: Value): string {
  return shapeText(value.shape);
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof VitrineError) return undefined;
    throw error;
  }
}

function code(make: () => unknown): string | undefined {
  try {
    make();
  } catch (error) {
    return (error as VitrineError).code;
  }
  return undefined;
}

function message<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: Partial<Attributes<K>> = {},
  scope = "",
): string {
  try {
    makeNode(op, inputs, attributes, scope);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
}
