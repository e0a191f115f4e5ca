import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { ndarray } from "../../../src/graph/dtype.ts";
import { Gpt2Scorer } from "../../../src/models/gpt2/scorer.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { expectClose } from "../../golden.ts";
import { drawn } from "../drawn.ts";

const file = new URL("../../losses/golden/preference.json", import.meta.url);
const { scorer: golden } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly scorer: {
    readonly names: readonly string[];
    readonly ids: readonly (readonly number[])[];
    readonly scores: readonly (readonly number[])[];
  };
};
const runtime = await nodeRuntime({ threads: 1 });

test("names and scores are those of transformers' GPT2ForSequenceClassification", async () => {
  const model = new Gpt2Scorer({ words: 7, positions: 8, width: 16, depth: 2, heads: 2 });
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  expect([...model.parameters().keys()].sort()).toEqual([...golden.names].sort());
  await using run = await compile(
    ({ ids }) => ({ scores: model.forward(ids) }),
    { ids: { dtype: "int64", shape: ["b", "n"] } },
    { runtime, taps: ["transformer.words", "transformer.ln_f"] },
  );
  const { scores, "transformer.words": words } = await run.run({ ids: ndarray("int64", [2, 5], golden.ids.flat()) });
  expectClose(scores!, ndarray("float32", [2, 5], golden.scores.flat()), { rtol: 1e-5, atol: 1e-5 }, "scores");
  expect(words!.shape).toEqual([2, 5, 16]);
});
