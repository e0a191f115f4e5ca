/**
 * The closed union of operators: ONNX's own names, inputs, outputs and attributes.
 *
 * Semantics are ONNX's, at the version in `since` (the newest revision that vitrine knows; the emitted opset is the lowest that has all
 * operators of a graph at these revisions, and never above `maxOpset` unless an operator demands it).
 * https://onnx.ai/onnx/operators/ and, for the domain `com.microsoft`, onnxruntime/docs/ContribOperators.md.
 *
 * To add an operator: one line here; the compiler then names the tables (`infer`, `gradient`) that lack it.
 */

/** How an attribute is stored in a file; a second element is ONNX's default. */
export type AttributeSpec =
  | readonly ["int" | "float", number?]
  | readonly ["string", string?]
  | readonly ["ints", (readonly number[])?]
  | readonly ["floats", (readonly number[])?]
  | readonly ["strings"];

export interface OperatorSpec {
  /** Opset in which this revision of the operator appeared. */
  readonly since: number;
  readonly domain?: "com.microsoft";
  /** Names of the inputs; `?` marks an optional one, `…` any number. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
}

/** How every reduction ends. */
const reduction = { keepdims: ["int", 1], noop_with_empty_axes: ["int", 0] } as const;

export const operators = {
  // Elementwise, one input.
  Abs: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Neg: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Sign: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Exp: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Log: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Sqrt: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Reciprocal: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Sin: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Cos: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Tan: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Asin: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Acos: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Atan: { since: 7, inputs: ["X"], outputs: ["Y"] },
  Sinh: { since: 9, inputs: ["X"], outputs: ["Y"] },
  Cosh: { since: 9, inputs: ["X"], outputs: ["Y"] },
  Tanh: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Erf: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Sigmoid: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Softplus: { since: 1, inputs: ["X"], outputs: ["Y"] },
  Softsign: { since: 1, inputs: ["X"], outputs: ["Y"] },
  Relu: { since: 14, inputs: ["X"], outputs: ["Y"] },
  LeakyRelu: { since: 16, inputs: ["X"], outputs: ["Y"], attributes: { alpha: ["float", 0.01] } },
  Elu: { since: 6, inputs: ["X"], outputs: ["Y"], attributes: { alpha: ["float", 1] } },
  HardSigmoid: { since: 6, inputs: ["X"], outputs: ["Y"], attributes: { alpha: ["float", 0.2], beta: ["float", 0.5] } },
  HardSwish: { since: 14, inputs: ["X"], outputs: ["Y"] },
  Gelu: { since: 20, inputs: ["X"], outputs: ["Y"], attributes: { approximate: ["string", "none"] } },
  QuickGelu: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["X"],
    outputs: ["Y"],
    attributes: { alpha: ["float", 1.702] },
  },
  Floor: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Ceil: { since: 13, inputs: ["X"], outputs: ["Y"] },
  Round: { since: 11, inputs: ["X"], outputs: ["Y"] },
  Not: { since: 1, inputs: ["X"], outputs: ["Y"] },
  IsNaN: { since: 13, inputs: ["X"], outputs: ["Y"] },
  IsInf: {
    since: 10,
    inputs: ["X"],
    outputs: ["Y"],
    attributes: { detect_negative: ["int", 1], detect_positive: ["int", 1] },
  },
  Identity: { since: 14, inputs: ["X"], outputs: ["Y"] },
  /** `to` is ONNX's TensorProto.DataType number. */
  Cast: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { to: ["int", 1] } },
  Clip: { since: 13, inputs: ["X", "min?", "max?"], outputs: ["Y"] },

  // Elementwise, two or more inputs, broadcast.
  Add: { since: 14, inputs: ["A", "B"], outputs: ["C"] },
  Sub: { since: 14, inputs: ["A", "B"], outputs: ["C"] },
  Mul: { since: 14, inputs: ["A", "B"], outputs: ["C"] },
  Div: { since: 14, inputs: ["A", "B"], outputs: ["C"] },
  Pow: { since: 15, inputs: ["A", "B"], outputs: ["C"] },
  Mod: { since: 13, inputs: ["A", "B"], outputs: ["C"], attributes: { fmod: ["int", 0] } },
  PRelu: { since: 16, inputs: ["X", "slope"], outputs: ["Y"] },
  Min: { since: 13, inputs: ["…"], outputs: ["Y"] },
  Max: { since: 13, inputs: ["…"], outputs: ["Y"] },
  Sum: { since: 13, inputs: ["…"], outputs: ["Y"] },
  And: { since: 7, inputs: ["A", "B"], outputs: ["C"] },
  Or: { since: 7, inputs: ["A", "B"], outputs: ["C"] },
  Xor: { since: 7, inputs: ["A", "B"], outputs: ["C"] },
  Equal: { since: 13, inputs: ["A", "B"], outputs: ["C"] },
  Less: { since: 13, inputs: ["A", "B"], outputs: ["C"] },
  LessOrEqual: { since: 16, inputs: ["A", "B"], outputs: ["C"] },
  Greater: { since: 13, inputs: ["A", "B"], outputs: ["C"] },
  GreaterOrEqual: { since: 16, inputs: ["A", "B"], outputs: ["C"] },
  Where: { since: 16, inputs: ["condition", "X", "Y"], outputs: ["Z"] },

  // Products.
  MatMul: { since: 13, inputs: ["A", "B"], outputs: ["Y"] },
  Gemm: {
    since: 13,
    inputs: ["A", "B", "C?"],
    outputs: ["Y"],
    attributes: { alpha: ["float", 1], beta: ["float", 1], transA: ["int", 0], transB: ["int", 0] },
  },
  FusedMatMul: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["A", "B"],
    outputs: ["Y"],
    attributes: {
      alpha: ["float", 1],
      transA: ["int", 0],
      transB: ["int", 0],
      transBatchA: ["int", 0],
      transBatchB: ["int", 0],
    },
  },
  Einsum: { since: 12, inputs: ["…"], outputs: ["Y"], attributes: { equation: ["string", ""] } },

  // Reductions; axes are an input.
  ReduceSum: { since: 13, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceMean: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceMax: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceMin: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceProd: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceL1: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceL2: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceSumSquare: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ReduceLogSumExp: { since: 18, inputs: ["X", "axes?"], outputs: ["Y"], attributes: reduction as typeof reduction },
  ArgMax: {
    since: 13,
    inputs: ["X"],
    outputs: ["Y"],
    attributes: { axis: ["int", 0], keepdims: ["int", 1], select_last_index: ["int", 0] },
  },
  ArgMin: {
    since: 13,
    inputs: ["X"],
    outputs: ["Y"],
    attributes: { axis: ["int", 0], keepdims: ["int", 1], select_last_index: ["int", 0] },
  },
  CumSum: {
    since: 14,
    inputs: ["X", "axis"],
    outputs: ["Y"],
    attributes: { exclusive: ["int", 0], reverse: ["int", 0] },
  },
  TopK: {
    since: 11,
    inputs: ["X", "K"],
    outputs: ["Values", "Indices"],
    attributes: { axis: ["int", -1], largest: ["int", 1], sorted: ["int", 1] },
  },

  // Normalisations.
  Softmax: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { axis: ["int", -1] } },
  LogSoftmax: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { axis: ["int", -1] } },
  LayerNormalization: {
    since: 17,
    inputs: ["X", "Scale", "B?"],
    outputs: ["Y", "Mean", "InvStdDev"],
    attributes: { axis: ["int", -1], epsilon: ["float", 1e-5] },
  },
  /** Scale and bias per channel, as opset 21 says (opset 18's per-group form is deprecated). */
  GroupNormalization: {
    since: 21,
    inputs: ["X", "scale", "bias"],
    outputs: ["Y"],
    attributes: { epsilon: ["float", 1e-5], num_groups: ["int"] },
  },
  InstanceNormalization: {
    since: 6,
    inputs: ["X", "scale", "B"],
    outputs: ["Y"],
    attributes: { epsilon: ["float", 1e-5] },
  },
  BatchNormalization: {
    since: 15,
    inputs: ["X", "scale", "B", "mean", "var"],
    outputs: ["Y", "running_mean", "running_var"],
    attributes: { epsilon: ["float", 1e-5], momentum: ["float", 0.9], training_mode: ["int", 0] },
  },

  // Recurrence over time: X [time, batch, width], one or both directions in the first axis of the weights.
  RNN: {
    since: 14,
    inputs: ["X", "W", "R", "B?", "sequence_lens?", "initial_h?"],
    outputs: ["Y", "Y_h"],
    attributes: {
      activation_alpha: ["floats"],
      activation_beta: ["floats"],
      activations: ["strings"],
      clip: ["float"],
      direction: ["string", "forward"],
      hidden_size: ["int"],
    },
  },
  /** Gates in the order update, reset, hidden. */
  GRU: {
    since: 14,
    inputs: ["X", "W", "R", "B?", "sequence_lens?", "initial_h?"],
    outputs: ["Y", "Y_h"],
    attributes: {
      activation_alpha: ["floats"],
      activation_beta: ["floats"],
      activations: ["strings"],
      clip: ["float"],
      direction: ["string", "forward"],
      hidden_size: ["int"],
      linear_before_reset: ["int", 0],
    },
  },
  /** Gates in the order input, output, forget, cell. */
  LSTM: {
    since: 14,
    inputs: ["X", "W", "R", "B?", "sequence_lens?", "initial_h?", "initial_c?", "P?"],
    outputs: ["Y", "Y_h", "Y_c"],
    attributes: {
      activation_alpha: ["floats"],
      activation_beta: ["floats"],
      activations: ["strings"],
      clip: ["float"],
      direction: ["string", "forward"],
      hidden_size: ["int"],
      input_forget: ["int", 0],
    },
  },

  // Windows over space.
  Conv: {
    since: 11,
    inputs: ["X", "W", "B?"],
    outputs: ["Y"],
    attributes: {
      auto_pad: ["string", "NOTSET"],
      dilations: ["ints"],
      group: ["int", 1],
      kernel_shape: ["ints"],
      pads: ["ints"],
      strides: ["ints"],
    },
  },
  ConvTranspose: {
    since: 11,
    inputs: ["X", "W", "B?"],
    outputs: ["Y"],
    attributes: {
      auto_pad: ["string", "NOTSET"],
      dilations: ["ints"],
      group: ["int", 1],
      kernel_shape: ["ints"],
      output_padding: ["ints"],
      output_shape: ["ints"],
      pads: ["ints"],
      strides: ["ints"],
    },
  },
  MaxPool: {
    since: 12,
    inputs: ["X"],
    outputs: ["Y", "Indices"],
    attributes: {
      auto_pad: ["string", "NOTSET"],
      ceil_mode: ["int", 0],
      dilations: ["ints"],
      kernel_shape: ["ints"],
      pads: ["ints"],
      storage_order: ["int", 0],
      strides: ["ints"],
    },
  },
  /** Opset 19 brought `dilations`. */
  AveragePool: {
    since: 11,
    inputs: ["X"],
    outputs: ["Y"],
    attributes: {
      auto_pad: ["string", "NOTSET"],
      ceil_mode: ["int", 0],
      count_include_pad: ["int", 0],
      dilations: ["ints"],
      kernel_shape: ["ints"],
      pads: ["ints"],
      strides: ["ints"],
    },
  },
  GlobalAveragePool: { since: 1, inputs: ["X"], outputs: ["Y"] },
  GlobalMaxPool: { since: 1, inputs: ["X"], outputs: ["Y"] },
  Col2Im: {
    since: 18,
    inputs: ["input", "image_shape", "block_shape"],
    outputs: ["output"],
    attributes: { dilations: ["ints"], pads: ["ints"], strides: ["ints"] },
  },
  DeformConv: {
    since: 19,
    inputs: ["X", "W", "offset", "B?", "mask?"],
    outputs: ["Y"],
    attributes: {
      dilations: ["ints"],
      group: ["int", 1],
      kernel_shape: ["ints"],
      offset_group: ["int", 1],
      pads: ["ints"],
      strides: ["ints"],
    },
  },
  Resize: {
    since: 18,
    inputs: ["X", "roi?", "scales?", "sizes?"],
    outputs: ["Y"],
    attributes: {
      antialias: ["int", 0],
      axes: ["ints"],
      coordinate_transformation_mode: ["string", "half_pixel"],
      cubic_coeff_a: ["float", -0.75],
      exclude_outside: ["int", 0],
      extrapolation_value: ["float", 0],
      keep_aspect_ratio_policy: ["string", "stretch"],
      mode: ["string", "nearest"],
      nearest_mode: ["string", "round_prefer_floor"],
    },
  },
  GridSample: {
    since: 16,
    inputs: ["X", "grid"],
    outputs: ["Y"],
    attributes: { align_corners: ["int", 0], mode: ["string", "bilinear"], padding_mode: ["string", "zeros"] },
  },
  DepthToSpace: {
    since: 13,
    inputs: ["X"],
    outputs: ["Y"],
    attributes: { blocksize: ["int"], mode: ["string", "DCR"] },
  },
  SpaceToDepth: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { blocksize: ["int"] } },

  // Moving elements.
  Reshape: { since: 14, inputs: ["X", "shape"], outputs: ["Y"], attributes: { allowzero: ["int", 0] } },
  Flatten: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { axis: ["int", 1] } },
  Squeeze: { since: 13, inputs: ["X", "axes?"], outputs: ["Y"] },
  Unsqueeze: { since: 13, inputs: ["X", "axes"], outputs: ["Y"] },
  Transpose: { since: 13, inputs: ["X"], outputs: ["Y"], attributes: { perm: ["ints"] } },
  Concat: { since: 13, inputs: ["…"], outputs: ["Y"], attributes: { axis: ["int"] } },
  /** Sizes as input, or `num_outputs` equal parts. */
  Split: { since: 18, inputs: ["X", "split?"], outputs: ["…"], attributes: { axis: ["int", 0], num_outputs: ["int"] } },
  Slice: { since: 13, inputs: ["X", "starts", "ends", "axes?", "steps?"], outputs: ["Y"] },
  Pad: {
    since: 18,
    inputs: ["X", "pads", "value?", "axes?"],
    outputs: ["Y"],
    attributes: { mode: ["string", "constant"] },
  },
  Expand: { since: 13, inputs: ["X", "shape"], outputs: ["Y"] },
  Tile: { since: 13, inputs: ["X", "repeats"], outputs: ["Y"] },
  Trilu: { since: 14, inputs: ["X", "k?"], outputs: ["Y"], attributes: { upper: ["int", 1] } },
  Gather: { since: 13, inputs: ["X", "indices"], outputs: ["Y"], attributes: { axis: ["int", 0] } },
  GatherElements: { since: 13, inputs: ["X", "indices"], outputs: ["Y"], attributes: { axis: ["int", 0] } },
  GatherND: { since: 13, inputs: ["X", "indices"], outputs: ["Y"], attributes: { batch_dims: ["int", 0] } },
  ScatterElements: {
    since: 18,
    inputs: ["X", "indices", "updates"],
    outputs: ["Y"],
    attributes: { axis: ["int", 0], reduction: ["string", "none"] },
  },
  ScatterND: {
    since: 18,
    inputs: ["X", "indices", "updates"],
    outputs: ["Y"],
    attributes: { reduction: ["string", "none"] },
  },
  OneHot: { since: 11, inputs: ["indices", "depth", "values"], outputs: ["Y"], attributes: { axis: ["int", -1] } },
  EyeLike: { since: 9, inputs: ["X"], outputs: ["Y"], attributes: { dtype: ["int"], k: ["int", 0] } },
  Range: { since: 11, inputs: ["start", "limit", "delta"], outputs: ["Y"] },
  Shape: { since: 15, inputs: ["X"], outputs: ["Y"], attributes: { end: ["int"], start: ["int", 0] } },
  Size: { since: 13, inputs: ["X"], outputs: ["Y"] },
  /** Zero of `dtype` float32, or `value` of the element type `to`. */
  ConstantOfShape: { since: 9, inputs: ["shape"], outputs: ["Y"], attributes: { value: ["float", 0], to: ["int", 1] } },
  Dropout: { since: 13, inputs: ["X", "ratio?", "training_mode?"], outputs: ["Y"], attributes: { seed: ["int", 0] } },

  // Eight-bit integers.
  QuantizeLinear: {
    since: 13,
    inputs: ["X", "scale", "zero_point?"],
    outputs: ["Y"],
    attributes: { axis: ["int", 1] },
  },
  DequantizeLinear: {
    since: 13,
    inputs: ["X", "scale", "zero_point?"],
    outputs: ["Y"],
    attributes: { axis: ["int", 1] },
  },
  DynamicQuantizeLinear: { since: 11, inputs: ["X"], outputs: ["Y", "scale", "zero_point"] },
  MatMulInteger: { since: 10, inputs: ["A", "B", "a_zero_point?", "b_zero_point?"], outputs: ["Y"] },
  DynamicQuantizeMatMul: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["A", "B", "b_scale", "b_zero_point?", "bias?"],
    outputs: ["Y"],
  },
  MatMulNBits: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["A", "B", "scales", "zero_points?", "g_idx?", "bias?"],
    outputs: ["Y"],
    attributes: { K: ["int"], N: ["int"], accuracy_level: ["int", 0], bits: ["int", 4], block_size: ["int"] },
  },

  // Fused for inference.
  MultiHeadAttention: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["query", "key", "value", "bias?", "key_padding_mask?", "attention_bias?", "past_key?", "past_value?"],
    outputs: ["output"],
    attributes: {
      mask_filter_value: ["float", -10000],
      num_heads: ["int"],
      scale: ["float"],
      unidirectional: ["int", 0],
    },
  },
  SkipLayerNormalization: {
    since: 1,
    domain: "com.microsoft",
    inputs: ["input", "skip", "gamma", "beta?", "bias?"],
    outputs: ["output", "mean", "inv_std_var", "input_skip_bias_sum"],
    attributes: { epsilon: ["float", 1e-5] },
  },
} as const;
