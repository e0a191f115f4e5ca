/** Shape rules of the eight-bit operators and of the fused ones for inference. */

import { type Dim, equalDims, equalShapes, mulDims, type Shape } from "../dim.ts";
import { type DType, isFloat } from "../dtype.ts";
import type { Value, ValueType } from "../value.ts";
import { productShape } from "./products.ts";
import { fitsInto, type InferContext, withDim } from "./rule.ts";

export function quantizeLinear(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const zeroPoint = c.inputs[2];
  c.checkDType(isFloat(dtype) || dtype === "int32", "the input must be floating-point or int32");
  c.checkDType(!zeroPoint || isEightBit(zeroPoint.dtype), "the zero point must be int8 or uint8");
  checkScale(c, shape);
  return [{ dtype: zeroPoint?.dtype ?? "uint8", shape }];
}

export function dequantizeLinear(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const zeroPoint = c.inputs[2];
  c.checkDType(isEightBit(dtype) || dtype === "int32", "the input must be int8, uint8 or int32");
  c.checkDType(!zeroPoint || zeroPoint.dtype === dtype, "the zero point must have the input's element type");
  checkScale(c, shape);
  return [{ dtype: c.input(1).dtype, shape }];
}

/** One scale for all, or one for each place on the axis. */
function checkScale(c: InferContext<{ readonly axis: number }>, shape: Shape): void {
  const scale = c.input(1);
  c.checkDType(isFloat(scale.dtype), "the scale must be floating-point");
  const zeroPoint = c.inputs[2];
  if (zeroPoint) c.check(equalShapes(zeroPoint.shape, scale.shape), "scale and zero point must have the same sizes");
  if (isScalar(scale.shape)) return;
  const axis = c.axis(c.attributes.axis, shape.length);
  c.check(
    scale.shape.length === 1 && equalDims(scale.shape[0]!, shape[axis]!),
    `the scale must be a scalar or fit axis ${axis}`,
  );
}

export function dynamicQuantizeLinear(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(dtype === "float32", "the input must be float32");
  return [
    { dtype: "uint8", shape },
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ];
}

export function matMulInteger(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  c.checkDType(isEightBit(a.dtype) && isEightBit(b.dtype), "the inputs must be int8 or uint8");
  const [, , zeroA, zeroB] = c.inputs;
  c.checkDType(
    (!zeroA || zeroA.dtype === a.dtype) && (!zeroB || zeroB.dtype === b.dtype),
    "zero points must have their input's element type",
  );
  return [{ dtype: "int32", shape: productShape(c, a.shape, b.shape) }];
}

export function dynamicQuantizeMatMul(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  c.checkDType(a.dtype === "float32" && isEightBit(b.dtype), "A must be float32 and B int8 or uint8");
  c.checkDType(c.input(2).dtype === "float32", "b_scale must be float32");
  return [{ dtype: "float32", shape: productShape(c, a.shape, b.shape) }];
}

/** `[…, K] · [N, blocks, bytes] → […, N]`. */
export function matMulNBits(
  c: InferContext<{
    readonly K: number | undefined;
    readonly N: number | undefined;
    readonly bits: number;
    readonly block_size: number | undefined;
  }>,
): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const packed = c.input(1);
  const { K, N, bits, block_size } = c.attributes;
  if (K === undefined || N === undefined || block_size === undefined)
    return c.fail("K, N and block_size must be given");
  c.checkDType(isFloat(dtype) && packed.dtype === "uint8", "A must be floating-point and B uint8");
  c.check(shape.length > 0 && equalDims(shape[shape.length - 1]!, K), `the last size of A must be K = ${K}`);
  const blocks = Math.ceil(K / block_size);
  const expected = [N, blocks, Math.ceil((block_size * bits) / 8)];
  c.check(equalShapes(packed.shape, expected), `B must be [${expected.join(", ")}]`);
  c.check(equalDims(mulDims(1, ...c.input(2).shape), N * blocks), `scales must be ${N} · ${blocks}`);
  return [{ dtype, shape: withDim(shape, shape.length - 1, N) }];
}

/** `[b, s, d]` · `[b, t, d]` · `[b, t, e]` → `[b, s, e]`; key and value may also be `[b, heads, t, width]`. */
export function multiHeadAttention(c: InferContext<{ readonly num_heads: number | undefined }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const [, , , bias, , attentionBias, past] = c.inputs;
  const key = c.inputs[1] ?? c.fail("the key is missing");
  const value = c.inputs[2] ?? c.fail("the value is missing");
  const heads = c.attributes.num_heads ?? c.fail("num_heads must be given");
  c.checkDType(isFloat(dtype), "the query must be floating-point");
  for (const other of [key, value, bias, attentionBias])
    c.checkDType(!other || other.dtype === dtype, "element types must be equal");
  const [batch, length, width] = shape;
  if (shape.length !== 3 || batch === undefined || length === undefined || width === undefined)
    return c.fail("the query must be [batch, length, width]");
  if (typeof width === "number") c.check(width % heads === 0, `${heads} heads must divide the width`);
  const rank = key.shape.length;
  c.check(
    (rank === 3 || rank === 4) && value.shape.length === rank,
    "key and value must both be [batch, length, width], or both split by head",
  );
  c.check(equalDims(key.shape[0]!, batch) && equalDims(value.shape[0]!, batch), "the batch must be the same");
  const tokens = key.shape[rank - 2]!;
  c.check(equalDims(tokens, value.shape[rank - 2]!), "key and value must have the same length");
  if (rank === 4) c.check(key.shape[1] === heads && value.shape[1] === heads, `key and value must have ${heads} heads`);
  const widthOf = ({ shape }: Value): Dim => (rank === 4 ? mulDims(heads, shape[3]!) : shape[2]!);
  const valueWidth = widthOf(value);
  c.check(equalDims(widthOf(key), width), "query and key must have the same width");
  if (typeof valueWidth === "number")
    c.check(valueWidth % heads === 0, `${heads} heads must divide the width of the value`);
  if (attentionBias && !past)
    c.check(
      attentionBias.shape.length === 4 && fitsInto(attentionBias.shape, [batch, heads, length, tokens]),
      "the attention bias must broadcast to [batch, heads, length of query, length of key]",
    );
  return [{ dtype, shape: [batch, length, valueWidth] }];
}

export function skipLayerNormalization(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const skip = c.input(1);
  const [, , gamma, beta, bias] = c.inputs;
  c.checkDType(isFloat(dtype) && skip.dtype === dtype, "element types must be equal and floating-point");
  c.check(shape.length === 2 || shape.length === 3, "the input must be [batch, length, width] or [length, width]");
  c.check(fitsInto(skip.shape, shape), "the skip must broadcast to the input");
  const width = shape[shape.length - 1]!;
  for (const parameter of [gamma, beta, bias])
    if (parameter)
      c.check(
        parameter.shape.length === 1 && equalDims(parameter.shape[0]!, width),
        "parameters must have the width of the input",
      );
  const statistics: ValueType = { dtype: "float32", shape: withDim(shape, shape.length - 1, 1) };
  return [{ dtype, shape }, statistics, statistics, { dtype, shape }];
}

function isEightBit(dtype: DType): boolean {
  return dtype === "int8" || dtype === "uint8";
}

function isScalar(shape: Shape): boolean {
  return shape.length === 0 || (shape.length === 1 && shape[0] === 1);
}
