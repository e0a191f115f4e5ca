import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../../src/graph/dtype.ts";
import { crossEntropy } from "../../../src/losses/index.ts";
import { gpt2FromHuggingFace, gpt2Sizes } from "../../../src/models/gpt2/config.ts";
import { Gpt2 } from "../../../src/models/gpt2/gpt2.ts";
import type { JsonObject } from "../../../src/models/json.ts";
import type { Module } from "../../../src/nn/index.ts";
import { adam, weightDecayGroups } from "../../../src/optim/index.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { Gpt2Writer } from "../../../src/tasks/decode/gpt2.ts";
import { cast, softmax } from "../../../src/tensor/index.ts";
import { gpt2Naming } from "../../../src/weights/gpt2-rules.ts";
import { matchWeights } from "../../../src/weights/load.ts";
import { applyRules, invertRules } from "../../../src/weights/rules.ts";
import { readSafetensors } from "../../../src/weights/safetensors.ts";
import { memorySource, type WeightSource } from "../../../src/weights/source.ts";
import { expectClose } from "../../golden.ts";
import { hasShared, sharedPath } from "../../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

const ids = (rows: readonly (readonly number[])[]): NdArray =>
  ndarray("int64", [rows.length, rows[0]!.length], rows.flat());

async function load(module: Module, source: WeightSource): Promise<void> {
  const variables = module.variables();
  const matched = matchWeights(
    [...variables].map(([name, { shape }]) => [name, shape] as const),
    source,
  );
  for (const [name, variable] of variables) variable.data = await matched.read(name);
}

// Counted by transformers' GPT2LMHeadModel of each size.
test.each([
  ["gpt2", 124_439_808],
  ["gpt2-medium", 354_823_168],
  ["gpt2-large", 774_030_080],
  ["gpt2-xl", 1_557_611_200],
] as const)("%s has its published number of parameters", (name, count) => {
  expect(new Gpt2(gpt2Sizes[name]).parameterCount()).toBe(count);
});

const tiny = { words: 11, positions: 12, width: 16, depth: 2, heads: 2 } as const;

test("padding before a text changes none of its words' logits, whatever it says and the layers see", async () => {
  const model = new Gpt2({ ...tiny, band: 2 }).initialize(5);
  const run = await compile(
    ({ words, valid, places }) => ({
      logits: model.forward(words!, undefined, { valid: cast(valid!, "bool"), positions: places }),
    }),
    Object.fromEntries(
      ["words", "valid", "places"].map((name) => [name, { dtype: "int64", shape: ["b", "n"] } as const]),
    ),
    { runtime },
  );
  const text = [4, 1, 7, 2];
  const alone = await run.run({ words: ids([text]), valid: ids([[1, 1, 1, 1]]), places: ids([[0, 1, 2, 3]]) });
  for (const padding of [0, 9]) {
    const words = ids([[padding, padding, ...text]]);
    const valid = ids([[0, 0, 1, 1, 1, 1]]);
    const { logits } = await run.run({ words, valid, places: ids([[0, 0, 0, 1, 2, 3]]) });
    const [want, got] = [alone.logits!.data, logits!.data.slice(2 * tiny.words)];
    for (const [i, x] of Array.from(got, Number).entries()) expect(x).toBeCloseTo(Number(want[i]), 5);
  }
});

