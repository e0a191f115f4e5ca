import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { characterVocabulary } from "../../src/data/text/characters.ts";
import { Tokenizer } from "../../src/data/text/tokenizer.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { RecurrentLanguage } from "../../src/models/recurrent-language.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { bleu } from "../../src/tasks/bleu.ts";
import { evaluateText, evaluateTranslations } from "../../src/tasks/evaluate-words.ts";
import type { Translator } from "../../src/tasks/translate.ts";

const runtime = await nodeRuntime();
const text = "she sells sea shells by the sea shore";
const tokenizer = Tokenizer.fromJson(characterVocabulary(text));
const { words } = tokenizer;

const gpt = new Gpt2({ words, positions: 8, width: 16, depth: 1, heads: 2 });
const lstm = new RecurrentLanguage({ words, embed: 8, hidden: 12, layers: 1, cell: "lstm", tied: false, dropout: 0 });

test.each([
  ["a GPT reads as much as it holds at once", gpt, 8],
  ["a recurrent model reads a short text whole", lstm, 256],
] as const)("%s, and its loss is that of each next token after those of its window", async (_, model, window) => {
  model.initialize(3);
  const found = await evaluateText(model, tokenizer, text, runtime);
  const ids = tokenizer.encode(text);
  await using forward = await compile(
    ({ ids }) => ({ logits: model.forward(ids!) }),
    { ids: { dtype: "int64", shape: [1, "n"] } },
    { runtime },
  );
  let [loss, right] = [0, 0];
  for (let from = 0; from < ids.length - 1; from += window) {
    const read = ids.slice(from, Math.min(from + window, ids.length - 1));
    const { logits } = await forward.run({ ids: ndarray("int64", [1, read.length], read) });
    for (const [i] of read.entries()) {
      const row = Array.from((logits!.data as Float32Array).subarray(i * words, (i + 1) * words));
      const next = ids[from + i + 1]!;
      loss += Math.log(row.reduce((total, one) => total + Math.exp(one), 0)) - row[next]!;
      right += row[next] === Math.max(...row) ? 1 : 0;
    }
  }
  const count = ids.length - 1;
  expect(found.count).toBe(count);
  expect(found.loss).toBeCloseTo(loss / count, 5);
  expect(found.perplexity).toBeCloseTo(Math.exp(loss / count), 4);
  expect(found.bitsPerCharacter).toBeCloseTo(loss / Math.LN2 / text.length, 5);
  expect(found.accuracy).toBeCloseTo(right / count, 10);
});

test("the end of each document is to be foreseen where the vocabulary has one, and is no character", async () => {
  const marked = Tokenizer.fromJson(characterVocabulary(text, ["<|endoftext|>"]));
  const model = new Gpt2({ words: marked.words, positions: 64, width: 16, depth: 1, heads: 2 }).initialize(3);
  const found = await evaluateText(model, marked, "she<|endoftext|>sells<|endoftext|>", runtime);
  expect(found.count).toBe(3 + 1 + 5 + 1 - 1);
  expect(found.bitsPerCharacter).toBeCloseTo((found.loss * 9) / Math.LN2 / 8, 10);
  gpt.initialize(3);
  const whole = await evaluateText(gpt, tokenizer, "shesells", runtime);
  expect(await evaluateText(gpt, tokenizer, "she<|endoftext|>sells<|endoftext|>", runtime)).toEqual(whole);
});

test("a text with symbols that the vocabulary has not, or with nothing to foresee, is refused", async () => {
  await expect(evaluateText(gpt, tokenizer, "sea ∑ shells", runtime)).rejects.toThrow(/does not have ∑/);
  await expect(evaluateText(gpt, tokenizer, "s", runtime)).rejects.toThrow(/at least two tokens/);
});

/** Translates by heart, in whatever order it is asked. */
const byHeart = (pairs: ReadonlyMap<string, string>): Translator =>
  ({ translate: async (texts: readonly string[]) => texts.map((one) => ({ text: pairs.get(one)! })) }) as never;

test("BLEU is that of all translations, and bands of length part the pairs", async () => {
  const source = Array.from({ length: 100 }, (_, i) =>
    Array(1 + ((i * 7) % 23))
      .fill(`w${i}`)
      .join(" "),
  );
  const target = source.map((one, i) => `the ${one} number ${i} is here`);
  const written = target.map((one, i) =>
    source[i]!.split(" ").length > 17 ? one.replace("is here", "was there") : one,
  );
  const translator = byHeart(new Map(source.map((one, i) => [one, written[i]!])));
  const told: number[] = [];
  const found = await evaluateTranslations(translator, { source, target }, { onProgress: (done) => told.push(done) });
  expect(found.translations).toEqual(written);
  expect(found.bleu).toEqual(bleu(written, target));
  expect(told).toEqual([64, 100]);
  expect(found.bands.reduce((total, { count }) => total + count, 0)).toBe(100);
  for (const [
    i,
    {
      words: [least, most],
      bleu: score,
    },
  ] of found.bands.entries()) {
    expect(least).toBeLessThanOrEqual(most);
    if (i > 0) expect(least).toBeGreaterThan(found.bands[i - 1]!.words[1]);
    expect(score < 99.9).toBe(most > 17);
  }
});
