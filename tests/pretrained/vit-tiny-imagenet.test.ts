import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { decodeImage } from "../../src/data/decode-node.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { type NdArray, toFloat16 } from "../../src/graph/dtype.ts";
import type { Variable } from "../../src/graph/value.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { best, classifier } from "../../src/tasks/classify.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { saveSafetensors } from "../../src/weights/safetensors-node.ts";
import { expectClose } from "../golden.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { torchFile } from "./torch-file.ts";

interface Reference {
  readonly predictions: readonly {
    readonly file: string;
    readonly label: number;
    readonly top5: readonly number[];
    readonly logits: readonly number[];
  }[];
}

const arch = "vit_tiny_patch16_224";
const weights = sharedPath("data", "vit-tiny-imagenet", "model.safetensors");
const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const { predictions }: Reference = hasShared
  ? JSON.parse(readFileSync(sharedPath("data", "vit-tiny-imagenet", "reference_predictions.json"), "utf8"))
  : { predictions: [] };

let photographs: Promise<NdArray> | undefined;

/** All photographs as one input, decoded once. */
async function inputs({ preprocessing }: Pretrained): Promise<NdArray> {
  photographs ??= (async () => {
    const data = new Float32Array(predictions.length * 3 * 224 * 224);
    for (const [i, { file }] of predictions.entries()) {
      const path = sharedPath("data", "imagenet-sample", "images", file);
      // The reference's numbers are of the pixels as stored.
      const image = await decodeImage(path, { orientation: "ignore" });
      data.set(preprocess(image, preprocessing).data, i * 3 * 224 * 224);
    }
    return { dtype: "float32", shape: [predictions.length, 3, 224, 224], data };
  })();
  return photographs;
}

type FiveBest = Pick<Reference["predictions"][number], "top5" | "logits">;

/** Largest difference of the reference's five logits, pictures with other best five, and pictures that are right. */
async function judge(
  path: string,
  reference: Readonly<Record<string, FiveBest>> = {},
): Promise<{ gap: number; otherTop5: string[]; right: number }> {
  const pretrained = await loadPretrained(path, { arch });
  const model = await classifier(pretrained, await nodeRuntime());
  const { data } = await model.logitsOfInputs(await inputs(pretrained));
  await model.dispose();
  let [gap, right] = [0, 0];
  const otherTop5: string[] = [];
  for (const [i, { file, label, ...own }] of predictions.entries()) {
    const { top5, logits } = reference[file] ?? own;
    const row = (data as Float32Array).subarray(i * 1000, (i + 1) * 1000);
    const found = best(row, pretrained.labels, 5).map(({ index }) => index);
    if (found.join() !== top5.join()) otherTop5.push(file);
    if (found[0] === label) right++;
    for (const [rank, index] of top5.entries()) gap = Math.max(gap, Math.abs(row[index]! - logits[rank]!));
  }
  return { gap, otherTop5, right };
}

test.skipIf(!hasShared)("106 photographs get the reference's best five labels, logits within 1e-4", async () => {
  const { gap, otherTop5, right } = await judge(weights);
  expect(predictions.length).toBe(106);
  expect(otherTop5).toEqual([]);
  expect(gap).toBeLessThan(1e-4);
  expect(right).toBe(86);
});

test.skipIf(!hasShared)("the same weights as a PyTorch checkpoint fill the model with the same bits", async () => {
  const path = join(scratch, "model.pth");
  writeFileSync(path, torchFile(readSafetensors(readFileSync(weights)).tensors));
  const [fromTorch, own] = [await loadPretrained(path, { arch }), await loadPretrained(weights, { arch })];
  const variables = own.model.variables();
  expect([...fromTorch.model.variables().keys()]).toEqual([...variables.keys()]);
  const bytes = ({ data: { data } }: Variable) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const different = [...fromTorch.model.variables()].filter(
    ([name, one]) => !bytes(one).equals(bytes(variables.get(name)!)),
  );
  expect(different.map(([name]) => name)).toEqual([]);
});

test.skipIf(!hasShared)(
  "the same weights in half precision give the logits that PyTorch makes of them, within 1e-4",
  async () => {
    const path = join(scratch, "half.safetensors");
    const halves = [...readSafetensors(readFileSync(weights)).tensors].map(([name, { shape, data }]) => {
      const half: NdArray = { dtype: "float16", shape, data: Uint16Array.from(data as Float32Array, toFloat16) };
      return [name, half] as const;
    });
    await saveSafetensors(path, halves);
    // What PyTorch makes of the same rounded weights.
    const golden = new URL("golden/vit-tiny-half.json", import.meta.url);
    const { gap, otherTop5, right } = await judge(path, JSON.parse(readFileSync(golden, "utf8")));
    expect(otherTop5).toEqual([]);
    expect(gap).toBeLessThan(1e-4);
    expect(right).toBe(86);
  },
);

test.skipIf(!hasShared)("from the stored input, every block gives the reference's numbers", async () => {
  const path = sharedPath("data", "vit-tiny-imagenet", "reference_activations.safetensors");
  const { tensors } = readSafetensors(readFileSync(path), path);
  const { model } = await loadPretrained(weights, { arch });
  const blocks = Array.from({ length: 12 }, (_, i) => `blocks.${i}`);
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: ["b", 3, 224, 224] },
    { runtime: await nodeRuntime(), taps: ["tokens", "features", ...blocks] },
  );
  const { logits, tokens, features, ...rest } = await run.run({ images: tensors.get("input")! });
  // Ten times what PyTorch's own two precisions differ by at this depth.
  const tolerance = { rtol: 1e-4, atol: 2e-4 };
  const want = (name: string): NdArray => tensors.get(name)!;
  expectClose(tokens!, want("embed"), tolerance, "embed");
  expectClose(features!, want("norm"), tolerance, "norm");
  expectClose(logits!, want("logits"), tolerance, "logits");
  for (const i of [0, 11]) expectClose(rest[`blocks.${i}`]!, want(`block${i}`), tolerance, `block${i}`);
  for (let i = 0; i < 12; i++) {
    const { data, shape } = rest[`blocks.${i}`]!;
    const classToken: NdArray = {
      dtype: "float32",
      shape: [1, shape[2]!],
      data: data.subarray(0, shape[2]!) as Float32Array,
    };
    expectClose(classToken, want(`block${i}_cls`), tolerance, `block${i}_cls`);
  }
});
