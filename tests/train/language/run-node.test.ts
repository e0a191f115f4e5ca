import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { characterVocabulary } from "../../../src/data/text/characters.ts";
import { textOf } from "../../../src/data/text/documents.ts";
import { Tokenizer } from "../../../src/data/text/tokenizer.ts";
import type { VitrineError } from "../../../src/errors.ts";
import { stream } from "../../../src/graph/random.ts";
import { loadLanguage } from "../../../src/pretrained/language-node.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { TextGenerator } from "../../../src/tasks/generate.ts";
import { Translator } from "../../../src/tasks/translate.ts";
import { textData, translationData } from "../../../src/train/language/data.ts";
import { languageModelFor } from "../../../src/train/language/models.ts";
import { type WordRecipe, wordRecipeFrom, wordRecipes } from "../../../src/train/language/recipe.ts";
import { trainWordsInFolder, type WordRunOptions } from "../../../src/train/language/run-node.ts";
import { all } from "../runs.ts";

const runtime = await nodeRuntime({ threads: 1 });
const place = await mkdtemp(join(tmpdir(), "vitrine-words-"));
afterAll(() => rm(place, { recursive: true, force: true }));

const random = stream(1);
const numbers = ["eins", "zwei", "drei", "vier", "acht"];
const english = ["one", "two", "three", "four", "eight"];
const drawn = Array.from({ length: 60 }, () => Array.from({ length: 2 + random.integer(4) }, () => random.integer(5)));
const corpus = {
  source: drawn.map((words) => words.map((i) => numbers[i]!).join(" ")),
  target: drawn.map((words) => words.map((i) => english[i]!).join(" ")),
};
const text = corpus.target.join("\n").repeat(3);

const small: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  transformer: {
    ...{ width: 16, encoder: { layers: 1, heads: 2, mlpWidth: 32 }, decoder: { layers: 1, heads: 2, mlpWidth: 32 } },
  },
  gru: { embed: 12, hidden: 12 },
  gpt2: { width: 16, depth: 2, heads: 2, mlpWidth: 32 },
  lstm: { embed: 12, hidden: 12 },
};
const changes = { epochs: 2, batchWords: 120, batchSize: 8, window: 24, warmupEpochs: 0.2, ema: 0.9 };

function run(
  kind: string,
  translates: boolean,
  folder: string,
  more: Partial<WordRecipe> = {},
  options: Readonly<Record<string, unknown>> = {},
): WordRunOptions {
  const base =
    kind === "transformer" || kind === "gpt2"
      ? wordRecipes[kind]
      : wordRecipes[translates ? "seq2seq" : "recurrent-language"];
  const pieces = translates ? 280 : null;
  const recipe = wordRecipeFrom(base, { ...changes, pieces, ...more }, "the test");
  const multiple = kind === "transformer" ? 1 : 8;
  const held = { source: corpus.source.slice(0, 10), target: corpus.target.slice(0, 10) };
  const data = translates ? translationData(corpus, held, recipe, { multiple, seed: 4 }) : textData(text, recipe, 4);
  const longest = translates ? 100 : recipe.window;
  const model = languageModelFor({
    kind,
    translates,
    words: data.words,
    longest,
    options: { ...small[kind], ...options },
  });
  return { model: model.initialize(4), data, recipe, runtime, seed: 4, folder: join(place, folder) };
}

const kinds = [
  ["transformer", true, 1],
  ["transformer", true, 2],
  ["gru", true, 1],
  ["gru", true, 2],
  ["gpt2", false, 1],
  ["gpt2", false, 2],
  ["lstm", false, 1],
] as const;

