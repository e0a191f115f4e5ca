/**
 * How gradients pass each operator: one exhaustive table. An operator of the union without a line here is a compile error.
 *
 * Rules are written with tensor functions, so that they hold for symbolic sizes and can be differentiated again.
 */

import type { OpName } from "../graph/ops.ts";
import type { GradientRules } from "./rule.ts";
import { broadcastRules } from "./rules/broadcast.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { elementwiseRules } from "./rules/elementwise.ts";
import { indexingRules } from "./rules/indexing.ts";
import { movementRules } from "./rules/movement.ts";
import { normalisationRules } from "./rules/normalisations.ts";
import { poolingRules } from "./rules/pooling.ts";
import { productRules } from "./rules/products.ts";
import { recurrentRules } from "./rules/recurrent.ts";
import { reductionRules } from "./rules/reductions.ts";
import { samplingRules } from "./rules/sampling.ts";

const inferenceOnly = { missing: "it is fused for inference; differentiate the operators it was made from" } as const;
const eightBit = { missing: "eight-bit integers; train before quantising" } as const;

export const rules: GradientRules<OpName> = {
  ...elementwiseRules,
  ...broadcastRules,
  ...productRules,
  ...reductionRules,
  ...normalisationRules,
  ...recurrentRules,
  ...convolutionRules,
  ...poolingRules,
  ...samplingRules,
  ...movementRules,
  ...indexingRules,
  QuantizeLinear: eightBit,
  DequantizeLinear: eightBit,
  DynamicQuantizeLinear: eightBit,
  MatMulInteger: eightBit,
  DynamicQuantizeMatMul: eightBit,
  MatMulNBits: eightBit,
  MultiHeadAttention: inferenceOnly,
  SkipLayerNormalization: inferenceOnly,
};
