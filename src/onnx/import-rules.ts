/**
 * How operators of a file become operators of the union: revisions that differ from the union's, and operators that are short for others.
 * @source https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */

import { divideExactly } from "../graph/dim.ts";
import { codeOfDType, fromBFloat16, fromFloat16, type NdArray, ndarray } from "../graph/dtype.ts";
import { constantValue } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import type { ImportContext } from "./import-context.ts";

/** How one operator is read. */
export interface ImportRule {
  /** Attributes that the rule reads and the union's operator does not have. */
  readonly attributes?: readonly string[];
  readonly build: (c: ImportContext) => readonly (Value | undefined)[];
}

/** Attributes whose usual value says nothing: newer revisions and hints. */
export const harmless: Readonly<Record<string, (value: unknown) => boolean>> = {
  stash_type: (value) => value === 1,
  saturate: (value) => value === 1,
  round_mode: (value) => value === "up",
  block_size: (value) => value === 0,
  output_dtype: (value) => value === 0,
  precision: (value) => value === 0,
  dilations: (value) => Array.isArray(value) && value.every((d) => d === 1),
  spatial: (value) => value === 1,
};

/** Attributes `axes` of old revisions as an input. */
const axesAsInput: ImportRule = {
  attributes: ["axes"],
  build: (c) => {
    const axes = c.numbers("axes");
    return c.same(axes ? [c.input(0), c.ints(axes)] : c.inputs);
  },
};

/** Before opset 13, Softmax worked on the input flattened to a matrix at `axis`. */
const softmax: ImportRule = {
  build: (c) => {
    if (c.version >= 13) return c.same();
    const x = c.input(0);
    const axis = c.number("axis", 1);
    const from = axis < 0 ? axis + x.shape.length : axis;
    if (from === x.shape.length - 1) return c.same([x], { axis: -1 });
    const matrix = c.make("Flatten", [x], { axis: from });
    return c.make("Reshape", [c.same(matrix, { axis: -1 })[0], c.sizes(x.shape)], { allowzero: 1 });
  },
};

/** Of two truths the larger is "or", the smaller "and"; the union's operator takes numbers. */
const extremum: ImportRule = {
  attributes: ["axes"],
  build: (c) => {
    const x = c.input(0);
    if (x.dtype !== "bool") return axesAsInput.build(c);
    const numbers = c.make("Cast", [x], { to: codeOfDType("uint8") })[0];
    return c.make("Cast", c.same([numbers, c.inputs[1]]), { to: codeOfDType("bool") });
  },
};

/** `mode` says whether the block or the channel comes first; the union's operator has the block first. */
const spaceToDepth: ImportRule = {
  attributes: ["mode"],
  build: (c) => {
    const [y] = c.same();
    if (c.text("mode", "DCR") === "DCR") return [y];
    const [b, channels, ...space] = y!.shape;
    const places = c.number("blocksize", 1) ** 2;
    const each = divideExactly(channels!, places) ?? c.fail("the channels must be known");
    const parts = c.make("Reshape", [y, c.sizes([b!, places, each, ...space])])[0];
    const swapped = c.make("Transpose", [parts], { perm: [0, 2, 1, 3, 4] })[0];
    return c.make("Reshape", [swapped, c.sizes(y!.shape)]);
  },
};

const identity: ImportRule = { build: (c) => [c.input(0)] };

const clip: ImportRule = {
  attributes: ["min", "max"],
  build: (c) => {
    if (c.version >= 11) return c.same();
    const x = c.input(0);
    return c.same([
      x,
      c.has("min") ? c.scalar(c.number("min", 0), x) : undefined,
      c.has("max") ? c.scalar(c.number("max", 0), x) : undefined,
    ]);
  },
};

const resize: ImportRule = {
  build: (c) => {
    if (c.version >= 11) return c.same();
    const mode = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    return c.same([c.input(0), undefined, c.input(1)], mode);
  },
};

