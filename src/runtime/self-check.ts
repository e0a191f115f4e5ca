/** Whether a device computes right numbers: one small graph of the operators that models live on, against numbers known beforehand. */

import { type NdArray, ndarray, sizeOf } from "../graph/dtype.ts";
import { constantValue, type Graph, inputValue, makeNode } from "../graph/graph.ts";
import type { Attributes, OpName } from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { encodeModel } from "../onnx/encode.ts";
import { type Runtime, toHost } from "./runtime.ts";

/** How far a device's numbers are from the true ones. */
export interface SelfCheck {
  readonly ok: boolean;
  readonly device: Runtime["device"];
  /** Largest |computed − true|; the true numbers lie between −0.2 and 1. */
  readonly largestError: number;
  /** The largest error that counts as right. */
  readonly tolerance: number;
}

/** Every seventh number of the result, computed in float64 (tools/self-check-numbers.py). */
const expected = [
  0.191710381, 0.101825918, 0.860007531, 0.186862641, -0.168514646, 0.0379503419, 0.194607541, -0.164278476,
  0.910276996, 0.411849638, -0.0207614586, 0.0260922772, 0.0211686585, -0.165460106, 0.566912152, 0.254580081,
];

/**
 * Convolution, normalisation, attention and GELU on a 6 × 6 picture.
 * @throws {VitrineError} RUNTIME_FAILURE when the device cannot run it at all.
 */
export async function selfCheck(runtime: Runtime): Promise<SelfCheck> {
  const tolerance = 1e-4;
  const session = await runtime.createSession(encodeModel(graph()));
  try {
    const x = pattern([1, 2, 6, 6], 37);
    const results = await session.run(new Map([["x", x]]));
    const { data } = await toHost(results.get("y")!);
    // Written so that NaN fails.
    const errors = expected.map((value, i) => Math.abs((data[7 * i] as number) - value));
    const largestError = errors.some(Number.isNaN) ? Number.NaN : Math.max(...errors);
    return { ok: largestError <= tolerance, device: runtime.device, largestError, tolerance };
  } finally {
    await session.dispose();
  }
}

function graph(): Graph {
  const x = inputValue("x", "float32", [1, 2, 6, 6]);
  const weights = (shape: readonly number[], factor: number, offset = 0): Value =>
    constantValue(pattern(shape, factor, offset));
  const image = node("Conv", [x, weights([4, 2, 3, 3], 53), weights([4], 11)], { pads: [1, 1, 1, 1] });
  const columns = node("Reshape", [image, constantValue(ndarray("int64", [3], [1, 4, 36]))], {});
  const tokens = node("Transpose", [columns], { perm: [0, 2, 1] });
  const normed = node("LayerNormalization", [tokens, weights([4], 29, 1), weights([4], 43)], {});
  const scores = node("MatMul", [normed, node("Transpose", [normed], { perm: [0, 2, 1] })], {});
  const mixed = node("MatMul", [node("Softmax", [scores], {}), normed], {});
  const y = node("Gelu", [node("MatMul", [mixed, weights([4, 3], 61)], {})], {});
  return { inputs: [x], outputs: new Map([["y", y]]), updates: new Map() };
}

function node<K extends OpName>(op: K, inputs: readonly Value[], attributes: Partial<Attributes<K>>): Value {
  return makeNode(op, inputs, attributes, "self-check").outputs[0]!;
}

/** Numbers between −0.5 and 0.5 that look random and are the same everywhere. */
function pattern(shape: readonly number[], factor: number, offset = 0): NdArray {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * factor) % 101) / 101 - 0.5 + offset);
  return ndarray("float32", shape, data);
}
