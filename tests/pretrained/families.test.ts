import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { resizeBiasTable } from "../../src/nn/bias-table.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { type Layout, savePretrained } from "../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { saveSafetensors } from "../../src/weights/safetensors-node.ts";

const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const labels = ["ant", "bee", "cat"];
const stages = { imageSize: 64, patchSize: 4, width: 8, depths: [2, 2], heads: [2, 2], windows: 4 } as const;
const narrow = { imageSize: 64, widths: [8, 8, 12, 16], depths: [1, 2, 1, 1] } as const;
const made: Readonly<Record<string, () => Pretrained>> = {
  swin: () => newPretrained("swin_tiny_patch4_window7_224", { labels, options: stages }),
  swinv2: () => newPretrained("swinv2_tiny_window8_256", { labels, options: { ...stages, pretrainedWindows: [3, 2] } }),
  resnet: () => newPretrained("resnet50", { labels, options: narrow }),
  "resnet-basic": () => newPretrained("resnet18", { labels, options: narrow }),
};

const valuesOf = ({ model }: Pretrained): Record<string, number[]> =>
  Object.fromEntries([...model.variables()].map(([name, { data }]) => [name, Array.from(data.data, Number)]));

const weightsOf = ({ model }: Pretrained): Map<string, NdArray> =>
  new Map([...model.variables()].map(([name, { data }]) => [name, data]));

async function logitsOf({ model }: Pretrained): Promise<NdArray> {
  const images = {
    dtype: "float32",
    shape: [1, 3, 64, 64],
    data: Float32Array.from({ length: 12288 }, (_, i) => Math.sin(i)),
  } as const;
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: images.shape },
    { runtime: await nodeRuntime({ threads: 1 }) },
  );
  return (await run.run({ images })).logits!;
}

const cases = Object.keys(made).flatMap((name) =>
  (["timm", "huggingface"] as const).map((layout) => [name, layout] as const),
);

test.each(cases)("a small %s that is saved for %s is loaded again, bit for bit", async (name, layout: Layout) => {
  const pretrained = made[name]!();
  pretrained.model.initialize(4);
  const folder = join(scratch, `${name}-${layout}`);
  await savePretrained(folder, pretrained, { layout });
  const again = await loadPretrained(folder);
  expect(valuesOf(again)).toEqual(valuesOf(pretrained));
  expect(again.labels).toEqual(labels);
  expect(again.model.constructor).toBe(pretrained.model.constructor);
  expect(again.preprocessing.inputSize).toEqual([3, 64, 64]);
  if (layout === "timm") expect(again.model.config).toEqual(pretrained.model.config);
});

test.each(Object.keys(made))("a %s gets a fresh head for other labels, and keeps the rest", async (name) => {
  const pretrained = made[name]!();
  const folder = join(scratch, `${name}-head`);
  await savePretrained(folder, pretrained, { layout: "timm" });
  const tuned = await loadPretrained(folder, { newHead: { labels: ["a", "b"], seed: 1 } });
  const head = (key: string): boolean => /^(head\.fc|fc)\./.test(key);
  const [before, after] = [weightsOf(pretrained), weightsOf(tuned)];
  for (const [key, { data, shape }] of after)
    if (head(key)) expect(shape[0]).toBe(2);
    else expect(data).toEqual(before.get(key)!.data);
  expect([...after.keys()].filter(head)).toHaveLength(2);
});

test.each([
  ["timm", "geometric"],
  ["huggingface", "bicubic"],
] as const)("tables of biases follow a window in the way of %s", async (rule, biasRule) => {
  const pretrained = newPretrained("swin_tiny_patch4_window7_224", { labels, options: stages });
  pretrained.model.initialize(6);
  const folder = join(scratch, `window-${rule}`);
  await savePretrained(folder, pretrained, { layout: "timm" });
  const grown = await loadPretrained(folder, { resize: { imageSize: 96, rule }, overrides: { windows: 6 } });
  const name = "layers.1.blocks.1.attn.relative_position_bias_table";
  const expected = resizeBiasTable(weightsOf(pretrained).get(name)!, [4, 4], [6, 6], biasRule);
  expect(weightsOf(grown).get(name)).toEqual(expected);
  expect(grown.preprocessing.inputSize).toEqual([3, 96, 96]);
});

test("a ResNet may have its statistics fixed: their counts are dropped, and it is saved as one without", async () => {
  const [folder, fixed] = [join(scratch, "tracked"), join(scratch, "fixed")];
  const tracked = newPretrained("resnet50", { labels, options: narrow });
  for (const [i, { data }] of [...tracked.model.initialize(5).variables().values()].entries())
    if (data.data instanceof BigInt64Array) data.data[0] = 9n;
    else for (let j = 0; j < data.data.length; j++) (data.data as Float32Array)[j]! += 0.1 * ((i + j) % 3);
  await savePretrained(folder, tracked, { layout: "timm" });
  const frozen = await loadPretrained(folder, { overrides: { norm: "frozen" } });
  const isCount = ([name]: readonly [string, unknown]): boolean => name.endsWith("num_batches_tracked");
  const entries = Object.entries(valuesOf(tracked));
  const counts = entries.filter(isCount);
  expect(counts.length).toBeGreaterThan(10);
  expect(valuesOf(frozen)).toEqual(Object.fromEntries(entries.filter((entry) => !isCount(entry))));
  expect([...frozen.model.parameters().keys()].filter((name) => /\bbn|downsample\.1/.test(name))).toEqual([]);

  await savePretrained(fixed, frozen);
  const configOf = (at: string): unknown => JSON.parse(readFileSync(join(at, "config.json"), "utf8"));
  expect(configOf(fixed)).toEqual(configOf(folder));
  expect(valuesOf(await loadPretrained(fixed, { overrides: { norm: "frozen" } }))).toEqual(valuesOf(frozen));
  const again = await loadPretrained(fixed);
  expect(valuesOf(again)).toEqual({
    ...valuesOf(frozen),
    ...Object.fromEntries(counts.map(([name]) => [name, [0]])),
  });
  expect(await logitsOf(again)).toEqual(await logitsOf(frozen));
});

test("a statistic that is no count must be there", async () => {
  const folder = join(scratch, "no-mean");
  const pretrained = made.resnet!();
  await savePretrained(folder, pretrained, { layout: "timm" });
  const file = weightsOf(pretrained);
  file.delete("bn1.running_mean");
  file.delete("bn1.num_batches_tracked");
  await saveSafetensors(join(folder, "model.safetensors"), file);
  for (const norm of ["batch", "frozen"] as const)
    await expect(loadPretrained(folder, { overrides: { norm } })).rejects.toThrow(/ 1 missing: bn1\.running_mean/);
});

test("a setting that a family does not know is refused", async () => {
  const folder = join(scratch, "unknown");
  await savePretrained(folder, made.resnet!(), { layout: "timm" });
  await expect(loadPretrained(folder, { overrides: { windows: 7 } })).rejects.toThrow(
    /windows is no setting of this model/,
  );
});
