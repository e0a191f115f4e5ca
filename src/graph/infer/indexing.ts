/** Shape rules of operators that read or write by index. */

import { type Dim, equalShapes } from "../dim.ts";
import type { Value, ValueType } from "../value.ts";
import { type InferContext, isIndex } from "./rule.ts";

export function gather(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const indices = c.input(1);
  c.checkDType(isIndex(indices.dtype), "indices must be int32 or int64");
  const axis = c.axis(c.attributes.axis, shape.length);
  const out = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
  return [
    {
      dtype,
      shape: out,
      known: known && shape.length === 1 && out.length <= 1 ? gatherKnown(c, known, indices) : undefined,
    },
  ];
}

function gatherKnown(c: InferContext, known: readonly Dim[], indices: Value): readonly Dim[] | undefined {
  const out: Dim[] = [];
  for (const index of indices.known ?? []) {
    if (typeof index !== "number") return undefined;
    out.push(known[index < 0 ? index + known.length : index] ?? c.fail(`index ${index} must lie on the axis`));
  }
  return indices.known && out;
}

export function gatherElements(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const indices = c.input(1);
  c.checkDType(isIndex(indices.dtype), "indices must be int32 or int64");
  const axis = c.axis(c.attributes.axis, shape.length);
  c.check(indices.shape.length === shape.length, "X and indices must have the same number of axes");
  for (const [i, dim] of indices.shape.entries()) {
    const size = shape[i]!;
    const exceeds = i !== axis && typeof dim === "number" && typeof size === "number" && dim > size;
    c.check(!exceeds, `indices must not exceed X on axis ${i}`);
  }
  return [{ dtype, shape: indices.shape }];
}

export function gatherND(c: InferContext<{ readonly batch_dims: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const { dtype: indexType, shape: indices } = c.input(1);
  c.checkDType(indexType === "int64", "indices must be int64");
  const { batch_dims } = c.attributes;
  c.check(batch_dims >= 0 && batch_dims < Math.min(shape.length, indices.length), "batch_dims must leave an axis");
  c.check(
    equalShapes(shape.slice(0, batch_dims), indices.slice(0, batch_dims)),
    `the first ${batch_dims} sizes must be equal`,
  );
  const depth = indices[indices.length - 1]!;
  if (typeof depth !== "number" || depth < 1 || depth > shape.length - batch_dims)
    return c.fail("the last size of indices must count axes of X");
  return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(batch_dims + depth)] }];
}

export function scatterElements(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const indices = c.input(1);
  const updates = c.input(2);
  c.checkDType(isIndex(indices.dtype), "indices must be int32 or int64");
  c.checkDType(updates.dtype === dtype, "updates must have the element type of X");
  c.axis(c.attributes.axis, shape.length);
  c.check(
    indices.shape.length === shape.length && equalShapes(indices.shape, updates.shape),
    "indices and updates must have the same sizes, and as many axes as X",
  );
  return [{ dtype, shape }];
}

export function scatterND(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const { dtype: indexType, shape: indices } = c.input(1);
  const updates = c.input(2);
  c.checkDType(indexType === "int64", "indices must be int64");
  c.checkDType(updates.dtype === dtype, "updates must have the element type of X");
  c.check(indices.length > 0, "indices must have an axis");
  const depth = indices[indices.length - 1]!;
  if (typeof depth !== "number" || depth < 1 || depth > shape.length)
    return c.fail("the last size of indices must count axes of X");
  const expected = [...indices.slice(0, -1), ...shape.slice(depth)];
  c.check(equalShapes(updates.shape, expected), "updates must be [...indices, ...rest of X]");
  return [{ dtype, shape }];
}

export function oneHot(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const indices = c.input(0).shape;
  const values = c.input(2);
  const [depth, ...more] = c.known(1, "depth");
  if (depth === undefined || more.length > 0) return c.fail("depth must be one number");
  c.check(values.shape.length === 1 && values.shape[0] === 2, "values must be [off, on]");
  const axis = c.axis(c.attributes.axis, indices.length + 1);
  return [{ dtype: values.dtype, shape: indices.toSpliced(axis, 0, depth) }];
}
