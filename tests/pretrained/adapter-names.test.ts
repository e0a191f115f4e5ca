import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { type AdapterTensors, ownAdapters, wholeName } from "../../src/pretrained/adapter-names.ts";

const one = (first: number, alpha = 2, rank = 1): AdapterTensors => ({
  a: ndarray("float32", [rank, 2], Array(2 * rank).fill(first)),
  b: ndarray("float32", [2, rank], Array(2 * rank).fill(10 * first)),
  alpha,
});

test.each([
  ["4", "deit.encoder.layer.3.attention.attention.query", "deit.encoder.layer.3.attention.attention.value"],
  ["5", "vit.layers.3.attention.q_proj", "vit.layers.3.attention.v_proj"],
])("queries and values of transformers %s stand side by side", (_, query, value) => {
  const own = ownAdapters(
    new Map([
      [value, one(7)],
      [query, one(5)],
    ]),
    false,
  );
  expect([...own.keys()]).toEqual(["blocks.3.attn.qkv"]);
  const { a, b, alpha } = own.get("blocks.3.attn.qkv")!;
  expect([a.shape, Array.from(a.data, Number)]).toEqual([
    [2, 2],
    [5, 5, 7, 7],
  ]);
  expect([b.shape, Array.from(b.data, Number)]).toEqual([
    [6, 2],
    [50, 0, 50, 0, 0, 0, 0, 0, 0, 70, 0, 70],
  ]);
  // alpha / rank stays what it was.
  expect(alpha / 2).toBe(2);
});

test("the other maps only change their names, and paths of ours do not", () => {
  const paths = {
    "vit.encoder.layer.0.attention.output.dense": "blocks.0.attn.proj",
    "vit.encoder.layer.0.intermediate.dense": "blocks.0.mlp.fc1",
    "vit.encoder.layer.0.output.dense": "blocks.0.mlp.fc2",
    "vit.layers.1.attention.o_proj": "blocks.1.attn.proj",
    "vit.layers.1.mlp.fc1": "blocks.1.mlp.fc1",
    "blocks.2.attn.qkv": "blocks.2.attn.qkv",
  };
  const own = ownAdapters(new Map(Object.keys(paths).map((path) => [path, one(1)])), false);
  expect([...own.keys()]).toEqual(Object.values(paths));
  expect(["classifier.weight", "distillation_classifier", "head.bias"].map(wholeName)).toEqual([
    ...["head.weight", "head_dist", "head.bias"],
  ]);
});

test("parts of different strength are refused", () => {
  const [q, v] = ["vit.layers.0.attention.q_proj", "vit.layers.0.attention.v_proj"] as const;
  expect(() =>
    ownAdapters(
      new Map([
        [q, one(1)],
        [v, one(1, 3)],
      ]),
      false,
    ),
  ).toThrow(/one rank and one alpha.*alpha 3/);
  expect(() =>
    ownAdapters(
      new Map([
        [q, one(1)],
        [v, one(1, 2, 2)],
      ]),
      false,
    ),
  ).toThrow(/got rank 1.*rank 2/);
});
