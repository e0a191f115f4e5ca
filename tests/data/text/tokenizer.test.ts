/** Beside Hugging Face's tokenizers; tools/tokenizer-golden.py makes the files. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { TextStream, Tokenizer } from "../../../src/data/text/tokenizer.ts";
import { openTokenizer } from "../../../src/data/text/tokenizer-node.ts";
import { hasShared, sharedPath } from "../../shared.ts";

const golden = fileURLToPath(new URL("golden", import.meta.url));
const text = (name: string): string => readFileSync(join(golden, name), "utf8");
const vocabulary = JSON.parse(text("vocab.json")) as Record<string, number>;
const cases = JSON.parse(text("texts.json")) as readonly { readonly text: string; readonly ids: readonly number[] }[];
const scratch = mkdtempSync(join(tmpdir(), "vitrine-tokenizer-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const tokenizers = {
  "tokenizer.json": await openTokenizer(golden),
  "vocabulary and merges": Tokenizer.fromBytePairs(vocabulary, text("merges.txt")),
};

test.each(Object.entries(tokenizers))("by its %s, ids are the reference's and lead back", (_, tokenizer) => {
  for (const { text, ids } of cases) {
    expect(tokenizer.encode(text), text).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text);
  }
  expect(tokenizer.words).toBe(Object.keys(vocabulary).length);
  expect(tokenizer.end).toBe(vocabulary["<|endoftext|>"]);
});

test("texts are cut at Unicode's white space, whatever JavaScript's is", () => {
  const {
    vocab,
    merges,
    cases: spaces,
  } = JSON.parse(text("spaces.json")) as {
    readonly vocab: object;
    readonly merges: string;
    readonly cases: typeof cases;
  };
  const pairs = merges.trim().split("\n").slice(1);
  const model = { type: "BPE", vocab, merges: pairs.map((pair) => pair.split(" ")) };
  const file = JSON.parse(text("tokenizer.json")) as { readonly pre_tokenizer: object };
  const sequence = { type: "Sequence", pretokenizers: [file.pre_tokenizer] };
  for (const tokenizer of [
    Tokenizer.fromBytePairs(vocab, merges),
    Tokenizer.fromJson({ ...file, model }),
    Tokenizer.fromJson({ ...file, model, pre_tokenizer: sequence }),
  ])
    for (const { text, ids } of spaces) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
});

test("a space before a text is put there where the reference puts it", () => {
  const { vocab, merges } = JSON.parse(text("spaces.json")) as { readonly vocab: object; readonly merges: string };
  const pairs = merges.trim().split("\n").slice(1);
  const model = { type: "BPE", vocab, merges: pairs.map((pair) => pair.split(" ")) };
  const file = JSON.parse(text("tokenizer.json")) as object;
  const prefixed = JSON.parse(text("prefix.json")) as readonly {
    readonly pre_tokenizer: object;
    readonly config: object;
    readonly texts: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
  }[];
  for (const { pre_tokenizer, config, texts } of prefixed) {
    const tokenizer = Tokenizer.fromJson({ ...file, model, pre_tokenizer }, config);
    for (const { text, ids, decoded } of texts) {
      const place = JSON.stringify([text, pre_tokenizer, config]);
      expect(tokenizer.encode(text), place).toEqual(ids);
      expect(tokenizer.decode(ids), place).toBe(decoded);
    }
  }
});

test("a file that names no end has GPT-2's, where that is a piece of its own", () => {
  const file = JSON.parse(text("tokenizer.json")) as object;
  const end = vocabulary["<|endoftext|>"];
  expect(Tokenizer.fromJson(file).end).toBe(end);
  expect(Tokenizer.fromJson(file, { eos_token: null }).end).toBe(end);
  expect(Tokenizer.fromJson(file, { eos_token: "the" }).end).not.toBe(end);
  expect(Tokenizer.fromJson({ ...file, added_tokens: [] }).end).toBeUndefined();
});

test("as a stream, characters come whole", () => {
  const [tokenizer] = Object.values(tokenizers);
  const ids = tokenizer!.encode("a 👋é!");
  const stream = new TextStream(tokenizer!);
  const parts = ids.map((id) => stream.push(id));
  expect(parts.join("")).toBe("a 👋é!");
  expect(parts.join("")).not.toContain("\ufffd");
  expect(parts.filter((part) => part === "").length).toBeGreaterThan(2);
  stream.push(ids[2]!);
  expect(stream.finish()).toContain("\ufffd");
});

test("files that are missing, broken or of different publishers are refused by what is wrong", async () => {
  await expect(openTokenizer(scratch)).rejects.toThrow(/must hold tokenizer.json, or vocab.json and merges.txt, or/);
  const pieces = join(scratch, "source.spm");
  writeFileSync(pieces, "");
  await expect(openTokenizer(scratch)).rejects.toThrow(
    /SentencePiece models, .*; put the tokenizer.json of the same model/,
  );
  rmSync(pieces);
  writeFileSync(join(scratch, "tokenizer.json"), "{");
  await expect(openTokenizer(scratch)).rejects.toMatchObject({ code: "INVALID_FILE" });
  expect(() => Tokenizer.fromJson({ vocab: {} })).toThrow("model");
  expect(() => Tokenizer.fromJson({ model: { type: "Magic" } })).toThrow(/kind that @huggingface\/tokenizers knows/);
  expect(() => Tokenizer.fromBytePairs({ a: 0, b: 0 }, "")).toThrow("ids of their own");
  expect(() => Tokenizer.fromBytePairs({ a: 0, b: 1 }, "#version: 0.2\na b\n")).toThrow(
    'merges must be those of the vocabulary, it has no "ab" in merges, line 2',
  );
  expect(() => Tokenizer.fromBytePairs({ a: 0 }, "a\n")).toThrow('two pieces with a space between them, got "a"');
});

test("strange ids, pieces and models with fewer words are refused", () => {
  const [tokenizer] = Object.values(tokenizers);
  expect(() => tokenizer!.decode([3, 99999])).toThrow("from 0 to 316, got 99999");
  expect(() => tokenizer!.requireWords(300)).toThrow("got 317 ids for 300 words");
  tokenizer!.requireWords(317);
  // Rounded up to a multiple of 64, as some do, or with one more, as OpenNMT does; not to anything else.
  tokenizer!.requireWords(320);
  tokenizer!.requireWords(318);
  expect(() => tokenizer!.requireWords(320, { exact: true })).toThrow("got 317 ids for 320 words");
  for (const words of [319, 344, 384, 445, 1344]) expect(() => tokenizer!.requireWords(words)).toThrow("ids for");
  const { a: _, ...without } = vocabulary;
  const rule = 'must have a piece for each byte, it has none for 97, "a"';
  expect(() => Tokenizer.fromBytePairs(without, "")).toThrow(rule);
  const file = JSON.parse(text("tokenizer.json")) as { readonly model: object };
  expect(() => Tokenizer.fromJson({ ...file, model: { ...file.model, vocab: without } })).toThrow(rule);
});

test.skipIf(!hasShared)("GPT-2's own files give its ids", async () => {
  const tokenizer = await openTokenizer(sharedPath("data", "text", "gpt2-bpe"));
  expect([tokenizer.words, tokenizer.end]).toEqual([50257, 50256]);
  tokenizer.requireWords(50304);
  expect(() => tokenizer.requireWords(50400)).toThrow("got 50257 ids for 50400 words");
  const known: Readonly<Record<string, readonly number[]>> = {
    "This is some text": [1212, 318, 617, 2420],
    indivisible: [521, 452, 12843],
    "hello 👋 world 🌍": [31373, 50169, 233, 995, 12520, 234, 235],
  };
  for (const [text, ids] of Object.entries(known)) {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text);
  }
});
