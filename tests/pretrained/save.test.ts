import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ViT } from "../../src/models/vit/vit.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { onnxMetadata } from "../../src/pretrained/onnx-metadata.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { layoutFor, savePretrained } from "../../src/pretrained/save-node.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const small = { imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 3, mlpWidth: 48 } as const;
const make = (options: object = {}, architecture = "vit_tiny_patch16_224"): Pretrained<ViT> =>
  newPretrained(architecture as "vit_tiny_patch16_224", { labels: ["ant", "bee"], options: { ...small, ...options } });

test("a saved folder has the three files and nothing is left beside it", async () => {
  await savePretrained(join(scratch, "model"), make());
  expect(readdirSync(join(scratch, "model")).sort()).toEqual([
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
  ]);
  expect(readdirSync(scratch)).toEqual(["model"]);
});

test("a model that is there is not overwritten unless asked, and other files stay", async () => {
  const folder = join(scratch, "run");
  mkdirSync(folder);
  writeFileSync(join(folder, "log.jsonl"), "kept");
  await savePretrained(folder, make());
  const before = readFileSync(join(folder, "model.safetensors"));
  const next = make();
  next.model.initialize(5);
  await expect(savePretrained(folder, next)).rejects.toMatchObject({ code: "OUTPUT_CONFLICT" });
  expect(readFileSync(join(folder, "model.safetensors")).equals(before)).toBe(true);
  await savePretrained(folder, next, { replace: true });
  expect(readFileSync(join(folder, "model.safetensors")).equals(before)).toBe(false);
  expect(readFileSync(join(folder, "log.jsonl"), "utf8")).toBe("kept");
  expect(readdirSync(scratch)).toEqual(["run"]);
});

test.each(["timm", "huggingface"] as const)("labels that nobody named get no names on the way: %s", async (layout) => {
  const [first, second] = [join(scratch, "first"), join(scratch, "second")];
  await savePretrained(first, { ...make(), labels: ["0", "1"], unnamedLabels: true }, { layout });
  const read = await loadPretrained(first);
  expect(read).toMatchObject({ labels: ["0", "1"], unnamedLabels: true });
  expect(onnxMetadata(read).has("labels")).toBe(false);
  await savePretrained(second, { ...make(), labels: ["0", "1"] }, { layout });
  expect(await loadPretrained(second)).toMatchObject({ labels: ["0", "1"], unnamedLabels: false });
});

test("a file in the folder's place is left alone", async () => {
  const file = join(scratch, "model");
  writeFileSync(file, "mine");
  await expect(savePretrained(file, make())).rejects.toMatchObject({ code: "OUTPUT_CONFLICT" });
  expect(readFileSync(file, "utf8")).toBe("mine");
  expect(readdirSync(scratch)).toEqual(["model"]);
});

test("a failure while writing leaves nothing behind", async () => {
  const broken = make();
  // Data that does not fit its shape is found only when the weights are written.
  const variable = broken.model.head!.bias!.variable;
  variable.data = { ...variable.data, data: new Float32Array(3) };
  await expect(savePretrained(join(scratch, "model"), broken)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  expect(readdirSync(scratch)).toEqual([]);
});

test("the layout is timm's, or the one that can express the model, or an error", async () => {
  expect(layoutFor(make())).toBe("timm");
  expect(layoutFor(make({ eps: 1e-12 }))).toBe("huggingface");
  expect(() => layoutFor(make({ eps: 1e-12 }), "timm")).toThrow(/ε 1e-12/);
  expect(() => layoutFor(make({ registers: 2 }), "huggingface")).toThrow(/registers 2/);
  expect(() => layoutFor(make({ eps: 1e-12, registers: 2 }))).toThrow(/no architecture of timm/);
  await expect(
    savePretrained(join(scratch, "model"), make({ registers: 2 }), { layout: "huggingface" }),
  ).rejects.toThrow();
  expect(existsSync(join(scratch, "model"))).toBe(false);
});

test("a change of layout leaves no file of the other", async () => {
  const folder = join(scratch, "model");
  // A picture that is not square is resized in a way that only config.json of timm says.
  await savePretrained(folder, make());
  await savePretrained(folder, make({ imageSize: [16, 24] }), { replace: true });
  expect(readdirSync(folder).sort()).toEqual(["config.json", "model.safetensors"]);
  expect((await loadPretrained(folder)).preprocessing.inputSize).toEqual([3, 16, 24]);
});

test.each(["timm", "huggingface"] as const)("both heads of a distilled model are saved for %s", async (layout) => {
  const made = make({}, "deit_tiny_distilled_patch16_224");
  made.model.initialize(2);
  await savePretrained(join(scratch, layout), made, { layout });
  const { model } = await loadPretrained(join(scratch, layout));
  for (const [name, { data }] of made.model.variables())
    expect(model.variables().get(name)!.data.data, name).toEqual(data.data);
});

test("a ratio has a decimal point, without which transformers refuses it", async () => {
  const options = { imageSize: 32, patchSize: 4, width: 24, depths: [1, 1], heads: [1, 2], windows: 4 } as const;
  const pretrained = newPretrained("swinv2_tiny_window8_256", { labels: ["a", "b"], options });
  await savePretrained(join(scratch, "swin"), pretrained, { layout: "huggingface" });
  expect(readFileSync(join(scratch, "swin", "config.json"), "utf8")).toContain('"mlp_ratio": 4.0,');
});
