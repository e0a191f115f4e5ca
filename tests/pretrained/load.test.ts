import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type NdArray, toBFloat16, toFloat16, toFloat32 } from "../../src/graph/dtype.ts";
import { resizeLoadedPositions } from "../../src/nn/positions.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { packagedModels } from "../../src/pretrained/packaged-node.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { saveSafetensors } from "../../src/weights/safetensors-node.ts";
import { torchFile } from "./torch-file.ts";

const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const labels = ["ant", "bee", "cat"];
const small = { imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 3, mlpWidth: 48 } as const;
const made = newPretrained("vit_tiny_patch16_224", { labels, options: small });
made.model.initialize(3);
const timm = join(scratch, "timm");
await savePretrained(timm, made);

let folders = 0;

/** A copy of the saved model, changed. */
function changed(change: (folder: string) => void): string {
  const folder = join(scratch, `copy-${folders++}`);
  cpSync(timm, folder, { recursive: true });
  change(folder);
  return folder;
}

function edited(keys: (config: Record<string, unknown>) => Record<string, unknown>): string {
  return changed((folder) => {
    const path = join(folder, "config.json");
    writeFileSync(path, JSON.stringify(keys(JSON.parse(readFileSync(path, "utf8")))));
  });
}

/** The values by name, as plain arrays. */
const valuesOf = ({ model }: Pretrained): Record<string, number[]> =>
  Object.fromEntries([...model.variables()].map(([name, { data }]) => [name, Array.from(data.data, Number)]));

const tensors = (): Map<string, NdArray> => readSafetensors(readFileSync(join(timm, "model.safetensors"))).tensors;

test.each(["timm", "huggingface"] as const)("what is saved for %s is loaded again, bit for bit", async (layout) => {
  const folder = join(scratch, `again-${layout}`);
  await savePretrained(folder, made, { layout });
  const again = await loadPretrained(folder);
  expect(again.labels).toEqual(labels);
  expect(again.preprocessing).toEqual(made.preprocessing);
  expect(again.model.config).toEqual(made.model.config);
  expect(valuesOf(again)).toEqual(valuesOf(made));
});

test("a weights file needs the architecture, whose number of labels it says itself", async () => {
  const file = join(scratch, "tiny.safetensors");
  const tiny = newPretrained("test_vit", { labels });
  await savePretrained(join(scratch, "test-vit"), tiny);
  cpSync(join(scratch, "test-vit", "model.safetensors"), file);
  const loaded = await loadPretrained(file, { arch: "test_vit", labels });
  expect(loaded.labels).toEqual(labels);
  expect(valuesOf(loaded)).toEqual(valuesOf(tiny));
  expect((await loadPretrained(file, { arch: "test_vit" })).labels).toEqual(["0", "1", "2"]);
  await expect(loadPretrained(file)).rejects.toThrow(/does not say its architecture .*add --arch NAME/);
  await expect(loadPretrained(file, { arch: "test_vti" })).rejects.toThrow("did you mean test_vit");
  await expect(loadPretrained(file, { arch: "vit_tiny_patch16_224" })).rejects.toMatchObject({
    code: "WEIGHTS_MISMATCH",
  });
  await expect(loadPretrained(file, { arch: "test_vit", labels: ["one"] })).rejects.toThrow("the model has 3 labels");
});

test("a folder without configuration needs the architecture too, one with it must not have it", async () => {
  await savePretrained(join(scratch, "named"), newPretrained("test_vit", { labels }));
  await expect(loadPretrained(join(scratch, "named"), { arch: "test_vit" })).rejects.toThrow("leave --arch out");
  rmSync(join(scratch, "named", "config.json"));
  expect((await loadPretrained(join(scratch, "named"), { arch: "test_vit" })).architecture).toBe("test_vit");
});

test.each([
  ["float16", toFloat16],
  ["bfloat16", toBFloat16],
] as const)("%s weights become the float32 numbers they stand for", async (dtype, round) => {
  const halves = [...tensors()].map(([name, { shape, data }]) => {
    const half: NdArray = { dtype, shape, data: Uint16Array.from(data as Float32Array, round) };
    return [name, half] as const;
  });
  const folder = changed(() => {});
  await saveSafetensors(join(folder, "model.safetensors"), halves);
  const { model } = await loadPretrained(folder);
  for (const [name, half] of halves) expect(model.variables().get(name)!.data).toEqual(toFloat32(half));
});

test("shards and PyTorch's own files are read", async () => {
  const sharded = changed((folder) => rmSync(join(folder, "model.safetensors")));
  const all = [...tensors()];
  const map: Record<string, string> = {};
  for (const [i, part] of [all.slice(0, 9), all.slice(9)].entries()) {
    const name = `model-0000${i + 1}-of-00002.safetensors`;
    await saveSafetensors(join(sharded, name), part);
    for (const [tensor] of part) map[tensor] = name;
  }
  writeFileSync(
    join(sharded, "model.safetensors.index.json"),
    JSON.stringify({
      metadata: { total_size: all.reduce((sum, [, { data }]) => sum + data.byteLength, 0) },
      weight_map: map,
    }),
  );
  expect(valuesOf(await loadPretrained(sharded))).toEqual(valuesOf(made));

  const pickled = changed((folder) => {
    rmSync(join(folder, "model.safetensors"));
    writeFileSync(join(folder, "pytorch_model.bin"), torchFile(all));
  });
  expect(valuesOf(await loadPretrained(pickled))).toEqual(valuesOf(made));
});

