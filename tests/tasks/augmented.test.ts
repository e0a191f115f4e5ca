import { expect, test } from "vitest";
import { image } from "../../src/data/image.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { augmentedClassifier, meanOfViews, viewPreprocessing, viewsOf } from "../../src/tasks/augmented.ts";
import { classifier } from "../../src/tasks/classify.ts";

const array = (shape: number[], data: readonly number[]) => ({
  dtype: "float32" as const,
  shape,
  data: Float32Array.from(data),
});

test("mirror images turn each row around", () => {
  const views = viewsOf(array([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), [2, 3], "flip");
  expect(views.map(({ data }) => Array.from(data as Float32Array))).toEqual([
    [1, 2, 3, 4, 5, 6],
    [3, 2, 1, 6, 5, 4],
  ]);
});

test("crops are the middle and the corners, each mirrored where asked", () => {
  const nine = array([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const crops = viewsOf(nine, [1, 1], "crops").map(({ data }) => Number(data[0]));
  expect(crops).toEqual([5, 1, 3, 7, 9]);
  expect(viewsOf(nine, [2, 2], "flip-crops")).toHaveLength(10);
});

test("probabilities are averaged, not logits", () => {
  const mean = meanOfViews([array([1, 2], [0, Math.log(3)]), array([1, 2], [0, 0])]).data as Float32Array;
  expect(Math.exp(mean[0]!)).toBeCloseTo((0.25 + 0.5) / 2, 6);
  expect(Math.exp(mean[1]!)).toBeCloseTo((0.75 + 0.5) / 2, 6);
});

test("crops keep the scale where there is a margin, and make one where there is none", () => {
  const timm = (crop_pct: number) =>
    preprocessingFromTimm(
      {
        input_size: [3, 224, 224],
        interpolation: "bicubic",
        crop_pct,
        crop_mode: "center",
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
      },
      "test",
    );
  expect(viewPreprocessing(timm(0.9), "crops").inputSize).toEqual([3, 248, 248]);
  expect(viewPreprocessing(timm(1), "crops").inputSize).toEqual([3, 256, 256]);
  expect(viewPreprocessing(timm(1), "flip")).toEqual(timm(1));
  expect(() => viewPreprocessing({ ...timm(1), resize: null }, "crops")).toThrow(/resized to cover/);
});

test("a classifier answers by all views, with probabilities that sum to one", async () => {
  const runtime = await nodeRuntime();
  const pretrained = newPretrained("vit_tiny_patch16_224", {
    labels: ["a", "b", "c"],
    options: { imageSize: 32, patchSize: 8, width: 24, depth: 1, heads: 2, mlpWidth: 48 },
  });
  pretrained.model.initialize(1);
  const data = Uint8Array.from({ length: 40 * 50 * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255);
  const picture = image(50, 40, 3, data);
  const plain = await classifier(pretrained, runtime);
  for (const views of ["flip", "crops", "flip-crops"] as const) {
    const several = await augmentedClassifier(pretrained, runtime, views);
    const [answer] = await several.classify([picture]);
    expect(answer!.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
    const one = (await plain.logits([picture])).data;
    const mean = (await several.logits([picture])).data;
    expect(Array.from(mean as Float32Array)).not.toEqual(Array.from(one as Float32Array));
    await several.dispose();
  }
  await plain.dispose();
});
