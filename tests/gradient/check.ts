/** Gradients against differences: what a rule says beside what the engine's own kernel does when an input moves. */

import { expect } from "vitest";
import { compile, type Specs } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { Dim } from "../../src/graph/dim.ts";
import { allocate, type DType, isFloat, type NdArray, sizeOf } from "../../src/graph/dtype.ts";
import type { Attributes, OpName } from "../../src/graph/ops.ts";
import { type RandomStream, stream } from "../../src/graph/random.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { apply, applyMany, cast, scalar, sin, sizeScalar, sum, Tensor } from "../../src/tensor/index.ts";

/** An input that the check moves. */
export interface Moved {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One use of an operator: moved inputs, constant inputs, absent inputs. */
export interface Use {
  readonly op: OpName;
  readonly args: readonly (Moved | Tensor | undefined)[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly options: UseOptions;
}

export interface UseOptions {
  /** float64 unless the engine's kernel is float32 only. */
  readonly dtype?: "float32" | "float64";
  /** Sizes of the moved inputs with names for free ones. */
  readonly free?: readonly (readonly (Dim | string)[])[];
  /** Also compare the gradient's own gradient. */
  readonly second?: boolean;
}

/** Collects uses; the meta test asks which operators have one. */
export function use<K extends OpName>(
  op: K,
  args: readonly (Moved | Tensor | undefined)[],
  attributes: Partial<Attributes<K>> = {},
  options: UseOptions = {},
): Use {
  return { op, args, attributes, options };
}

/** `Abs [2, 3] {…}`, the name of the test. */
export function useText({ op, args, attributes, options }: Use): string {
  const shapes = args.map((a) => (a === undefined ? "none" : a instanceof Tensor ? constantText(a) : `[${a.shape}]`));
  const given = Object.entries(attributes).map(([name, value]) => `${name} ${value}`);
  const free = options.free ? [`free ${options.free.map((s) => `[${s}]`).join(" ")}`] : [];
  return [op, ...shapes, ...given, ...free].join(" ");
}

function constantText({ value }: Tensor): string {
  return value.source.kind === "constant" && value.source.data.data.length < 6
    ? `(${value.source.data.data})`
    : `constant [${value.shape}]`;
}

/** Compares every gradient of one use with central differences of fourth order. */
export async function expectGradients(runtime: Runtime, { op, args, attributes, options }: Use): Promise<void> {
  const dtype = options.dtype ?? "float64";
  const moved = args.flatMap((a) => (a === undefined || a instanceof Tensor ? [] : [a]));
  const specs: Specs = Object.fromEntries(
    moved.map(({ shape }, i) => [`x${i}`, { dtype, shape: options.free?.[i] ?? shape }]),
  );
  const feeds: Record<string, NdArray> = Object.fromEntries(
    moved.map(({ shape, data }, i) => [`x${i}`, array(dtype, shape, data)]),
  );
  const outputsOf = (inputs: Readonly<Record<string, Tensor>>): readonly Tensor[] => {
    let next = 0;
    const all = args.map((a) => (a === undefined || a instanceof Tensor ? a : inputs[`x${next++}`]!));
    return applyMany(op, all, attributes as Partial<Attributes<OpName>>).filter((t) => isFloat(t.dtype));
  };
  const named = (kind: string, tensors: readonly Tensor[]): Record<string, Tensor> =>
    Object.fromEntries(tensors.map((t, i) => [`${kind}${i}`, t]));

  const settings = { runtime, rewrite: false } as const;
  await using forward = await compile((inputs) => named("y", outputsOf(inputs)), specs, settings);
  const firsts = (inputs: Readonly<Record<string, Tensor>>): readonly Tensor[] =>
    grad(
      weightedSum(outputsOf(inputs)),
      moved.map((_, i) => inputs[`x${i}`]!),
    );
  await using backward = await compile((inputs) => named("g", firsts(inputs)), specs, settings);
  const gradients = Object.values(await backward.run(feeds));
  await expectSlopes(gradients, feeds, dtype, async (at) => weightedTotal(Object.values(await forward.run(at))));

  if (!options.second) return;
  const seconds = (inputs: Readonly<Record<string, Tensor>>): readonly Tensor[] => {
    const xs = moved.map((_, i) => inputs[`x${i}`]!);
    // Adding 0 · Σx makes the gradient depend on every input, also where it is constant in one.
    const nothing = xs.map((x) => sum(x.mul(0))).reduce((a, b) => a.add(b));
    return grad(weightedSum(firsts(inputs)).add(cast(nothing, "float64")), xs);
  };
  await using twice = await compile((inputs) => named("h", seconds(inputs)), specs, settings);
  await expectSlopes(Object.values(await twice.run(feeds)), feeds, dtype, async (at) =>
    weightedTotal(Object.values(await backward.run(at))),
  );
}

/** Fails unless each gradient element is the slope of `value` when that element of the inputs moves. */
async function expectSlopes(
  gradients: readonly NdArray[],
  feeds: Readonly<Record<string, NdArray>>,
  dtype: "float32" | "float64",
  value: (at: Readonly<Record<string, NdArray>>) => Promise<number>,
): Promise<void> {
  const step = dtype === "float64" ? 1e-3 : 0.05;
  const tolerance = dtype === "float64" ? 1e-7 : 3e-4;
  for (const [i, gradient] of gradients.entries()) {
    const feed = feeds[`x${i}`]!;
    expect(gradient.shape, `shape of gradient ${i}`).toEqual(feed.shape);
    const scale = Math.max(1, ...Array.from(gradient.data as Float64Array, Math.abs));
    for (let e = 0; e < feed.data.length; e++) {
      const shifted = async (by: number): Promise<number> => {
        const data = feed.data.slice() as Float64Array;
        data[e]! += by;
        return value({ ...feeds, [`x${i}`]: { ...feed, data } });
      };
      const slope =
        (8 * ((await shifted(step)) - (await shifted(-step))) -
          (await shifted(2 * step)) +
          (await shifted(-2 * step))) /
        (12 * step);
      const got = Number(gradient.data[e]);
      if (!(Math.abs(got - slope) <= tolerance * scale))
        expect.fail(`gradient of input ${i}, element ${e}: ${got}, the slope is ${slope}`);
    }
  }
}

/** Σ ⟨tensor, weights⟩ in the graph, for any sizes; the weight of an element is the sine of an irregular multiple of its position. */
function weightedSum(tensors: readonly Tensor[]): Tensor {
  const parts = tensors.map((t, i) => {
    const angles = t.shape.map((dim, axis) => {
      const steps = apply("Range", [scalar(0, "int64"), sizeScalar(dim), scalar(1, "int64")]);
      return cast(steps, t.dtype)
        .reshape(t.shape.map((_, other) => (other === axis ? dim : 1)))
        .mul(pace(axis));
    });
    const weights = sin(angles.reduce((a, b) => a.add(b), scalar(1 + i, t.dtype)));
    return cast(sum(t.mul(weights)), "float64");
  });
  return parts.reduce((a, b) => a.add(b));
}

/** The same outside the graph. */
function weightedTotal(arrays: readonly NdArray[]): number {
  let total = 0;
  for (const [i, { shape, data }] of arrays.entries())
    for (let e = 0; e < data.length; e++) {
      let angle = 1 + i;
      let rest = e;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        angle += (rest % shape[axis]!) * pace(axis);
        rest = Math.floor(rest / shape[axis]!);
      }
      total += Number(data[e]) * Math.sin(angle);
    }
  return total;
}

function pace(axis: number): number {
  return [1.5, 2.25, 0.875, 2.75, 1.125][axis]!;
}

function array(dtype: DType, shape: readonly number[], values: readonly number[]): NdArray {
  const data = allocate(dtype, values.length) as Float64Array;
  data.set(values);
  return { dtype, shape, data };
}

function normals(random: RandomStream, length: number): readonly number[] {
  return Array.from({ length }, () => random.normal());
}

let seed = 0;

/** Normal numbers. */
export function normal(...shape: readonly number[]): Moved {
  return { shape, data: normals(stream(seed++), sizeOf(shape)) };
}

/** Numbers in [low, high). */
export function uniform(low: number, high: number, ...shape: readonly number[]): Moved {
  const random = stream(seed++);
  return { shape, data: Array.from({ length: sizeOf(shape) }, () => low + random.uniform() * (high - low)) };
}

/** Shuffled numbers that lie at least 0.3 apart from each other and 0.15 from 0, for operators with kinks. */
export function apart(...shape: readonly number[]): Moved {
  const random = stream(seed++);
  const length = sizeOf(shape);
  const data = Array.from({ length }, (_, i) => (i - Math.floor(length / 2)) * 0.3 + 0.15);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [data[i], data[j]] = [data[j]!, data[i]!];
  }
  return { shape, data };
}
