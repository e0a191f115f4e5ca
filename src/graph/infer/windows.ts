/** Shape rules of convolutions, pooling and other windows over space: `[batch, channels, …space]`. */

import { addDims, ceilDivDim, type Dim, equalDims, floorDivDim, mulDims, type Shape, subDims } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import type { ValueType } from "../value.ts";
import type { InferContext } from "./rule.ts";

type Ints = readonly number[] | undefined;

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** All begins, then all ends. */
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly ceil: boolean;
}

interface WindowAttributes {
  readonly auto_pad?: string;
  readonly ceil_mode?: number;
  readonly dilations?: Ints;
  readonly pads: Ints;
  readonly strides: Ints;
}

interface ConvAttributes extends WindowAttributes {
  readonly group: number;
  readonly kernel_shape: Ints;
}

export function conv(c: InferContext<ConvAttributes>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const weight = c.input(1).shape;
  checkFloats(c);
  const { group } = c.attributes;
  const window = convWindow(c);
  c.check(equalDims(shape[1]!, mulDims(weight[1]!, group)), channelsRule(group, "channels of X must be those of W"));
  checkBias(c, 2, weight[0]!, group);
  return [{ dtype, shape: [shape[0]!, weight[0]!, ...windowSizes(c, shape.slice(2), window)] }];
}

export function convTranspose(
  c: InferContext<ConvAttributes & { readonly output_padding: Ints; readonly output_shape: Ints }>,
): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const weight = c.input(1).shape;
  checkFloats(c);
  const { group, output_padding, output_shape } = c.attributes;
  const { kernel, strides, dilations, pads, autoPad } = convWindow(c);
  c.check(equalDims(shape[1]!, weight[0]!), "channels of X must be those of W");
  const channels = mulDims(weight[1]!, group);
  const bias = c.inputs[2];
  if (bias)
    c.check(
      bias.shape.length === 1 && equalDims(bias.shape[0]!, channels),
      "the bias must have one value per output channel",
    );
  const rank = kernel.length;
  if (output_shape) c.check(output_shape.length === rank, "output_shape must have a number per axis of space");
  const space = shape.slice(2).map((size, i): Dim => {
    if (output_shape) return output_shape[i]!;
    if (autoPad.startsWith("SAME")) return mulDims(size, strides[i]!);
    const reach = (kernel[i]! - 1) * dilations[i]! + 1 + (output_padding?.[i] ?? 0);
    const padding = autoPad === "VALID" ? 0 : pads[i]! + pads[rank + i]!;
    return addDims(mulDims(subDims(size, 1), strides[i]!), reach - padding);
  });
  for (const size of space) checkFits(c, size);
  return [{ dtype, shape: [shape[0]!, channels, ...space] }];
}