test("OpenAI's, minGPT's and transformers' files hold the same weights", async () => {
  const model = new Gpt2(tiny).initialize(3);
  const own = new Map([...model.variables()].map(([name, { data }]) => [name, data]));
  const transposed = ({ shape: [rows, columns], data }: NdArray): NdArray =>
    ndarray(
      "float32",
      [columns!, rows!],
      Float32Array.from({ length: data.length }, (_, i) =>
        Number(data[(i % rows!) * columns! + Math.floor(i / rows!)]),
      ),
    );
  const isDense = (name: string): boolean => /(c_attn|c_proj|c_fc)\.weight$/.test(name);
  const openAi = (name: string): string =>
    name === "wte.weight" || name === "wpe.weight"
      ? `model/${name.slice(0, 3)}`
      : `model/${name.replace(/^h\.(\d+)\./, "h$1/").replace(/^ln_f\./, "ln_f/")}`
          .replace(/\.(c_\w+)\./, "/$1/")
          .replace(/(ln_\d)\./, "$1/")
          .replace(/\/weight$/, name.includes("ln_") ? "/g" : "/w")
          .replace(/\/bias$/, "/b");
  const forms: Readonly<Record<string, readonly (readonly [string, NdArray])[]>> = {
    "OpenAI GPT-2": [...own].map(([name, array]) => [
      openAi(name),
      isDense(name) ? { ...array, shape: [1, ...array.shape] } : array,
    ]),
    minGPT: [
      ...[...own].map(([name, array]) => [`transformer.${name}`, isDense(name) ? transposed(array) : array] as const),
      ["lm_head.weight", own.get("wte.weight")!],
    ],
    "transformers GPT-2": [...own, ["h.0.attn.bias", ndarray("float32", [1, 1, 1, 1], [1])]],
  };
  for (const [name, tensors] of Object.entries(forms)) {
    const source = memorySource(tensors, name);
    const naming = gpt2Naming(source, true);
    expect(naming.name).toBe(name);
    const other = new Gpt2(tiny).initialize(4);
    await load(other, applyRules(source, naming.rules));
    for (const [key, { data }] of other.variables()) expect(data.data, `${name}: ${key}`).toEqual(own.get(key)!.data);
  }
  const there = applyRules(
    memorySource(own),
    invertRules(gpt2Naming(memorySource(forms["OpenAI GPT-2"]!), true).rules),
  );
  expect([...there.names()].sort()).toEqual(forms["OpenAI GPT-2"]!.map(([name]) => name).sort());
});

test("configurations of another kind are refused", () => {
  expect(() => gpt2FromHuggingFace({ n_layer: "two" }, "config.json")).toThrow(
    '"n_layer" must be a number, got "two" in config.json',
  );
  expect(() => gpt2FromHuggingFace({ activation_function: "swoosh" })).toThrow('got "swoosh"');
  expect(() => new Gpt2({ ...tiny, heads: 3 })).toThrow("heads must divide the width");
  expect(() => new Gpt2({ ...tiny, depth: 0 })).toThrow("depth is a whole number from 1 up, got 0");
});

test("a word depends on no later word, and in banded layers on none before the band", async () => {
  for (const [band, depth] of [
    [undefined, 2],
    [3, 2],
  ] as const) {
    const model = new Gpt2({ ...tiny, depth, band }).initialize(5);
    await using run = await compile(
      ({ ids }) => ({ logits: model.forward(ids) }),
      { ids: { dtype: "int64", shape: ["b", "n"] } },
      { runtime, taps: ["h.0.attn.probs", "h.1.attn.probs"] },
    );
    const results = await run.run({ ids: ids([[1, 2, 3, 4, 5, 6]]) });
    for (const layer of [0, 1]) {
      const probs = results[`h.${layer}.attn.probs`]!;
      for (let i = 0; i < 6; i++)
        for (let j = 0; j < 6; j++) {
          const seen = j <= i && (layer === 0 || band === undefined || j > i - band);
          expect(Number(probs.data[i * 6 + j]) > 0, `layer ${layer}: ${i} sees ${j}`).toBe(seen);
        }
    }
  }
});

test("words read one by one, behind padding, give the logits of the whole text", async () => {
  for (const options of [tiny, { ...tiny, band: 3, scaledByDepth: true, tied: false }]) {
    const model = new Gpt2(options).initialize(6);
    await using run = await compile(
      ({ ids }) => ({ logits: model.forward(ids) }),
      { ids: { dtype: "int64", shape: ["b", "n"] } },
      { runtime },
    );
    await using writer = await Gpt2Writer.open(model, runtime);
    const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5]];
    const written = await writer.write(prompts, { temperature: 0, maxWords: 6 });
    for (const [i, prompt] of prompts.entries()) {
      const text = [...prompt];
      for (let step = 0; step < 6; step++) {
        const { logits } = await run.run({ ids: ids([text]) });
        const last = Array.from(logits!.data.slice(-11), Number);
        text.push(last.indexOf(Math.max(...last)));
      }
      expect(written[i]).toEqual({ words: text.slice(prompt.length), ended: false });
    }
  }
});