test.each(kinds)(
  "a %s (translating: %s) of %i batches a step that is stopped and goes on ends with the same bits, and is read back",
  async (kind, translates, accumulate) => {
    const [one, other] = [`${kind}-${accumulate}-whole`, `${kind}-${accumulate}-parts`];
    const whole = run(kind, translates, one, { accumulate });
    const events = await all(trainWordsInFolder(whole));
    const measured = events.flatMap((event) => (event.type === "epoch.end" ? [event.validation!.loss] : []));
    expect(measured[1]).toBeLessThan(measured[0]!);
    const stepsPerEpoch = Math.floor(whole.data.batchesPerEpoch / accumulate);
    expect(events.filter(({ type }) => type === "step")).toHaveLength(2 * stepsPerEpoch);

    const parts = run(kind, translates, other, { accumulate });
    const stop = new AbortController();
    const stopped = async (): Promise<void> => {
      for await (const event of trainWordsInFolder({ ...parts, signal: stop.signal }))
        if (event.type === "step" && event.step === stepsPerEpoch + 1) stop.abort();
    };
    await expect(stopped()).rejects.toMatchObject({ code: "INTERRUPTED" } satisfies Partial<VitrineError>);
    await all(trainWordsInFolder({ ...run(kind, translates, other, { accumulate }), resume: true }));
    for (const name of ["model.safetensors", "config.json", "tokenizer.json"])
      expect((await readFile(join(parts.folder, name))).equals(await readFile(join(whole.folder, name))), name).toBe(
        true,
      );

    const read = await loadLanguage(whole.folder);
    expect(read.kind).toBe(
      { transformer: "transformer", gru: "seq2seq", gpt2: "gpt2", lstm: "recurrent-language" }[kind],
    );
    expect(read.tokenizer.words).toBe(whole.data.words);
  },
);

test.each([
  ["transformer", { normFirst: true, finalNorm: true, positions: "learned" }, "vitrine-transformer"],
  ["transformer", { tied: false, outputBias: false, eps: 1e-6, bias: false }, "vitrine-transformer"],
  ["gpt2", { band: 5 }, "vitrine-gpt2"],
  ["gpt2", { bias: false, activation: "hard_swish" }, "vitrine-gpt2"],
  ["transformer", { activation: "gelu_tanh", scaled: false }, "marian"],
  ["gpt2", { tied: false, scaledByDepth: true }, "gpt2"],
] as const)("a %s with %j is trained, gone on with and read back as a %s", async (kind, options, type) => {
  const name = `${kind}-${Object.keys(options)[0]}`;
  const begun = (folder: string) => run(kind, kind === "transformer", folder, {}, options);
  const whole = begun(name);
  await all(trainWordsInFolder(whole));
  const parts = begun(`${name}-parts`);
  const stop = new AbortController();
  const stopped = async (): Promise<void> => {
    for await (const event of trainWordsInFolder({ ...parts, signal: stop.signal }))
      if (event.type === "step" && event.step === parts.data.batchesPerEpoch + 1) stop.abort();
  };
  await expect(stopped()).rejects.toMatchObject({ code: "INTERRUPTED" } satisfies Partial<VitrineError>);
  await all(trainWordsInFolder({ ...begun(`${name}-parts`), resume: true }));
  for (const file of ["model.safetensors", "config.json"])
    expect((await readFile(join(parts.folder, file))).equals(await readFile(join(whole.folder, file))), file).toBe(
      true,
    );
  const read = await loadLanguage(whole.folder);
  expect(read.config.model_type).toBe(type);
  expect(read.model.config).toEqual(whole.model.config);
  if (read.kind === "gpt2") {
    await using writer = await TextGenerator.open(read.model, read.tokenizer, runtime);
    const [written] = await writer.write(["one two"], { maxWords: 12, temperature: 0 });
    expect(written).toHaveLength(12);
  }
  if (read.kind === "transformer") {
    const tokenizers = { source: read.tokenizer, target: read.targetTokenizer };
    await using translator = await Translator.open(read.model, tokenizers, runtime);
    expect(await translator.translate(["eins zwei"], { maxWords: 6 })).toHaveLength(1);
  }
});

test("a folder of our own is not read with a tokenizer of fewer ids", async () => {
  const own = run("lstm", false, "fewer", { epochs: 1 });
  await all(trainWordsInFolder(own));
  await writeFile(join(own.folder, "tokenizer.json"), JSON.stringify(characterVocabulary(text.replaceAll("w", "o"))));
  await expect(loadLanguage(own.folder)).rejects.toMatchObject({
    code: "WEIGHTS_MISMATCH",
  } satisfies Partial<VitrineError>);
});

test("a run with other data or settings is not gone on with", async () => {
  const first = run("gpt2", false, "other", { epochs: 1 });
  await all(trainWordsInFolder(first));
  const second = { ...run("gpt2", false, "other", { epochs: 1, learningRate: 1e-4 }), resume: true };
  await expect(all(trainWordsInFolder(second))).rejects.toThrow("began with");
  await expect(all(trainWordsInFolder(first))).rejects.toThrow("new or empty");
});

