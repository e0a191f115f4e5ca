import { expect, test } from "vitest";
import { VitrineError } from "../../src/errors.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { compareWeights, matchWeights } from "../../src/weights/load.ts";
import { memorySource } from "../../src/weights/source.ts";

const zeros = (...shape: number[]) => ndarray("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
const source = memorySource(
  [
    ["norm.weight", zeros(4)],
    ["head.weight", zeros(10, 4)],
    ["head.bias", zeros(10)],
    ["old.bias", zeros(1)],
  ],
  "m.safetensors",
);

test("all differences stand in one message, sorted", () => {
  const expected = [
    ["pos_embed", [1, 5, 4]],
    ["norm.weight", [4]],
    ["head.weight", [3, 4]],
    ["cls_token", [1, 1, 4]],
    ["head.bias", [3]],
  ] as const;
  expect(compareWeights(expected, source)).toEqual({
    missing: ["cls_token", "pos_embed"],
    extra: ["old.bias"],
    wrongShape: [
      { name: "head.bias", expected: [3], got: [10] },
      { name: "head.weight", expected: [3, 4], got: [10, 4] },
    ],
  });
  expect(() => matchWeights(expected, source)).toThrow(
    "weights must have the names and shapes of the model, 2 missing: cls_token, pos_embed; 1 not in the model: old.bias; " +
      "2 of another shape: head.bias [10] for [3], head.weight [10, 4] for [3, 4] in m.safetensors; choose the architecture that the file was made for",
  );
});

test("a long list is cut and says how much is left", () => {
  const expected = Array.from({ length: 51 }, (_, i) => [`blocks.${String(i).padStart(2, "0")}`, [1]] as const);
  expect(() => matchWeights(expected, source)).toThrow(
    /51 missing: blocks\.00, .*blocks\.19 … and 31 more;.*no name fits/,
  );
});

test("the error has all of every list, for programs", () => {
  const expected = Array.from({ length: 51 }, (_, i) => [`blocks.${String(i).padStart(2, "0")}`, [1]] as const);
  const error = thrownBy(() => matchWeights([...expected, ["head.bias", [3]]], source));
  expect(error.fields.details).toEqual({
    missing: expected.map(([name]) => name),
    extra: ["head.weight", "norm.weight", "old.bias"],
    wrongShape: [{ name: "head.bias", expected: [3], got: [10] }],
  });
});

function thrownBy(work: () => unknown): VitrineError {
  try {
    work();
  } catch (error) {
    if (error instanceof VitrineError) return error;
  }
  throw new Error("nothing was thrown");
}

test("ignored names may differ in every way and are not loaded", async () => {
  const expected = [
    ["norm.weight", [4]],
    ["head.weight", [3, 4]],
    ["head.extra", [1]],
  ] as const;
  const matched = matchWeights(expected, source, ["head.*", "old.bias"]);
  expect([...matched.names()]).toEqual(["norm.weight"]);
  expect((await matched.read("norm.weight")).shape).toEqual([4]);
  await expect(matched.read("head.bias")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  expect(() => matchWeights(expected, source, ["head*"])).toThrow(/1 not in the model: old.bias/);
});

test("patterns are taken literally but for the star", () => {
  expect(compareWeights([["a.b", [1]]], memorySource([["axb", zeros(1)]]), ["a.b"])).toEqual({
    missing: [],
    extra: ["axb"],
    wrongShape: [],
  });
});