test("a small GPT learns a text by heart in seconds", async () => {
  const model = new Gpt2({ ...tiny, embedDropout: 0, dropout: 0, attnDropout: 0 }).initialize(7);
  const optimizer = adam(weightDecayGroups(model.parameters(), 0, []));
  await using step = await compile(
    (inputs) => {
      const loss = crossEntropy(model.forward(inputs.ids!, { train: true }), inputs.labels!);
      optimizer.update(grad(loss, [...model.parameters().values()]), inputs);
      return { loss };
    },
    {
      ids: { dtype: "int64", shape: ["b", "n"] },
      labels: { dtype: "int64", shape: ["b", "n"] },
      ...optimizer.inputs,
    },
    { runtime },
  );
  const text = [1, 3, 3, 7, 2, 9, 9, 4, 10, 6, 5];
  let loss = Number.NaN;
  for (let i = 0; i < 120; i++) {
    const results = await step.run({
      ids: ids([text.slice(0, -1)]),
      labels: ids([text.slice(1)]),
      ...optimizer.feeds(i, 1e-2),
    });
    loss = Number(results.loss!.data[0]);
  }
  expect(loss).toBeLessThan(0.02);
  await using writer = await Gpt2Writer.open(model, runtime);
  const [written] = await writer.write([text.slice(0, 2)], { temperature: 0, end: [5] });
  expect(written).toEqual({ words: text.slice(2, -1), ended: true });
});

const nano = (name: string): string => sharedPath("data", "gpt-nano-sort", name);

/** The file as published: tensors in base64, masks among them. */
async function sorter(): Promise<Gpt2> {
  const { config, ...tensors } = JSON.parse(readFileSync(nano("gpt-nano-sort-model.json"), "utf8")) as {
    readonly config: JsonObject;
    readonly [name: string]: unknown;
  };
  const arrays = Object.entries(tensors as Record<string, { readonly shape: number[]; readonly data: string }>).map(
    ([name, { shape, data }]) => {
      const bytes = Uint8Array.from(Buffer.from(data, "base64"));
      return [name, ndarray("float32", shape, new Float32Array(bytes.buffer))] as const;
    },
  );
  const model = new Gpt2({ ...gpt2FromHuggingFace(config), tied: false });
  const source = memorySource(arrays, "gpt-nano-sort");
  await load(model, applyRules(source, gpt2Naming(source, false).rules));
  return model;
}

/** Our tap for each published activation. */
const published: Readonly<Record<string, string>> = {
  tok_emb: "words",
  pos_emb: "places",
  x: "embedded",
  ln1: "h.0.ln_1",
  qkv: "h.0.attn.qkv",
  q: "h.0.attn.q",
  k: "h.0.attn.k",
  v: "h.0.attn.v",
  att: "h.0.attn.scores",
  attSm: "h.0.attn.probs",
  y: "h.0.attn.mixed",
  yProj: "h.0.attn",
  attnResid: "h.0.between",
  ln2: "h.0.ln_2",
  fc: "h.0.mlp.wide",
  gelu: "h.0.mlp.active",
  mlp: "h.0.mlp",
  mlpResid: "h.0",
  block0: "h.0",
  block1: "h.1",
  block2: "h.2",
  ln_f: "ln_f",
  lm_head: "lm_head",
  probs: "probs",
};

test.skipIf(!hasShared)("the trained sorter's activations equal those published", async () => {
  const model = await sorter();
  const { tensors: want } = readSafetensors(readFileSync(nano("partials.safetensors")), "partials.safetensors");
  await using run = await compile(
    ({ ids }) => {
      const logits = model.forward(ids);
      return { lm_head: logits, probs: softmax(logits) };
    },
    { ids: { dtype: "int64", shape: ["b", "n"] } },
    {
      runtime,
      taps: Object.values(published).filter((name) => name !== "lm_head" && name !== "probs"),
    },
  );
  const given = want.get("idx")!;
  const got = await run.run({ ids: ndarray("int64", given.shape, Array.from(given.data, Number)) });
  expect([...Object.keys(published), "idx"].sort()).toEqual([...want.keys()].sort());
  for (const [theirs, ours] of Object.entries(published)) {
    const { shape, data } = want.get(theirs)!;
    // Scores are published with −∞ where a key is later; positions with a batch axis.
    const numbers = Float32Array.from(got[ours]!.data as Float32Array, (x, i) =>
      data[i] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : x,
    );
    expectClose(ndarray("float32", shape, numbers), want.get(theirs)!, { rtol: 0, atol: 1e-4 }, theirs);
  }
});

test.skipIf(!hasShared)("the trained sorter sorts all 729 sequences", async () => {
  await using writer = await Gpt2Writer.open(await sorter(), runtime);
  const all = Array.from({ length: 729 }, (_, i) => Array.from({ length: 6 }, (_, j) => Math.floor(i / 3 ** j) % 3));
  const written = await writer.write(all, { temperature: 0, maxWords: 6 });
  const sorted = written.filter(({ words }, i) => words.join() === [...all[i]!].sort().join());
  expect(sorted).toHaveLength(729);
});