export function deformConv(c: InferContext<ConvAttributes & { readonly offset_group: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const weight = c.input(1).shape;
  const offset = c.input(2).shape;
  const mask = c.inputs[4]?.shape;
  checkFloats(c);
  const { group, offset_group } = c.attributes;
  const window = convWindow(c);
  c.check(equalDims(shape[1]!, mulDims(weight[1]!, group)), channelsRule(group, "channels of X must be those of W"));
  checkBias(c, 3, weight[0]!, group);
  const space = windowSizes(c, shape.slice(2), window);
  const places = window.kernel.reduce((product, size) => product * size, offset_group);
  const fits = (field: Shape, channels: number): boolean =>
    [shape[0]!, channels, ...space].every((dim, i) => field[i] !== undefined && equalDims(dim, field[i])) &&
    field.length === shape.length;
  c.check(fits(offset, places * window.kernel.length), "the offset must be [batch, groups · kernel · axes, …output]");
  if (mask) c.check(fits(mask, places), "the mask must be [batch, groups · kernel, …output]");
  return [{ dtype, shape: [shape[0]!, weight[0]!, ...space] }];
}

export function maxPool(c: InferContext<PoolAttributes>): readonly ValueType[] {
  const { dtype } = c.input(0);
  c.checkDType(
    isFloat(dtype) || dtype === "int8" || dtype === "uint8",
    "the input must be floating-point, int8 or uint8",
  );
  const shape = poolShape(c);
  return [
    { dtype, shape },
    { dtype: "int64", shape },
  ];
}

export function averagePool(c: InferContext<PoolAttributes>): readonly ValueType[] {
  checkFloats(c);
  return [{ dtype: c.input(0).dtype, shape: poolShape(c) }];
}

interface PoolAttributes extends WindowAttributes {
  readonly kernel_shape: Ints;
}

function poolShape(c: InferContext<PoolAttributes>): Shape {
  const { shape } = c.input(0);
  c.check(shape.length >= 3, "the input must be [batch, channels, …space]");
  const kernel = c.attributes.kernel_shape ?? c.fail("kernel_shape must be given");
  return [shape[0]!, shape[1]!, ...windowSizes(c, shape.slice(2), completeWindow(c, kernel, shape.length - 2))];
}

/** GlobalAveragePool, GlobalMaxPool. */
export function globalPool(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  checkFloats(c);
  c.check(shape.length >= 2, "the input must be [batch, channels, …space]");
  return [{ dtype, shape: shape.map((dim, i) => (i < 2 ? dim : 1)) }];
}

export function col2Im(c: InferContext<WindowAttributes>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.check(shape.length === 3, "the input must be [batch, channels · block, blocks]");
  const image = c.known(1, "image_shape");
  const block = c.numbers(2, "block_shape");
  const size = block.reduce((product, b) => product * b, 1);
  const channels = floorDivDim(shape[1]!, size);
  c.check(equalDims(mulDims(channels, size), shape[1]!), "the block must divide the channels");
  const windows = windowSizes(c, image, completeWindow(c, block, image.length));
  c.check(equalDims(mulDims(1, ...windows), shape[2]!), "the number of blocks must be the image's");
  return [{ dtype, shape: [shape[0]!, channels, ...image] }];
}

export function gridSample(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const grid = c.input(1).shape;
  checkFloats(c);
  const rank = shape.length;
  c.check(rank >= 3 && grid.length === rank, "X and grid must have the same number of axes");
  c.check(equalDims(shape[0]!, grid[0]!), "X and grid must have the same batch");
  c.check(grid[rank - 1] === rank - 2, "the last axis of grid must hold a coordinate per axis of space");
  return [{ dtype, shape: [shape[0]!, shape[1]!, ...grid.slice(1, -1)] }];
}

export function depthToSpace(c: InferContext<{ readonly blocksize: number | undefined }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const block = blockSize(c);
  const channels = floorDivDim(shape[1]!, block * block);
  c.check(equalDims(mulDims(channels, block * block), shape[1]!), "blocksize² must divide the channels");
  return [{ dtype, shape: [shape[0]!, channels, mulDims(shape[2]!, block), mulDims(shape[3]!, block)] }];
}

export function spaceToDepth(c: InferContext<{ readonly blocksize: number | undefined }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const block = blockSize(c);
  const space = shape.slice(2).map((size) => {
    const blocks = floorDivDim(size, block);
    if (typeof size === "number") c.check(size % block === 0, "blocksize must divide height and width");
    return blocks;
  });
  return [{ dtype, shape: [shape[0]!, mulDims(shape[1]!, block * block), ...space] }];
}

function blockSize(c: InferContext<{ readonly blocksize: number | undefined }>): number {
  c.check(c.input(0).shape.length === 4, "the input must be [batch, channels, height, width]");
  const { blocksize } = c.attributes;
  return blocksize !== undefined && blocksize > 0 ? blocksize : c.fail("blocksize must be positive");
}

function checkFloats(c: InferContext): void {
  const { dtype } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  for (const value of c.inputs) c.checkDType(!value || value.dtype === dtype, "element types must be equal");
}

function channelsRule(group: number, rule: string): string {
  return group === 1 ? rule : `${rule} times group ${group}`;
}

function checkBias(c: InferContext, index: number, channels: Dim, group: number): void {
  const bias = c.inputs[index];
  if (bias)
    c.check(
      bias.shape.length === 1 && equalDims(bias.shape[0]!, channels),
      "the bias must have one value per output channel",
    );
  if (typeof channels === "number")
    c.check(group > 0 && channels % group === 0, `group ${group} must divide the output channels`);
}

/** The window of a convolution, whose kernel is the weight's. */
function convWindow(c: InferContext<ConvAttributes>): Window {
  const { shape } = c.input(0);
  const weight = c.input(1).shape;
  c.check(shape.length >= 3 && weight.length === shape.length, "X and W must have the same number of axes, at least 3");
  const kernel = weight
    .slice(2)
    .map((size) => (typeof size === "number" ? size : c.fail("the kernel must have known sizes")));
  const { kernel_shape } = c.attributes;
  if (kernel_shape)
    c.check(
      kernel_shape.length === kernel.length && kernel_shape.every((size, i) => size === kernel[i]),
      `kernel_shape [${kernel_shape.join(", ")}] must be that of W`,
    );
  return completeWindow(c, kernel, shape.length - 2);
}

function completeWindow(c: InferContext<WindowAttributes>, kernel: readonly number[], rank: number): Window {
  const { auto_pad, ceil_mode, strides, dilations, pads } = c.attributes;
  const each = (list: Ints, name: string, length: number, otherwise: number): readonly number[] => {
    if (!list) return new Array<number>(length).fill(otherwise);
    if (list.length !== length) c.fail(`${name} must be ${length} numbers`);
    return list;
  };
  c.check(kernel.length === rank, `the kernel must be ${rank} numbers`);
  const window: Window = {
    kernel,
    strides: each(strides, "strides", rank, 1),
    dilations: each(dilations, "dilations", rank, 1),
    pads: each(pads, "pads", 2 * rank, 0),
    autoPad: auto_pad ?? "NOTSET",
    ceil: ceil_mode === 1,
  };
  c.check(
    [...window.kernel, ...window.strides, ...window.dilations].every((n) => n > 0),
    "kernel, strides and dilations must be positive",
  );
  return window;
}

/** How often a window fits on each axis. */
function windowSizes(c: InferContext, space: Shape, window: Window): readonly Dim[] {
  const { kernel, strides, dilations, pads, autoPad, ceil } = window;
  const rank = space.length;
  return space.map((size, i) => {
    const stride = strides[i]!;
    if (autoPad.startsWith("SAME")) return ceilDivDim(size, stride);
    const begin = autoPad === "VALID" ? 0 : pads[i]!;
    const end = autoPad === "VALID" ? 0 : pads[rank + i]!;
    const reach = dilations[i]! * (kernel[i]! - 1) + 1;
    const room = addDims(size, begin + end - reach);
    let count = addDims(ceil ? ceilDivDim(room, stride) : floorDivDim(room, stride), 1);
    // With ceil_mode, the last window must not begin in the padding after the input.
    if (ceil && stride + end > reach) {
      if (typeof count !== "number" || typeof size !== "number")
        return c.fail("ceil_mode with windows that may lie outside needs known sizes");
      if ((count - 1) * stride >= size + begin) count -= 1;
    }
    checkFits(c, count);
    return count;
  });
}

function checkFits(c: InferContext, count: Dim): void {
  if (typeof count === "number" && count <= 0) c.fail("the window must fit into the padded input");
}
