/**
 * First values of parameters. Each initialiser fills one tensor from a key of its own.
 *
 * `weight` shapes are PyTorch's: [out, in] for linear maps, [out, in / groups, …window] for convolutions; fan-in counts the inputs of one output.
 */

import { sizeOf } from "../graph/dtype.ts";
import { fillNormal, fillTruncatedNormal, fillUniform, type Key } from "../graph/random.ts";

export type Initializer = (key: Key, shape: readonly number[]) => Float32Array;

/** Every element the same. */
export const constant =
  (value: number): Initializer =>
  (_, shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** N(0, std²). */
export const normal =
  (std: number): Initializer =>
  (key, shape) =>
    fillNormal(key, new Float32Array(sizeOf(shape)), 0, std);

/** N(0, std²) cut off at ±2 (not ±2 std). @source timm/layers/weight_init.py trunc_normal_ */
export const truncatedNormal =
  (std: number): Initializer =>
  (key, shape) =>
    fillTruncatedNormal(key, new Float32Array(sizeOf(shape)), std, -2 / std, 2 / std);

/** N(0, 1) cut off at ±2, then scaled by std. @source timm/layers/weight_init.py trunc_normal_tf_ */
export const truncatedNormalTf =
  (std: number): Initializer =>
  (key, shape) =>
    fillTruncatedNormal(key, new Float32Array(sizeOf(shape)), std, -2, 2);

/** U(−bound, bound). */
export const uniform =
  (bound: number): Initializer =>
  (key, shape) =>
    fillUniform(key, new Float32Array(sizeOf(shape)), -bound, bound);

/** U(±√(6 / (fanIn + fanOut))). @source Glorot & Bengio 2010 */
export const xavierUniform: Initializer = (key, shape) => {
  const window = sizeOf(shape.slice(2));
  return uniform(Math.sqrt(6 / ((shape[0]! + shape[1]!) * window)))(key, shape);
};

/** N(0, 2 / (fanIn + fanOut)). @source Glorot & Bengio 2010 */
export const xavierNormal: Initializer = (key, shape) => {
  const window = sizeOf(shape.slice(2));
  return normal(Math.sqrt(2 / ((shape[0]! + shape[1]!) * window)))(key, shape);
};

/** U(±√(3 · gain² / fanIn)); gain √2 for ReLU. @source He et al., arXiv:1502.01852 */
export const kaimingUniform =
  (gain: number = Math.SQRT2): Initializer =>
  (key, shape) =>
    uniform(gain * Math.sqrt(3 / fanIn(shape)))(key, shape);

/** N(0, 2 / fanOut), as ResNets use it. @source torchvision/models/resnet.py */
export const kaimingNormalFanOut: Initializer = (key, shape) =>
  normal(Math.sqrt(2 / (shape[0]! * sizeOf(shape.slice(2)))))(key, shape);

/** Truncated normal of variance 1 / fanIn. @source timm/layers/weight_init.py lecun_normal_ */
export const lecunNormal: Initializer = (key, shape) =>
  truncatedNormalTf(Math.sqrt(1 / fanIn(shape)) / 0.87962566103423978)(key, shape);

/** PyTorch's default for the bias of a layer whose weight has the given fan-in: U(±1/√fanIn). */
export const torchBias = (weightShape: readonly number[]): Initializer => uniform(1 / Math.sqrt(fanIn(weightShape)));

/** PyTorch's default for Linear and Conv weights: U(±1/√fanIn). @source torch/nn/modules/linear.py reset_parameters */
export const torchWeight: Initializer = (key, shape) => uniform(1 / Math.sqrt(fanIn(shape)))(key, shape);

function fanIn(shape: readonly number[]): number {
  return sizeOf(shape.slice(1));
}