test("a new head is drawn from its seed, and the body is kept", async () => {
  const five = ["a", "b", "c", "d", "e"];
  const load = (seed: number) => loadPretrained(timm, { newHead: { labels: five, seed } });
  const [first, again, other] = [await load(1), await load(1), await load(2)];
  expect(first.labels).toEqual(five);
  const { "head.weight": head, "head.bias": bias, ...body } = valuesOf(first);
  const { "head.weight": _, "head.bias": __, ...before } = valuesOf(made);
  expect(body).toEqual(before);
  expect(head!.length).toBe(5 * 24);
  expect(bias).toEqual([0, 0, 0, 0, 0]);
  expect(Math.hypot(...head!) / Math.sqrt(head!.length)).toBeCloseTo(0.02, 2);
  expect(valuesOf(again)).toEqual(valuesOf(first));
  expect(valuesOf(other)["head.weight"]).not.toEqual(head);
});

test("where the labels are the same, in the same order, the head stays if asked to", async () => {
  const load = (labels: readonly string[], unlessSame: boolean) =>
    loadPretrained(timm, { newHead: { labels, seed: 1, unlessSame } });
  const kept = await load(made.labels, true);
  expect(kept.freshHead).toBe(false);
  expect(valuesOf(kept)).toEqual(valuesOf(made));
  for (const [labels, unlessSame] of [
    [made.labels, false],
    [[...made.labels].reverse(), true],
    [made.labels.slice(1), true],
  ] as const) {
    const fresh = await load(labels, unlessSame);
    expect(fresh).toMatchObject({ freshHead: true, labels });
    expect(valuesOf(fresh)["head.weight"]).not.toEqual(valuesOf(made)["head.weight"]);
  }
});

test("another number of labels is refused unless a new head is asked for", async () => {
  const folder = edited((config) => ({ ...config, num_classes: 7, label_names: undefined }));
  await expect(loadPretrained(folder)).rejects.toThrow(/2 of another shape: head.bias \[3\] for \[7\], head.weight/);
});

test("for another size of image, positions are resized by the named rule", async () => {
  const { model, preprocessing } = await loadPretrained(timm, { resize: { imageSize: [24, 32], rule: "timm" } });
  expect(model.config.imageSize).toEqual([24, 32]);
  expect(preprocessing.inputSize).toEqual([3, 24, 32]);
  const expected = resizeLoadedPositions(tensors().get("pos_embed")!, {
    from: [4, 4],
    to: [6, 8],
    prefix: 1,
    rule: "timm",
  });
  expect(model.variables().get("pos_embed")!.data).toEqual(expected);
  const other = await loadPretrained(timm, { resize: { imageSize: [24, 32], rule: "jax" } });
  expect(other.model.variables().get("pos_embed")!.data).not.toEqual(expected);
});

test("timm's descriptions of labels are shown; transformers' numbered ones are not names", async () => {
  const described = edited((config) => ({
    ...config,
    label_names: ["n1", "n2", "n3"],
    label_descriptions: { n1: "tench", n3: "shark" },
  }));
  expect((await loadPretrained(described)).labels).toEqual(["tench", "n2", "shark"]);
  const numbered = join(scratch, "numbered");
  await savePretrained(numbered, { ...made, labels: ["LABEL_0", "LABEL_1", "LABEL_2"] }, { layout: "huggingface" });
  expect((await loadPretrained(numbered)).labels).toEqual(["0", "1", "2"]);
});

test("timm's older files with all keys at the top are understood", async () => {
  const folder = edited(({ pretrained_cfg, ...rest }) => ({ ...rest, ...(pretrained_cfg as object) }));
  const loaded = await loadPretrained(folder);
  expect(loaded.labels).toEqual(labels);
  expect(valuesOf(loaded)).toEqual(valuesOf(made));
});

test("without a preprocessing file, the architecture's own is used", async () => {
  const bare = changed((folder) => rmSync(join(folder, "preprocessor_config.json")));
  expect((await loadPretrained(bare)).preprocessing).toEqual(made.preprocessing);
  const hf = join(scratch, "bare-hf");
  await savePretrained(hf, made, { layout: "huggingface" });
  rmSync(join(hf, "preprocessor_config.json"));
  const { preprocessing } = await loadPretrained(hf);
  expect(preprocessing).toMatchObject({
    resize: { to: "exact", height: 16, width: 16 },
    crop: null,
    filter: "bilinear",
  });
});