test("a text is learned in pieces where the recipe says how many, and by characters where it does not", async () => {
  const recipe = wordRecipeFrom(wordRecipes.gpt2, { ...changes, pieces: 270, batchSize: 2 }, "the test");
  const data = textData(text, recipe, 4);
  const tokenizer = Tokenizer.fromJson(data.tokenizer);
  expect([data.words, tokenizer.words]).toEqual([270, 270]);
  const [batch] = data.batches(0, 0);
  const row = Array.from(batch!.arrays.ids!.data, Number).slice(0, 24);
  expect(tokenizer.decode(row).length).toBeGreaterThan(30);
  expect(text).toContain(tokenizer.decode(row));
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  expect(textData(text, { ...recipe, pieces: null }, 4).words).toBe(new Set(text).size);
  expect(() => textData(text, { ...recipe, pieces: 200 }, 4)).toThrow("a vocabulary has at least 256 pieces, got 200");
  const none = { ...wordRecipes.transformer, pieces: null };
  expect(() => translationData(corpus, corpus, none, { multiple: 1, seed: 1 })).toThrow(
    "translations are learned in pieces",
  );

  const own = run("gpt2", false, "pieces", { epochs: 1, pieces: 270, batchSize: 2 });
  await all(trainWordsInFolder(own));
  const read = await loadLanguage(own.folder);
  expect(read.tokenizer.encode("one two three")).toEqual(tokenizer.encode("one two three"));
});

test.each([null, 262] as const)(
  "several documents are told apart by a mark, at which writing ends (pieces: %s)",
  async (pieces) => {
    const two = textOf(["one two\n", "three\n"].flatMap((line) => Array<string>(60).fill(line)));
    const end = "<|endoftext|>";
    const recipe = wordRecipeFrom(wordRecipes.gpt2, { ...changes, pieces, batchSize: 2, window: 16 }, "the test");
    const data = textData(two, recipe, 4);
    const tokenizer = Tokenizer.fromJson(data.tokenizer);
    expect(tokenizer.encode(end)).toEqual([0]);
    const rows = [...data.batches(0, 0)].flatMap(({ arrays: { ids, labels } }) =>
      [ids!, labels!].map(({ data }) => tokenizer.decode(Array.from(data, Number).slice(0, 16))),
    );
    for (const row of rows) expect(two).toContain(row);
    expect(rows.some((row) => row.includes(`two\n${end}`))).toBe(true);
    expect(rows.join("").split(end).length).toBeGreaterThan(20);
    // What is measured by is cut the same way, and may be a text by itself.
    const apart = textData(two, recipe, 4, textOf(Array<string>(4).fill("two one\n")));
    const [measured] = apart.validation();
    const read = Array.from(measured!.arrays.labels!.data, Number);
    expect(Tokenizer.fromJson(apart.tokenizer).decode(read)).toContain(`one\n${end}two`);

    const model = languageModelFor({
      kind: "gpt2",
      translates: false,
      words: data.words,
      longest: 16,
      options: small.gpt2!,
    });
    const folder = join(place, `documents-${pieces}`);
    await all(trainWordsInFolder({ model: model.initialize(4), data, recipe, runtime, seed: 4, folder }));
    const json = async (name: string) => JSON.parse(await readFile(join(folder, name), "utf8")) as object;
    expect(await json("config.json")).toMatchObject({ eos_token_id: 0, bos_token_id: 0 });
    expect(await json("tokenizer_config.json")).toMatchObject({ eos_token: end });
    const loaded = await loadLanguage(folder);
    expect(loaded.tokenizer.end).toBe(0);
  },
);

test("what cannot be learned from is said before anything is written", () => {
  const recipe = wordRecipeFrom(wordRecipes.gpt2, { ...changes, window: 1000 }, "the test");
  expect(() => textData(text, recipe, 1)).toThrow("must have 9000 characters");
  const short = wordRecipeFrom(wordRecipes.transformer, { ...changes, maxWords: 1 }, "the test");
  expect(() => translationData(corpus, corpus, short, { multiple: 1, seed: 1 })).toThrow("at most 1 words");
  expect(() => wordRecipeFrom(wordRecipes.gpt2, { dropout: 3 }, "the test")).toThrow("dropout");
  const choice = { kind: "transformer", translates: false, words: 9, longest: 9, options: {} };
  expect(() => languageModelFor(choice)).toThrow("a text is learned by a model of the kind gpt2, lstm, gru");
  expect(() => languageModelFor({ ...choice, kind: "gpt2", options: { depht: 3 } })).toThrow("depht is no setting");
});
