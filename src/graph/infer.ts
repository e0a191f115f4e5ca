/**
 * Element types and shapes of every operator's outputs: one exhaustive table.
 * @source https://onnx.ai/onnx/operators/ (each operator's "Summary", "Attributes" and "Type Constraints").
 */

import * as elementwise from "./infer/elementwise.ts";
import * as fused from "./infer/fused.ts";
import * as indexing from "./infer/indexing.ts";
import * as movement from "./infer/movement.ts";
import * as products from "./infer/products.ts";
import * as recurrent from "./infer/recurrent.ts";
import * as reductions from "./infer/reductions.ts";
import { InferContext, type InferRule } from "./infer/rule.ts";
import * as windows from "./infer/windows.ts";
import { operators } from "./operators.ts";
import { type Attributes, type OpName, operatorSpec } from "./ops.ts";
import type { Value, ValueType } from "./value.ts";

const rules: { readonly [K in OpName]: InferRule<K> } = {
  Abs: elementwise.numberUnary,
  Neg: elementwise.neg,
  Sign: elementwise.numberUnary,
  Exp: elementwise.floatUnary,
  Log: elementwise.floatUnary,
  Sqrt: elementwise.floatUnary,
  Reciprocal: elementwise.floatUnary,
  Sin: elementwise.floatUnary,
  Cos: elementwise.floatUnary,
  Tan: elementwise.floatUnary,
  Asin: elementwise.floatUnary,
  Acos: elementwise.floatUnary,
  Atan: elementwise.floatUnary,
  Sinh: elementwise.floatUnary,
  Cosh: elementwise.floatUnary,
  Tanh: elementwise.floatUnary,
  Erf: elementwise.numberUnary,
  Sigmoid: elementwise.floatUnary,
  Softplus: elementwise.floatUnary,
  Softsign: elementwise.floatUnary,
  Relu: elementwise.numberUnary,
  LeakyRelu: elementwise.floatUnary,
  Elu: elementwise.floatUnary,
  HardSigmoid: elementwise.floatUnary,
  HardSwish: elementwise.floatUnary,
  Gelu: elementwise.floatUnary,
  QuickGelu: elementwise.floatUnary,
  Floor: elementwise.rounding,
  Ceil: elementwise.rounding,
  Round: elementwise.rounding,
  Not: elementwise.not,
  IsNaN: elementwise.floatTest,
  IsInf: elementwise.floatTest,
  Identity: elementwise.identity,
  Cast: elementwise.cast,
  Clip: elementwise.clip,

  Add: elementwise.arithmetic,
  Sub: elementwise.arithmetic,
  Mul: elementwise.arithmetic,
  Div: elementwise.arithmetic,
  Pow: elementwise.pow,
  Mod: elementwise.arithmetic,
  PRelu: elementwise.prelu,
  Min: elementwise.variadic,
  Max: elementwise.variadic,
  Sum: elementwise.variadic,
  And: elementwise.logical,
  Or: elementwise.logical,
  Xor: elementwise.logical,
  Equal: elementwise.equal,
  Less: elementwise.ordering,
  LessOrEqual: elementwise.ordering,
  Greater: elementwise.ordering,
  GreaterOrEqual: elementwise.ordering,
  Where: elementwise.where,

  MatMul: products.matMul,
  Gemm: products.gemm,
  FusedMatMul: products.fusedMatMul,
  Einsum: products.einsum,

  ReduceSum: reductions.reduce,
  ReduceMean: reductions.reduce,
  ReduceMax: reductions.reduce,
  ReduceMin: reductions.reduce,
  ReduceProd: reductions.reduce,
  ReduceL1: reductions.reduce,
  ReduceL2: reductions.reduce,
  ReduceSumSquare: reductions.reduce,
  ReduceLogSumExp: reductions.reduce,
  ArgMax: reductions.argExtremum,
  ArgMin: reductions.argExtremum,
  CumSum: reductions.cumSum,
  TopK: reductions.topK,

  Softmax: reductions.softmax,
  LogSoftmax: reductions.softmax,
  LayerNormalization: reductions.layerNormalization,
  GroupNormalization: reductions.groupNormalization,
  InstanceNormalization: reductions.instanceNormalization,
  BatchNormalization: reductions.batchNormalization,

  RNN: recurrent.rnn,
  GRU: recurrent.gru,
  LSTM: recurrent.lstm,

  Conv: windows.conv,
  ConvTranspose: windows.convTranspose,
  MaxPool: windows.maxPool,
  AveragePool: windows.averagePool,
  GlobalAveragePool: windows.globalPool,
  GlobalMaxPool: windows.globalPool,
  Col2Im: windows.col2Im,
  DeformConv: windows.deformConv,
  Resize: movement.resize,
  GridSample: windows.gridSample,
  DepthToSpace: windows.depthToSpace,
  SpaceToDepth: windows.spaceToDepth,

  Reshape: movement.reshape,
  Flatten: movement.flatten,
  Squeeze: movement.squeeze,
  Unsqueeze: movement.unsqueeze,
  Transpose: movement.transpose,
  Concat: movement.concat,
  Split: movement.split,
  Slice: movement.slice,
  Pad: movement.pad,
  Expand: movement.expand,
  Tile: movement.tile,
  Trilu: movement.trilu,
  Gather: indexing.gather,
  GatherElements: indexing.gatherElements,
  GatherND: indexing.gatherND,
  ScatterElements: indexing.scatterElements,
  ScatterND: indexing.scatterND,
  OneHot: indexing.oneHot,
  EyeLike: movement.eyeLike,
  Range: movement.range,
  Shape: movement.shapeOf,
  Size: movement.size,
  ConstantOfShape: movement.constantOfShape,
  Dropout: elementwise.dropout,

  QuantizeLinear: fused.quantizeLinear,
  DequantizeLinear: fused.dequantizeLinear,
  DynamicQuantizeLinear: fused.dynamicQuantizeLinear,
  MatMulInteger: fused.matMulInteger,
  DynamicQuantizeMatMul: fused.dynamicQuantizeMatMul,
  MatMulNBits: fused.matMulNBits,

  MultiHeadAttention: fused.multiHeadAttention,
  SkipLayerNormalization: fused.skipLayerNormalization,
};

/** Names of the inputs of each operator; `undefined` where any number is allowed. */
const inputNames = new Map(
  (Object.keys(operators) as OpName[]).map((op) => {
    const { inputs } = operatorSpec(op);
    return [op, inputs[0] === "…" ? undefined : inputs] as const;
  }),
);

/**
 * Element types and shapes of all outputs that the operator can have on these inputs, in ONNX's order.
 * @throws {VitrineError} SHAPE_MISMATCH or DTYPE_MISMATCH where the operator does not accept the inputs.
 */
export function inferNode<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes<K>,
  scope: string,
): readonly ValueType[] {
  const context = new InferContext(op, inputs, attributes, scope);
  const names = inputNames.get(op);
  if (names) {
    if (inputs.length > names.length) context.fail(`at most ${names.length} inputs are allowed`);
    for (let i = 0; i < names.length; i++)
      if (!inputs[i] && !names[i]!.endsWith("?")) context.fail(`input ${names[i]} is missing`);
  } else if (inputs.length === 0) context.fail("an input is missing");
  return rules[op](context);
}