test("a repository of the hub is loaded from the cache", async () => {
  const cache = join(scratch, "hub");
  const commit = "a".repeat(40);
  const repo = join(cache, "models--some--vit");
  mkdirSync(join(repo, "refs"), { recursive: true });
  writeFileSync(join(repo, "refs", "main"), commit);
  cpSync(timm, join(repo, "snapshots", commit), { recursive: true });
  const hub = { endpoint: "http://127.0.0.1:9", cache, offline: true, token: undefined };
  const loaded = await loadPretrained("some/vit", { hub });
  expect(loaded.name).toBe("some/vit");
  expect(valuesOf(loaded)).toEqual(valuesOf(made));
  await expect(loadPretrained("some/other", { hub })).rejects.toThrow("offline, a file must be in the cache");
});

test("packaged models are the folders with a configuration", () => {
  const models = join(scratch, "models");
  cpSync(timm, join(models, "vit-shapes"), { recursive: true });
  mkdirSync(join(models, "empty"));
  expect([...packagedModels(models)]).toEqual([["vit-shapes", join(models, "vit-shapes")]]);
  expect([...packagedModels(join(scratch, "absent"))]).toEqual([]);
});

const refused: readonly (readonly [what: string, reference: () => string, code: string, message: string | RegExp])[] = [
  ["a folder that is not there", () => "./nowhere", "NOT_FOUND", "a model's file or folder must exist"],
  [
    "a folder without configuration",
    () => changed((f) => rmSync(join(f, "config.json"))),
    "NOT_FOUND",
    "must have a config.json",
  ],
  [
    "a folder without weights",
    () => changed((f) => rmSync(join(f, "model.safetensors"))),
    "NOT_FOUND",
    "must have weights (model.safetensors, model.safetensors.index.json, pytorch_model.bin, model.ckpt.index)",
  ],
  [
    "a configuration that is no JSON",
    () => changed((f) => writeFileSync(join(f, "config.json"), "{")),
    "INVALID_FILE",
    "the file must be JSON",
  ],
  [
    "a configuration that is a list",
    () => changed((f) => writeFileSync(join(f, "config.json"), "[]")),
    "INVALID_FILE",
    "an object",
  ],
  [
    "a model of another kind",
    () => edited(() => ({ model_type: "bert" })),
    "INVALID_FILE",
    'model_type must be ("swin" | "swinv2" | "resnet" | "vit" | "deit" | "vit_mae")',
  ],
  [
    "an unknown architecture",
    () => edited((c) => ({ ...c, architecture: "vit_huge" })),
    "INVALID_FILE",
    /got "vit_huge" in `architecture` of .*config\.json; did you mean/,
  ],
  [
    "a configuration that says nothing",
    () => edited(() => ({})),
    "INVALID_FILE",
    /must say its `architecture` \(timm's name\) or its `model_type` \(transformers'\), it has neither in .*config\.json$/,
  ],
  [
    "an argument without counterpart",
    () => edited((c) => ({ ...c, model_args: { rope: true } })),
    "INVALID_ARGUMENT",
    "rope",
  ],
  ["labels of the wrong kind", () => edited((c) => ({ ...c, label_names: [1, 2, 3] })), "INVALID_FILE", "label_names"],
  [
    "weights that are cut off",
    () => changed((f) => truncateSync(join(f, "model.safetensors"), 5000)),
    "INVALID_FILE",
    "model.safetensors",
  ],
  [
    "an empty weights file",
    () => changed((f) => truncateSync(join(f, "model.safetensors"), 0)),
    "INVALID_FILE",
    "a file must have 8 bytes of header length, got 0 bytes",
  ],
  [
    "preprocessing for another size",
    () =>
      changed((f) => {
        const path = join(f, "preprocessor_config.json");
        writeFileSync(path, readFileSync(path, "utf8").replaceAll(/"(height|width)": 16/g, '"$1": 24'));
      }),
    "INVALID_FILE",
    "the model takes pictures of 3 × 16 × 16, its preprocessing makes 3 × 24 × 24",
  ],
  [
    "weights of another model",
    () => edited((c) => ({ ...c, model_args: { ...(c.model_args as object), depth: 3 } })),
    "WEIGHTS_MISMATCH",
    "12 missing: blocks.2.attn.proj.bias",
  ],
  [
    "an architecture's name",
    () => "vit_tiny_patch16_224",
    "NOT_FOUND",
    "the package has no weights of it; give a folder, a weights file with --arch vit_tiny_patch16_224, or a hub id",
  ],
  ["a name that nothing has", () => "resnet-ish", "UNKNOWN_NAME", 'got "resnet-ish"'],
];

test.each(refused)("%s is refused in one line", async (_, reference, code, message) => {
  const error = (await loadPretrained(reference()).catch((e: unknown) => e)) as Error & { code: string };
  if (typeof message === "string") expect(error.message).toContain(message);
  else expect(error.message).toMatch(message);
  expect(error.code).toBe(code);
  expect(error.message).not.toContain("\n");
});
