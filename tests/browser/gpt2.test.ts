import { expect, test } from "vitest";
import { compile, compileGraph, evaluatorFor } from "../../src/compile/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { encodeModel, joinChunks } from "../../src/onnx/index.ts";
import { rewriteForInference } from "../../src/rewrite/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { gpt2OnnxGraph } from "../../src/tasks/decode/gpt2-onnx.ts";
import { callCheck, hasChromium, openPage } from "./harness.ts";

const [words, layers, heads, width] = [40, 2, 2, 16];
const texts = [
  [7, 3, 22, 9, 15, 1],
  [30, 2, 5, 11],
];
/** Words of each text that are read at once; the others follow one by one. */
const prompts = [4, 2];

const runtime = await nodeRuntime({ threads: 1 });
const model = new Gpt2({ words, positions: 16, width, depth: layers, heads }).initialize(5);
const graph = gpt2OnnxGraph(model);

/** Of each call: new ids, the shorter prompt padded on its left, and the whole mask. */
const steps = Array.from({ length: 3 }, (_, step) => ({
  ids: texts.map((text, i) =>
    step === 0
      ? [...Array<number>(prompts[0]! - prompts[i]!).fill(0), ...text.slice(0, prompts[i])]
      : text.slice(prompts[i]! + step - 1, prompts[i]! + step),
  ),
  mask: texts.map((_, i) => [
    ...Array<number>(prompts[0]! - prompts[i]!).fill(0),
    ...Array<number>(prompts[i]! + step).fill(1),
  ]),
}));

/** What the model says after each call when it reads each text whole, alone and without a cache. */
async function expected(): Promise<readonly (readonly number[])[]> {
  await using whole = await compile(
    ({ ids }) => ({ logits: model.forward(ids) }),
    { ids: { dtype: "int64", shape: [1, "n"] } },
    { runtime },
  );
  const calls: number[][] = [];
  for (const step of steps.keys()) {
    const rows: number[] = [];
    for (const [i, text] of texts.entries()) {
      const n = prompts[i]! + step;
      const { logits } = await whole.run({ ids: ndarray("int64", [1, n], text.slice(0, n)) });
      rows.push(...Array.from((logits!.data as Float32Array).slice(-words)));
    }
    calls.push(rows);
  }
  return calls;
}

function expectClose(found: readonly (readonly number[])[], right: readonly (readonly number[])[]): void {
  expect(found.map(({ length }) => length)).toEqual(right.map(({ length }) => length));
  for (const [call, logits] of right.entries())
    for (const [i, logit] of logits.entries()) expect(Math.abs(found[call]![i]! - logit)).toBeLessThan(1e-5);
}

test("an exported GPT with its cache says what the model says, from an empty past on", async () => {
  await using step = await compileGraph(graph, { runtime });
  const empty = ndarray("float32", [2, heads, 0, width / heads], []);
  let past = Object.fromEntries(
    Array.from({ length: layers }, (_, i) => [`past_key_values.${i}.key`, `past_key_values.${i}.value`])
      .flat()
      .map((name) => [name, empty]),
  );
  const found: number[][] = [];
  for (const { ids, mask } of steps) {
    const int = (rows: number[][]) => ndarray("int64", [2, rows[0]!.length], rows.flat());
    const { logits, ...present } = await step.run({ input_ids: int(ids), attention_mask: int(mask), ...past });
    found.push(Array.from(logits!.data as Float32Array));
    past = Object.fromEntries(
      Object.entries(present).map(([name, value]) => [name.replace("present", "past_key_values"), value]),
    );
  }
  expectClose(found, await expected());
});

test.skipIf(!hasChromium)("the exported file says the same in a browser", async () => {
  const portable = await rewriteForInference(graph, { evaluate: evaluatorFor(runtime), fuse: false });
  const file = Buffer.from(joinChunks(encodeModel(portable).chunks)).toString("base64");
  const open = await openPage(new URL("./gpt2-page.ts", import.meta.url));
  try {
    const calls = JSON.stringify({ steps, layers, heads, headWidth: width / heads });
    expectClose(await callCheck(open.page, "writeOn", file, calls), await expected());
  } finally {
    await open.close();
  }
});