/** Opset 7 has `scales` as an attribute, 9 as an input. */
const upsample: ImportRule = {
  attributes: ["scales", "mode"],
  build: (c) => {
    const scales = c.numbers("scales");
    return c.make(
      "Resize",
      [c.input(0), undefined, scales ? constantValue(ndarray("float32", [scales.length], scales)) : c.input(1)],
      { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor", mode: c.text("mode", "nearest") },
    );
  },
};

/** Without `training_mode` nothing is dropped; the mask, where it is asked for, is all true. */
const dropout: ImportRule = {
  attributes: ["ratio", "is_test"],
  build: (c) => {
    const x = c.input(0);
    const training = c.version >= 12 ? c.inputs[2] : undefined;
    const off = training?.source.kind === "constant" && Number(training.source.data.data[0]) === 0;
    if (training && !off) {
      if (c.outputCount > 1) return c.fail("the mask of a training Dropout cannot be read");
      return c.same();
    }
    const mask = c.outputCount > 1 ? c.make("ConstantOfShape", [c.sizes(x.shape)], { value: 1, to: 9 })[0] : undefined;
    return [x, mask];
  },
};

/** `layout` 1 has the batch before time and directions. */
const recurrent: ImportRule = {
  attributes: ["layout"],
  build: (c) => {
    if (c.number("layout", 0) === 0) return c.same();
    const swap = (v: Value | undefined): Value | undefined => v && c.make("Transpose", [v], { perm: [1, 0, 2] })[0];
    const inputs = c.inputs.map((v, i) => (i === 0 || i === 5 || i === 6 ? swap(v) : v));
    const [all, ...last] = c.same(inputs);
    return [c.make("Transpose", [all], { perm: [2, 0, 1, 3] })[0], ...last.map(swap)];
  },
};

/** Before opset 21, scale and bias were per group. */
const groupNormalization: ImportRule = {
  build: (c) => {
    if (c.version >= 21) return c.same();
    const groups = c.number("num_groups", 1);
    const channels = c.input(0).shape[1] ?? c.fail("the input must have channels");
    const each = divideExactly(channels, groups) ?? c.fail("groups must divide the channels");
    const spread = (v: Value): Value => {
      const column = c.make("Reshape", [v, c.ints([groups, 1])])[0]!;
      const matrix = c.make("Expand", [column, c.sizes([groups, each])])[0]!;
      return c.make("Reshape", [matrix, c.sizes([channels])])[0]!;
    };
    return c.same([c.input(0), spread(c.input(1)), spread(c.input(2))]);
  },
};

const constant: ImportRule = {
  attributes: ["value", "value_float", "value_int", "value_floats", "value_ints"],
  build: (c) => {
    const array = c.array("value");
    if (array) return [constantValue(array)];
    if (c.has("value_float")) return [constantValue(ndarray("float32", [], [c.number("value_float", 0)]))];
    if (c.has("value_int")) return [constantValue(ndarray("int64", [], [c.number("value_int", 0)]))];
    const floats = c.numbers("value_floats");
    if (floats) return [constantValue(ndarray("float32", [floats.length], floats))];
    return [c.ints(c.numbers("value_ints") ?? c.fail("the value must be numbers"))];
  },
};

const constantOfShape: ImportRule = {
  build: (c) => {
    const array = c.array("value");
    if (!array) return c.make("ConstantOfShape", [c.input(0)]);
    return c.make("ConstantOfShape", [c.input(0)], { value: firstNumber(array), to: codeOfDType(array.dtype) });
  },
};

function firstNumber({ dtype, data }: NdArray): number {
  const value = Number(data[0]);
  return dtype === "float16" ? fromFloat16(value) : dtype === "bfloat16" ? fromBFloat16(value) : value;
}

/** Rules for operators whose older (or newer) revisions differ, and for operators made of others. */
export const importRules: Readonly<Record<string, ImportRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Identity: identity,
  Dropout: dropout,
  Softmax: softmax,
  LogSoftmax: softmax,
  Squeeze: axesAsInput,
  Unsqueeze: axesAsInput,
  ReduceSum: axesAsInput,
  ReduceMean: axesAsInput,
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: axesAsInput,
  ReduceL1: axesAsInput,
  ReduceL2: axesAsInput,
  ReduceSumSquare: axesAsInput,
  ReduceLogSumExp: axesAsInput,
  ReduceLogSum: {
    attributes: ["axes", "keepdims", "noop_with_empty_axes"],
    build: (c) => {
      const axes = c.numbers("axes");
      const attributes = {
        keepdims: c.number("keepdims", 1),
        noop_with_empty_axes: c.number("noop_with_empty_axes", 0),
      };
      return c.make("Log", c.make("ReduceSum", [c.input(0), axes ? c.ints(axes) : c.inputs[1]], attributes));
    },
  },
  CastLike: { build: (c) => c.make("Cast", [c.input(0)], { to: codeOfDType(c.input(1).dtype) }) },
  Clip: clip,
  Resize: resize,
  Upsample: upsample,
  GroupNormalization: groupNormalization,
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
  Slice: {
    attributes: ["starts", "ends", "axes"],
    build: (c) => {
      const starts = c.numbers("starts");
      const ends = c.numbers("ends");
      if (!starts || !ends) return c.same();
      return c.same([c.input(0), c.ints(starts), c.ints(ends), c.ints(c.numbers("axes") ?? starts.map((_, i) => i))]);
    },
  },
  Pad: {
    attributes: ["pads", "value"],
    build: (c) => {
      const pads = c.numbers("pads");
      return pads ? c.same([c.input(0), c.ints(pads), c.scalar(c.number("value", 0), c.input(0))]) : c.same();
    },
  },
  SpaceToDepth: spaceToDepth,
  Split: {
    attributes: ["split"],
    build: (c) => {
      const parts = c.numbers("split");
      if (parts) return c.same([c.input(0), c.ints(parts)]);
      return c.inputs[1] ? c.same() : c.same(c.inputs, { num_outputs: c.number("num_outputs", c.outputCount) });
    },
  },
  TopK: {
    attributes: ["k"],
    build: (c) => (c.has("k") ? c.same([c.input(0), c.ints([c.number("k", 1)])]) : c.same()),
  },
  GridSample: {
    build: (c) => {
      const mode = c.text("mode", "bilinear");
      return c.same(c.inputs, { mode: mode === "linear" || mode === "cubic" ? `bi${mode}` : mode });
    },
  },
  Scatter: {
    attributes: ["axis"],
    build: (c) => c.make("ScatterElements", c.inputs, { axis: c.number("axis", 0) }),
  },
  BatchNormalization: {
    build: (c) => {
      if (c.version < 14 && c.outputCount > 1) return c.fail("training outputs before opset 14 cannot be read");
      return c.same();
    },
  },
  Mean: {
    build: (c) => {
      const sum = c.make("Sum", c.inputs)[0]!;
      return c.make("Div", [sum, c.scalar(c.inputs.length, sum)]);
    },
  },
  Selu: {
    attributes: ["alpha", "gamma"],
    build: (c) => {
      const x = c.input(0);
      const elu = c.make("Elu", [x], { alpha: c.number("alpha", 1.6732632423543772) })[0]!;
      return c.make("Mul", [elu, c.scalar(c.number("gamma", 1.0507009873554805), x)]);
    },
  },
  Swish: {
    attributes: ["alpha"],
    build: (c) => {
      const x = c.input(0);
      const alpha = c.number("alpha", 1);
      const scaled = alpha === 1 ? x : c.make("Mul", [x, c.scalar(alpha, x)])[0]!;
      return c.make("Mul", [x, c.make("Sigmoid", [scaled])[0]]);
    },
  },
  Mish: {
    build: (c) => c.make("Mul", [c.input(0), c.make("Tanh", c.make("Softplus", [c.input(0)]))[0]]),
  },
  RMSNormalization: {
    attributes: ["axis", "epsilon"],
    build: (c) => {
      const x = c.input(0);
      const axis = c.number("axis", -1);
      const rank = x.shape.length;
      const from = axis < 0 ? axis + rank : axis;
      const axes = c.ints(Array.from({ length: rank - from }, (_, i) => from + i));
      const mean = c.make("ReduceMean", [c.make("Mul", [x, x])[0], axes])[0]!;
      const root = c.make("Sqrt", c.make("Add", [mean, c.scalar(c.number("epsilon", 1e-5), x)]))[0];
      return c.make("Mul", [c.make("Div", [x, root])[0], c.input(1)]);
    },
  },
};

/** The same for `com.microsoft`. */
export const microsoftRules: Readonly<Record<string, ImportRule>> = {
  Gelu: { build: (c) => c.make("Gelu", [c.input(0)]) },
  FastGelu: {
    build: (c) =>
      c.make("Gelu", c.inputs[1] ? c.make("Add", [c.input(0), c.inputs[1]]) : [c.input(0)], { approximate: "tanh" }),
  },
  BiasGelu: { build: (c) => c.make("Gelu", c.make("Add", [c.input(0), c.input(1)])) },
};
