import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/graph/dtype.ts";
import { type MAEOptions, maeOptions, maeSizes } from "../../src/models/mae/config.ts";
import { featuresOf } from "../../src/models/mae/encoder.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { createModel, familyOf, type ImageClassifierOptions } from "../../src/models/registry.ts";
import { vitFamily } from "../../src/models/vit/family.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import type { Module } from "../../src/nn/module.ts";
import { fillModel, withOwnNames } from "../../src/pretrained/fill-model.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { matchWeights } from "../../src/weights/load.ts";
import { maeNamings } from "../../src/weights/mae-rules.ts";
import type { Naming } from "../../src/weights/rules.ts";
import { saveSafetensors } from "../../src/weights/safetensors-node.ts";
import { memorySource, type WeightSource } from "../../src/weights/source.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "./drawn.ts";

/** Shapes by pattern of names: `{0-5}` and `{weight,bias}` stand for all of these. */
type Patterns = Readonly<Record<string, readonly number[]>>;
type Args = Readonly<Record<string, number | boolean | readonly number[]>>;

/** A model of the authors: trained parameters and state, or the name of one that has the same. */
interface Model {
  readonly parameters: number;
  readonly state: Patterns;
}

interface Small {
  readonly args: Args;
  readonly state: Patterns;
  readonly logits?: readonly number[];
  readonly loss?: number;
  readonly painted?: readonly number[];
}

const { models, small } = JSON.parse(readFileSync(new URL("golden/authors.json", import.meta.url), "utf8")) as {
  readonly models: Readonly<Record<string, Model | string>>;
  readonly small: Readonly<Record<string, Small>>;
};
const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const expanded = (pattern: string): string[] => {
  const [whole, inside] = /\{(.*?)\}/.exec(pattern) ?? [];
  if (whole === undefined) return [pattern];
  const [, first, last] = /^(\d+)-(\d+)$/.exec(inside!) ?? [];
  const parts = last ? Array.from({ length: +last - +first! + 1 }, (_, i) => `${+first! + i}`) : inside!.split(",");
  return parts.flatMap((part) => expanded(pattern.replace(whole, part)));
};

const shapesOf = (state: Patterns): Map<string, readonly number[]> =>
  new Map(Object.entries(state).flatMap(([pattern, shape]) => expanded(pattern).map((name) => [name, shape])));

/** A file of the authors, as far as its header tells: no value of these sizes is made. */
function header(state: Patterns): WeightSource {
  const shapes = shapesOf(state);
  return {
    place: "a file of the authors",
    names: () => shapes.keys(),
    has: (name) => shapes.has(name),
    info: (name) => ({ dtype: "float32", shape: shapes.get(name)! }),
    read: () => Promise.reject(new Error("only names and shapes are here")),
    close: async () => {},
  };
}

/** @throws where a name is missing or unexpected, or a shape another. */
function requireSame(model: Module, state: Patterns, namings: readonly Naming[]): void {
  const expected = [...model.variables()].map(([name, { shape }]) => [name, shape as readonly number[]] as const);
  expect([...matchWeights(expected, withOwnNames(header(state), namings)).names()]).toHaveLength(expected.length);
}

/** The classifier here that a classifier of the authors is. */
function ours(theirs: string): readonly [name: string, options: ImageClassifierOptions] {
  if (theirs === "swin_tiny_c24_patch4_window8_256")
    return ["swin_tiny_patch4_window7_224", { heads: [4, 8, 16, 32], windows: 8, imageSize: 256 }];
  if (theirs.startsWith("simmim_finetune__swinv2_base__img224_window14"))
    return ["swinv2_base_window12to16_192to256", { windows: 14, imageSize: 224 }];
  if (theirs.startsWith("simmim")) return ["swin_base_patch4_window7_224", {}];
  const [, size, form] = /^vit_(\w+) --(\w+)$/.exec(theirs) ?? [];
  if (size) return [`vit_${size}_224${form === "global_pool" ? ".mae" : ""}`, { labels: 1000 }];
  const name = theirs.replace(/(_22kto1k)?_(finetune|ft)$|_22k$/, "");
  if (name.startsWith("swinv2")) return [name.replace("_patch4", ""), {}];
  return [name, theirs.endsWith("_22k") ? { labels: 21841 } : {}];
}

const modelNamed = (name: string): Model => {
  const entry = models[name]!;
  return typeof entry === "string" ? modelNamed(entry) : entry;
};
const autoencoders = [
  ["B", "mae_vit_base_patch16"],
  ["L", "mae_vit_large_patch16"],
  ["H", "mae_vit_huge_patch14"],
] as const;
const classifiers = Object.keys(models).filter((name) => !name.startsWith("mae_"));

test("every size that the authors published is compared", () => {
  const counted = (of: RegExp): number => Object.keys(models).filter((name) => of.test(name)).length;
  expect([/^swin_/, /^swinv2_/, /^simmim/, /^tnt_/, /^mae_/, /^vit_/].map(counted)).toEqual([15, 12, 2, 2, 3, 6]);
});

