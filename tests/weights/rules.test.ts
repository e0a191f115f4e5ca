import { expect, test } from "vitest";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { applyRules, invertRules, type NameRule } from "../../src/weights/rules.ts";
import { memorySource, readAll } from "../../src/weights/source.ts";

const vector = (...values: number[]) => ndarray("float32", [values.length], values);
const source = (tensors: Record<string, NdArray>) => memorySource(Object.entries(tensors));
const apply = async (tensors: Record<string, NdArray>, rules: readonly NameRule[]) =>
  Object.fromEntries(await readAll(applyRules(source(tensors), rules)));

const qkv: NameRule[] = [{ from: ["l.{i}.q.{leaf}", "l.{i}.k.{leaf}", "l.{i}.v.{leaf}"], to: "b.{i}.qkv.{leaf}" }];
const separate = {
  "l.0.q.bias": vector(1, 2),
  "l.0.k.bias": vector(3, 4),
  "l.0.v.bias": vector(5, 6),
  head: vector(7),
};

test("several tensors are joined, names without a rule stay", async () => {
  expect(await apply(separate, qkv)).toEqual({ "b.0.qkv.bias": vector(1, 2, 3, 4, 5, 6), head: vector(7) });
});

test("the order of names in the file does not matter to a join", async () => {
  expect(await apply(Object.fromEntries(Object.entries(separate).reverse()), qkv)).toMatchObject({
    "b.0.qkv.bias": vector(1, 2, 3, 4, 5, 6),
  });
});

test("gradients of the joined tensor go back to the separate names", async () => {
  const there = applyRules(source(separate), qkv);
  const back = applyRules(there, invertRules(qkv));
  expect(Object.fromEntries(await readAll(back))).toEqual(separate);
  expect(back.info("l.0.v.bias")).toMatchObject({ dtype: "float32", shape: [2] });
});

test("joins and splits work along any axis", async () => {
  const rules: NameRule[] = [{ from: ["a", "b"], to: "c", axis: 1 }];
  const tensors = { a: ndarray("int64", [2, 1], [1, 2]), b: ndarray("int64", [2, 1], [3, 4]) };
  const there = await apply(tensors, rules);
  expect(there).toEqual({ c: ndarray("int64", [2, 2], [1, 3, 2, 4]) });
  expect(await apply(there, invertRules(rules))).toEqual(tensors);
});

test("arrangements are turned round with the sizes that they merged", async () => {
  const rules: NameRule[] = [{ from: ["{p}/q", "{p}/k"], to: "{p}.qk", arrange: "i h k -> (h k) i" }];
  const tensors = {
    "x/q": ndarray(
      "float32",
      [2, 2, 3],
      Array.from({ length: 12 }, (_, i) => i),
    ),
    "x/k": ndarray(
      "float32",
      [2, 2, 3],
      Array.from({ length: 12 }, (_, i) => -i),
    ),
  };
  const there = applyRules(source(tensors), rules);
  expect(there.info("x.qk").shape).toEqual([12, 2]);
  expect(Object.fromEntries(await readAll(applyRules(there, invertRules(rules, { h: 2 }))))).toEqual(tensors);
  expect(() => invertRules(rules)).toThrow(/give one of h, k/);
});

test("values are read only when asked for", async () => {
  const read: string[] = [];
  const inner = source(separate);
  const watched = (name: string) => {
    read.push(name);
    return inner.read(name);
  };
  const renamed = applyRules({ ...inner, read: watched }, qkv);
  expect(renamed.info("b.0.qkv.bias").shape).toEqual([6]);
  expect(read).toEqual([]);
  await renamed.read("head");
  expect(read).toEqual(["head"]);
});

test("dropped names vanish and do not come back", async () => {
  const rules: NameRule[] = [{ from: "text.{rest}", to: [] }];
  expect(await apply({ "text.a.b": vector(1), a: vector(2) }, rules)).toEqual({ a: vector(2) });
  expect(invertRules(rules)).toEqual([]);
});

test("numbers, parts and rests match what they stand for only", async () => {
  const rules: NameRule[] = [{ from: "l.{i}.x", to: "b.{i}.x" }];
  expect(
    Object.keys(
      await apply({ "l.10.x": vector(1), "l.01.x": vector(1), "l.a.x": vector(1), "lx10.x": vector(1) }, rules),
    ),
  ).toEqual(["b.10.x", "l.01.x", "l.a.x", "lx10.x"]);
});

test("what does not fit together is an error that names the tensors", async () => {
  expect(() => applyRules(source({ "l.0.q.bias": vector(1) }), qkv)).toThrow(
    /"b.0.qkv.bias" is made of 3 tensors, missing l.0.k.bias, l.0.v.bias/,
  );
  expect(() => applyRules(source({ a: vector(1), b: vector(2) }), [{ from: "a", to: "b" }])).toThrow(
    /a and b would be "b"/,
  );
  expect(() => applyRules(source({ a: vector(1) }), [{ from: ["a", "b"], to: ["c", "d"] }])).toThrow(
    /joins, splits or renames/,
  );
  await expect(
    apply({ a: vector(1, 2), b: ndarray("float64", [1], [1]) }, [{ from: ["a", "b"], to: "c" }]),
  ).rejects.toMatchObject({
    code: "DTYPE_MISMATCH",
  });
  await expect(apply({ a: vector(1, 2, 3) }, [{ from: "a", to: ["c", "d"] }])).rejects.toThrow(/2 equal parts/);
  expect(() => invertRules([{ from: "a.{i}", to: "b" }])).toThrow(/same placeholders/);
});

test("a renamed tensor is not readable under its old name", async () => {
  const renamed = applyRules(source({ a: vector(1) }), [{ from: "a", to: "b" }]);
  await expect(renamed.read("a")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await expect(renamed.read("z")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
});
