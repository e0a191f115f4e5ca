import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { Tokenizer } from "../../src/data/text/tokenizer.ts";
import { openTokenizer } from "../../src/data/text/tokenizer-node.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { RecurrentLanguage } from "../../src/models/recurrent-language.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { loadLanguageModel } from "../../src/pretrained/language-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { Gpt2Writer, type TextOptions } from "../../src/tasks/decode/gpt2.ts";
import { RecurrentWriter } from "../../src/tasks/decode/recurrent-language.ts";
import { TextGenerator } from "../../src/tasks/generate.ts";
import { marianRules } from "../../src/weights/marian-rules.ts";
import { applyRules, invertRules } from "../../src/weights/rules.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { memorySource, readAll } from "../../src/weights/source.ts";

const runtime = await nodeRuntime({ threads: 1 });
const tokenizer = await openTokenizer(fileURLToPath(new URL("../data/text/golden", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "vitrine-language-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tiny = { words: tokenizer.words, positions: 24, width: 8, depth: 1, heads: 2 } as const;

test("texts are what the ids that follow the prompt's say, piece by piece, up to the end", async () => {
  const model = new Gpt2(tiny).initialize(1);
  await using writer = await TextGenerator.open(model, tokenizer, runtime);
  await using ids = await Gpt2Writer.open(model, runtime);
  // Bytes of half characters are left out, since a model of chance would write little else.
  const banned = Array.from({ length: tiny.words }, (_, id) => id).filter((id) =>
    tokenizer.decode([id]).includes("\ufffd"),
  );
  const prompts = ["the cat", "and"];
  const how = { maxWords: 8, seed: 3, banned };
  const endsOf = async (options: TextOptions): Promise<readonly (boolean | undefined)[]> => {
    const ends: (boolean | undefined)[] = [undefined, undefined];
    for await (const { text, ended } of writer.stream(prompts, options)) ends[text] = ended;
    return ends;
  };
  const written = await ids.write(
    prompts.map((prompt) => tokenizer.encode(prompt)),
    how,
  );
  const whole = written.map(({ words }) => tokenizer.decode(words));
  expect(await writer.write(prompts, how)).toEqual(whole);
  const pieces = ["", ""];
  for await (const { text, piece } of writer.stream(prompts, how)) pieces[text] += piece;
  expect(pieces).toEqual(whole);
  expect(await endsOf(how)).toEqual([false, false]);
  const end = written[0]!.words[4]!;
  expect((await endsOf({ ...how, end: [end] }))[0]).toBe(true);
  const [ended] = await writer.write(prompts.slice(0, 1), { ...how, end: [end] });
  expect(ended).toBe(tokenizer.decode(written[0]!.words.slice(0, written[0]!.words.indexOf(end))));
});

test("empty and over-long prompts are refused, by what the model holds", async () => {
  await using writer = await TextGenerator.open(new Gpt2(tiny), tokenizer, runtime);
  await expect(writer.write(["and", ""])).rejects.toThrow("a prompt must not be empty in prompt 2");
  const long = "the ".repeat(40);
  await expect(writer.write([long])).rejects.toThrow(
    `the model holds 24 tokens, got ${tokenizer.encode(long).length} in prompt 1`,
  );
});

test("symbols that a vocabulary of characters does not have are named with their places", async () => {
  const characters = Tokenizer.fromJson({
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: "." }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: { type: "BPE", vocab: { a: 0, b: 1, " ": 2 }, merges: [] },
  });
  await using writer = await TextGenerator.open(new Gpt2({ ...tiny, words: 3 }), characters, runtime);
  await expect(writer.write(["ab", "a ß b €ß"])).rejects.toThrow(
    'got "ß" at character 3, "€" at character 7 in prompt 2',
  );
});

test("beams find what no text of greedy search beats, and a length beyond the positions is cut", async () => {
  const model = new Gpt2(tiny).initialize(1);
  await using writer = await TextGenerator.open(model, tokenizer, runtime);
  await using ids = await Gpt2Writer.open(model, runtime);
  const prompt = tokenizer.encode("the cat");
  const how = { maxWords: 6, end: tokenizer.end ?? -1, penalty: (words: number) => words };
  const [[best] = []] = await ids.search([prompt], { ...how, beams: 3 });
  expect(await writer.search(["the cat"], { beams: 3, maxWords: 6 })).toEqual([
    { text: tokenizer.decode(best!.words), ended: best!.ended },
  ]);
  const [whole] = await writer.search(["the cat"], { beams: 2, maxWords: 100 });
  expect(whole!.text).not.toBe("");
  expect(whole!.ended).toBe(false);
});

test.each(["lstm", "gru"] as const)(
  "a recurrent model (%s) writes on word by word, as if it read the whole text anew",
  async (cell) => {
    const config = { words: tiny.words, embed: 8, hidden: 8, layers: 2, cell, tied: false, dropout: 0 } as const;
    const model = new RecurrentLanguage(config).initialize(2);
    await using writer = await RecurrentWriter.open(model, runtime);
    const whole = await compile(
      ({ ids }) => ({ logits: model.forward(ids) }),
      { ids: { dtype: "int64", shape: ["b", "n"] } },
      { runtime },
    );
    const prompts = [[5, 9, 30], [7]];
    const texts = prompts.map((prompt) => [...prompt]);
    for await (const { text, word } of writer.stream(prompts, { maxWords: 6, temperature: 0 })) {
      const { logits } = await whole.run({ ids: ndarray("int64", [1, texts[text]!.length], texts[text]!) });
      const last = (logits!.data as Float32Array).subarray(-tiny.words);
      expect(word).toBe(last.indexOf(Math.max(...last)));
      texts[text]!.push(word);
    }
    expect(texts.map(({ length }) => length)).toEqual([9, 7]);
    const [[best] = []] = await writer.search(prompts.slice(0, 1), { beams: 1, maxWords: 6, end: -1 });
    expect(best!.words).toEqual(texts[0]!.slice(3));
    await using generator = await TextGenerator.open(model, tokenizer, runtime);
    expect(await generator.write(["the cat", "and"], { maxWords: 4, temperature: 0 })).toHaveLength(2);
  },
);

test("ids without a text are never written", async () => {
  const wide = new Gpt2({ ...tiny, words: 320 }).initialize(5);
  await using writer = await TextGenerator.open(wide, tokenizer, runtime);
  expect(await writer.write(["the"], { maxWords: 12, seed: 1 })).toHaveLength(1);
});

test("a tokenizer of more ids than the model has words, or of far fewer, is refused", async () => {
  for (const words of [300, tiny.words + 40, tiny.words + 900])
    await expect(TextGenerator.open(new Gpt2({ ...tiny, words }), tokenizer, runtime)).rejects.toMatchObject({
      code: "WEIGHTS_MISMATCH",
    });
});

test("a GPT and a MarianMT in a folder load by their published names, from halves too", async () => {
  const gpt = new Gpt2(tiny).initialize(2);
  const file = (name: string, bytes: string | Uint8Array): void => writeFileSync(join(folder, name), bytes);
  file(
    "config.json",
    JSON.stringify({ model_type: "gpt2", vocab_size: tiny.words, n_positions: 24, n_embd: 8, n_layer: 1, n_head: 2 }),
  );
  file(
    "model.safetensors",
    writeSafetensors(
      [...gpt.variables()].map(([name, { data }]) => [`transformer.${name}`, data] as const),
      [],
    ),
  );
  const again = await loadLanguageModel(folder);
  expect(again).toBeInstanceOf(Gpt2);
  for (const [name, { data }] of again.variables()) expect(data.data).toEqual(gpt.variables().get(name)!.data.data);

  const sizes = { encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, decoder_attention_heads: 2 };
  const config = {
    ...sizes,
    encoder_ffn_dim: 6,
    decoder_ffn_dim: 6,
    vocab_size: 9,
    d_model: 8,
    max_position_embeddings: 8,
  };
  const stack = { layers: 1, heads: 2, mlpWidth: 6 };
  const words = { sourceWords: 9, targetWords: 9, width: 8, encoder: stack, decoder: stack, maxWords: 8 } as const;
  const translator = new WordTransformer({
    ...words,
    finalNorm: false,
    outputBias: true,
    positions: "halves",
  }).initialize(3);
  const own = [...translator.variables()].map(([name, { data }]) => [name, data] as const);
  const theirs = await readAll(applyRules(memorySource(own), invertRules(marianRules())));
  const halves = [...theirs].map(([name, { shape }]) => {
    return [name, ndarray("float16", shape, new Uint16Array(shape.reduce((a, b) => a * b, 1)).fill(0x3c00))] as const;
  });
  file("config.json", JSON.stringify({ model_type: "marian", ...config, pad_token_id: 8, decoder_start_token_id: 8 }));
  file("model.safetensors", writeSafetensors(halves, []));
  const marian = await loadLanguageModel(folder);
  expect(marian).toBeInstanceOf(WordTransformer);
  for (const { data } of marian.variables().values()) expect(data.data.every((x) => x === 1)).toBe(true);

  file("config.json", JSON.stringify({ model_type: "parrot" }));
  await expect(loadLanguageModel(folder)).rejects.toThrow('or vitrine-recurrent-language, got "parrot"');
  file("config.json", "[");
  await expect(loadLanguageModel(folder)).rejects.toMatchObject({ code: "INVALID_FILE" });
  rmSync(join(folder, "config.json"));
  await expect(loadLanguageModel(folder)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
