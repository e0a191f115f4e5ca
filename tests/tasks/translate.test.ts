import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openTokenizer } from "../../src/data/text/tokenizer-node.ts";
import { Seq2Seq } from "../../src/models/seq2seq.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { lengthPenalty } from "../../src/tasks/decode/beam-search.ts";
import { Seq2SeqWriter } from "../../src/tasks/decode/seq2seq.ts";
import { WordTransformerWriter } from "../../src/tasks/decode/word-transformer.ts";
import { type TranslatingModel, Translator } from "../../src/tasks/translate.ts";

const runtime = await nodeRuntime({ threads: 1 });
const tokenizer = await openTokenizer(fileURLToPath(new URL("../data/text/golden", import.meta.url)));
const tokenizers = { source: tokenizer, target: tokenizer };
const words = tokenizer.words;

const stack = { layers: 2, heads: 2, mlpWidth: 16 };
const transformer = new WordTransformer({
  sourceWords: words,
  targetWords: words,
  width: 8,
  encoder: stack,
  decoder: stack,
  maxWords: 40,
}).initialize(3);
const recurrent = new Seq2Seq({
  sourceWords: words,
  targetWords: words,
  embed: 8,
  hidden: 8,
  layers: 1,
  cell: "gru",
  attention: "additive",
  dropout: 0,
  pad: 0,
  begin: 1,
  end: 2,
}).initialize(3);
const models: readonly (readonly [string, TranslatingModel])[] = [
  ["a Transformer", transformer],
  ["a recurrent network", recurrent],
];

const texts = ["the cat and the dog sat there", "and", "the cat", "dog"];

test.each(models)("%s: each text gets its own translation, in the texts' order", async (_, model) => {
  await using translator = await Translator.open(model, tokenizers, runtime);
  await using writer =
    model instanceof WordTransformer
      ? await WordTransformerWriter.open(model, runtime)
      : await Seq2SeqWriter.open(model, runtime);
  const how = { beams: 3, penalty: lengthPenalty(0.6), maxWords: 7, banned: [0, 1] };
  const found = await translator.translate(texts, { beams: 3, lengthPenalty: 0.6, maxWords: 7, batch: 2 });
  for (const [i, text] of texts.entries()) {
    const [[best]] = (await writer.write([tokenizer.encode(text)], how)) as unknown as [
      [{ words: number[]; score: number }],
    ];
    expect(found[i]!.text).toBe(tokenizer.decode(best.words));
    expect(found[i]!.score).toBeCloseTo(best.score, 5);
  }
});

test.each(models)("%s: each written word looks at the source's words, and no further", async (_, model) => {
  await using translator = await Translator.open(model, tokenizers, runtime);
  const found = await translator.translate(texts, { alignment: true, maxWords: 6 });
  for (const [i, { alignment, ended }] of found.entries()) {
    const { source, target, weights } = alignment!;
    expect(source.join("")).toBe(texts[i]);
    expect(weights.shape).toEqual([target.length, source.length]);
    expect(target).toHaveLength(ended ? target.length : 6);
    for (let row = 0; row < target.length; row++) {
      const part = Array.from(weights.data as Float32Array).slice(row * source.length, (row + 1) * source.length);
      expect(part.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    }
  }
});

test.each(models)("%s: every translation begins with what it is told to begin with", async (_, model) => {
  await using translator = await Translator.open(model, tokenizers, runtime);
  const [plain] = await translator.translate(["the cat"], { maxWords: 6 });
  for (const beams of [1, 3]) {
    const found = await translator.translate(texts, { beams, maxWords: 6, prefix: "dog and" });
    for (const { text } of found) expect(text).toMatch(/^dog and/);
  }
  expect(plain!.text).not.toMatch(/^dog and/);
});

test("the weights of a Transformer are those that it had while it wrote", async () => {
  await using translator = await Translator.open(transformer, tokenizers, runtime);
  const [alone] = await translator.translate(["the cat"], { alignment: true, maxWords: 5 });
  const together = await translator.translate(["the cat and the dog", "the cat"], { alignment: true, maxWords: 5 });
  const numbers = (data: unknown): readonly number[] => Array.from(data as Float32Array);
  for (const [i, weight] of numbers(together[1]!.alignment!.weights.data).entries())
    expect(weight).toBeCloseTo(numbers(alone!.alignment!.weights.data)[i]!, 5);
  expect(alone!.alignment!.quantity).toBe("cross-attention of decoder layer 0, mean over its 2 heads");
});

test("empty and over-long texts are refused, by what the model holds", async () => {
  await using translator = await Translator.open(transformer, tokenizers, runtime);
  await expect(translator.translate(["the", " "])).rejects.toThrow("a text must not be empty in text 2");
  await expect(translator.translate(["the cat ".repeat(30)])).rejects.toThrow(
    /texts of at most 40 tokens, got \d+ in text 1/,
  );
});

test("spaces around a text mean nothing", async () => {
  await using translator = await Translator.open(transformer, tokenizers, runtime);
  const [plain, spaced] = await translator.translate(["the cat", "  the cat\n"], { maxWords: 5 });
  expect(spaced).toEqual(plain);
});

test("a tokenizer of another model is refused", async () => {
  const other = new WordTransformer({ ...transformer.config, sourceWords: 300, targetWords: 300 });
  await expect(Translator.open(other, tokenizers, runtime)).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
});