test.each(classifiers)("%s of the authors has our parameters, and its file our names and shapes", (theirs) => {
  const [name, options] = ours(theirs);
  const model = createModel(name, options as object);
  const { parameters, state } = modelNamed(theirs);
  expect(model.parameterCount()).toBe(parameters);
  requireSame(model, state, familyOf(name).namings);
});

test.each(autoencoders)("MAE-%s is %s of the authors, and its encoder is a Vision Transformer", (letter, theirs) => {
  const model = new MAE(maeSizes[letter]);
  const { parameters, state } = modelNamed(theirs);
  // Positions are fixed.
  expect(model.parameterCount()).toBe(parameters);
  requireSame(model, state, maeNamings);
  requireSame(new ViT(featuresOf(model.config)), state, vitFamily.namings);
});

test("a name too many, one too few and another shape are found", () => {
  const { state } = modelNamed("swin_tiny_patch4_window7_224");
  const model = createModel("swin_tiny_patch4_window7_224");
  const { "head.bias": _, ...rest }: Patterns = {
    ...state,
    "layers.0.blocks.0.attn.extra": [1],
    "norm.{weight,bias}": [767],
  };
  expect(() => requireSame(model, rest, familyOf("swin_tiny_patch4_window7_224").namings)).toThrow(
    /1 missing: head\.fc\.bias; 1 not in the model: layers\.0\.blocks\.0\.attn\.extra; 2 of another shape: norm\.bias \[767\] for \[768\]/,
  );
});

/** What is not trained: made again, or fixed. */
const untrained = /relative_(position_index|coords_table)$|attn_mask$|^outer_tokens$|^(decoder_)?pos_embed$/;

/** The file of a small model: what is trained is drawn from its name, what is fixed is given or zero. */
function file({ state }: Small, given: (name: string) => NdArray | undefined = () => undefined): Map<string, NdArray> {
  return new Map(
    [...shapesOf(state)].map(([name, shape]) => {
      const zeros = (): NdArray => ({ dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) });
      return [name, given(name) ?? (untrained.test(name) ? zeros() : drawn(name, shape))];
    }),
  );
}

const close = { rtol: 1e-4, atol: 1e-4 };
const runtime = await nodeRuntime({ threads: 1 });

/** Per family: the architecture, and what timm calls the authors' arguments where it calls them otherwise. */
const folders = [
  ["swin", "swin_tiny_patch4_window7_224", {}],
  ["swinv2", "swinv2_tiny_window8_256", {}],
  [
    "tnt",
    "tnt_s_patch16_224",
    {
      ...{ outer_dim: "embed_dim", inner_dim: "inner_dim" },
      ...{ outer_num_heads: "num_heads_outer", inner_num_heads: "num_heads_inner" },
    },
  ],
  ["vit", "vit_base_patch16_224", {}],
] as const;

test.each(folders)(
  "a small %s of the authors, loaded from their names, gives their logits",
  async (kind, name, words) => {
    const golden = small[kind]!;
    const args = Object.entries({ ...golden.args, ...(kind === "vit" ? { global_pool: "avg" } : {}) });
    const renamed = Object.fromEntries(
      args.map(([key, value]) => [(words as Record<string, string>)[key] ?? key, value]),
    );
    const folder = join(scratch, kind);
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ architecture: name, model_args: renamed }));
    const drawnPositions = (key: string): NdArray | undefined =>
      // Fine-tuning trains them.
      kind === "vit" && key === "pos_embed" ? drawn(key, shapesOf(golden.state).get(key)!) : undefined;
    await saveSafetensors(join(folder, "model.safetensors"), file(golden, drawnPositions));
    const { model } = await loadPretrained(folder);
    await using run = await compile(
      ({ images }) => ({ logits: model.forward(images) }),
      { images: [2, 3, 32, 32] },
      { runtime },
    );
    const { logits } = await run.run({ images: drawn("image", [2, 3, 32, 32]) });
    expectClose(logits!, ndarray("float32", [2, 5], golden.logits!), close);
  },
);

test("a small autoencoder of the authors paints what theirs paints, on positions made here", async () => {
  const golden = small.mae!;
  const options: MAEOptions = maeOptions({ ...golden.args, norm_layer: "LayerNorm, eps 1e-6" });
  const model = new MAE(options);
  const fixed = (name: string): NdArray | undefined =>
    untrained.test(name) ? model.variables().get(name)!.data : undefined;
  await fillModel(model, withOwnNames(memorySource(file(golden, fixed)), maeNamings));
  await using run = await compile(
    ({ images, noise }) => model.forward(images!, noise) as never,
    { images: [2, 3, 32, 32], noise: [2, 16] },
    { runtime },
  );
  const out = await run.run({ images: drawn("image", [2, 3, 32, 32]), noise: drawn("noise", [2, 16]) });
  const { loss, painted } = out as { readonly loss: NdArray; readonly painted: NdArray };
  expectClose(loss, ndarray("float32", [], [golden.loss!]), close);
  // Every fifth patch, every sixteenth number.
  const kept = [...(painted.data as Float32Array)].filter(
    (_, i) => (Math.floor(i / 192) % 16) % 5 === 0 && i % 16 === 0,
  );
  expectClose(ndarray("float32", [kept.length], kept), ndarray("float32", [kept.length], golden.painted!), close);
});
