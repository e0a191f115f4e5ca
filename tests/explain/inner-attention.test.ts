import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { image } from "../../src/data/image.ts";
import { type ExplainRequest, explainImage } from "../../src/explain/explain-image.ts";
import type { ImageExplanation } from "../../src/explain/explanation.ts";
import { innerMaps, innerQuestion } from "../../src/explain/inner-attention.ts";
import { look } from "../../src/explain/look.ts";
import { subjectOf } from "../../src/explain/subject.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { TNT } from "../../src/models/tnt/tnt.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";
import { plain, pretrainedOf } from "./golden.ts";

const runtime = await nodeRuntime({ threads: 1 });
const picture = image(
  24,
  16,
  3,
  Uint8Array.from({ length: 1152 }, (_, i) => (i * 37) % 256),
);

/** 2 × 3 patches of 4 × 4 words. */
function words(): ExplainRequest["pretrained"] {
  const model = new TNT({
    ...{ imageSize: [16, 24], patchSize: [8, 8], stride: 2, width: 12, innerWidth: 4, labels: 5 },
    ...{ depth: 2, heads: 3, innerHeads: 2 },
  });
  for (const [name, { variable }] of model.parameters()) variable.data = drawn(name, variable.shape);
  return { name: "words", model, preprocessing: { ...plain, inputSize: [3, 16, 24] }, labels: [] };
}

/** Logits that timm and torch gave, and for each block and head the share of each word. Made by tools/stage-explain-golden.py. */
const { tnt }: { tnt: { logits: number[]; inner: number[][][] } } = JSON.parse(
  readFileSync(new URL("golden/stages.json", import.meta.url), "utf8"),
);

test("what each word gets equals the attention in timm's model", async () => {
  const subject = subjectOf(words());
  const seen = await look(subject, drawn("image", [1, 3, 16, 24]), innerQuestion, { runtime });
  const { maps } = innerMaps(seen, {}, [16, 24]);
  // Heads down, blocks across.
  const want = [0, 1].flatMap((head) => tnt.inner.map((heads) => heads[head]!));
  const list = (values: ArrayLike<number>): NdArray => ndarray("float64", [values.length], Float64Array.from(values));
  expectClose(list(seen.logits), list(tnt.logits), { rtol: 1e-4, atol: 1e-5 }, "logits");
  expect(maps).toHaveLength(4);
  for (const [i, { name, values }] of maps.entries())
    expectClose(list(values), list(want[i]!), { rtol: 1e-4, atol: 1e-6 }, name);
});

test("each patch's words share its attention", async () => {
  const request = { pretrained: words(), runtime, image: picture, method: "inner-attention" as const };
  const { maps, grid, table } = (await explainImage(request)) as ImageExplanation;
  expect(grid).toEqual({ rows: 8, cols: 12 });
  expect(maps).toHaveLength(4);
  expect(table).toEqual({ rowTitles: ["head 0", "head 1"], colTitles: ["block 0", "block 1"] });
  for (const { values, cols } of maps)
    for (let top = 0; top < 8; top += 4)
      for (let left = 0; left < 12; left += 4) {
        let sum = 0;
        for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) sum += values[(top + y) * cols + left + x]!;
        expect(sum).toBeCloseTo(1, 5);
      }
  const one = (await explainImage({ ...request, block: 1, head: 1 })) as ImageExplanation;
  expect(one.maps[0]!.values).toEqual(maps.at(-1)!.values);
});

test("words lie where their pixels do, in patches of any shape", () => {
  const shares = Float32Array.from({ length: 2 * 8 }, (_, i) => i);
  const seen = {
    ...{ prefix: 1, grid: [1, 2] as const, logits: new Float32Array(), classIndex: 0, blocks: 1 },
    answers: { "block 0": { dtype: "float32" as const, shape: [2, 1, 8], data: shares } },
  };
  // Patches of 8 × 4 pixels, so 4 × 2 words.
  const { maps, grid } = innerMaps(seen, {}, [8, 8]);
  expect(grid).toEqual({ rows: 4, cols: 4 });
  expect([...maps[0]!.values]).toEqual([0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15]);
});

test.each(["relevance", "attention", "rollout", "grad-cam"] as const)(
  "%s of such a model is that of its patches",
  async (method) => {
    const { maps } = (await explainImage({ pretrained: words(), runtime, image: picture, method })) as ImageExplanation;
    for (const { rows, cols, values } of maps) {
      expect([rows, cols]).toEqual([2, 3]);
      expect(values.every(Number.isFinite)).toBe(true);
    }
  },
);

test("a model whose patches have no words is refused", async () => {
  const request = { pretrained: pretrainedOf("class-token"), runtime, image: image(16, 16, 3, new Uint8Array(768)) };
  await expect(explainImage({ ...request, method: "inner-attention" })).rejects.toThrow(
    /must have attention inside its patches.*choose relevance, grad-cam/,
  );
});
