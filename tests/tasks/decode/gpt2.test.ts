/** Texts beside those that transformers writes with the same weights; tools/generation-golden.py makes the numbers. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { gpt2FromHuggingFace } from "../../../src/models/gpt2/config.ts";
import { Gpt2 } from "../../../src/models/gpt2/gpt2.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { lengthPenalty } from "../../../src/tasks/decode/beam-search.ts";
import { Gpt2Writer, gpt2StepGraph, type TextOptions, type WrittenWord } from "../../../src/tasks/decode/gpt2.ts";
import { choiceOf, type SamplingOptions } from "../../../src/tasks/decode/sampling.ts";
import { huggingFaceGpt2Rules } from "../../../src/weights/gpt2-rules.ts";
import { applyRules } from "../../../src/weights/rules.ts";
import { readSafetensors } from "../../../src/weights/safetensors.ts";
import { memorySource } from "../../../src/weights/source.ts";

const golden = (name: string): URL => new URL(`golden/gpt2-generation.${name}`, import.meta.url);

interface Texts {
  readonly texts: readonly (readonly number[])[];
}

const cases = JSON.parse(readFileSync(golden("json"), "utf8")) as {
  readonly prompts: readonly (readonly number[])[];
  readonly greedy: Texts;
  readonly penalised: Texts;
  readonly beam: Texts & { readonly scores: readonly number[] };
  readonly samplers: {
    readonly logits: readonly number[];
    readonly text: readonly number[];
    readonly cases: readonly { readonly options: SamplingOptions; readonly probabilities: readonly number[] }[];
  };
};

const { tensors, metadata } = readSafetensors(readFileSync(golden("safetensors")), "gpt2-generation");
const model = new Gpt2(gpt2FromHuggingFace(JSON.parse(metadata.get("config")!)));
const source = applyRules(memorySource(tensors), huggingFaceGpt2Rules());
for (const [name, variable] of model.variables()) variable.data = await source.read(name);
const writer = await Gpt2Writer.open(model, await nodeRuntime({ threads: 1 }));
const { prompts } = cases;

describe("beside transformers", () => {
  test("prompts of other lengths go on as they do, word by word", async () => {
    const written = await writer.write(prompts, { temperature: 0, maxWords: 9, banned: [0] });
    expect(written.map(({ words }) => words)).toEqual(cases.greedy.texts);
    const penalised = { temperature: 0, maxWords: 9, banned: [0], repetitionPenalty: 1.4 };
    expect((await writer.write(prompts, penalised)).map(({ words }) => words)).toEqual(cases.penalised.texts);
  });

  test("beams find the same texts with the same scores", async () => {
    const how = { beams: 3, maxWords: 8, end: 0, penalty: lengthPenalty(0.7), stop: "likely" } as const;
    const found = (await writer.search(prompts, how)).flatMap((texts) => texts.slice(0, 2));
    const texts = cases.beam.texts.map((ids) => (ids.includes(0) ? ids.slice(0, ids.indexOf(0)) : ids));
    expect(found.map(({ words }) => words)).toEqual(texts);
    for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(cases.beam.scores[i]!, 4);
  });

  test("what a sampler leaves has the same probabilities", () => {
    const { logits, text, cases: samplers } = cases.samplers;
    for (const { options, probabilities } of samplers) {
      const choice = choiceOf(Float32Array.from(logits), text, options);
      const got = Array<number>(logits.length).fill(0);
      for (const [i, word] of choice.words.entries()) got[word] = choice.probabilities[i]!;
      for (const [word, want] of probabilities.entries())
        expect(got[word], `${JSON.stringify(options)}: ${word}`).toBeCloseTo(want, 5);
    }
  });
});

test("a step is a graph that can be saved, for texts of every length", () => {
  const { inputs, outputs } = gpt2StepGraph(model);
  const kept = [0, 1].flatMap((layer) => [`keys.${layer}`, `values.${layer}`]);
  expect(inputs.map(({ source }) => (source.kind === "input" ? source.name : ""))).toEqual([
    "ids",
    "used",
    "skip",
    ...kept,
  ]);
  expect([...outputs.keys()]).toEqual(["logits", "logs", ...kept.map((name) => `next.${name}`)]);
});

test("a text does not depend on what is written beside it, only on seed, place and prompt", async () => {
  const how: TextOptions = { maxWords: 12, temperature: 1.3, topK: 12, seed: 4 };
  const together = await writer.write(prompts, how);
  const first = await writer.write(prompts.slice(0, 1), how);
  expect(first[0]).toEqual(together[0]);
  expect(await writer.write(prompts, how)).toEqual(together);
  expect(await writer.write(prompts, { ...how, seed: 5 })).not.toEqual(together);
});

test("words come as often as the model says", async () => {
  const many = Array.from({ length: 2000 }, () => [5, 9]);
  const written = await writer.write(many, { maxWords: 1, topK: 2, seed: 1 });
  const counts = new Map<number, number>();
  for (const { words } of written) counts.set(words[0]!, (counts.get(words[0]!) ?? 0) + 1);
  const found = await writer.search([[5, 9]], { beams: 2, maxWords: 1, end: 0 });
  const weights = found[0]!.map(({ logProbability }) => Math.exp(logProbability));
  expect(counts.size).toBe(2);
  for (const [i, { words, ended }] of found[0]!.entries()) {
    const share = weights[i]! / (weights[0]! + weights[1]!);
    expect(Math.abs(counts.get(ended ? (words[0] ?? 0) : words[0]!)! / 2000 - share)).toBeLessThan(0.04);
  }
});

test("a stream tells each word when it is there, ends where it is told to, and can be left", async () => {
  const told: WrittenWord[] = [];
  for await (const word of writer.stream(prompts, { temperature: 0, maxWords: 3, banned: [0] })) told.push(word);
  expect(told.map(({ text, last }) => [text, last])).toEqual(
    [0, 1, 2].flatMap((step) => [0, 1, 2].map((text) => [text, step === 2])),
  );
  const second = cases.greedy.texts[0]![1]!;
  const stopped = await writer.write(prompts.slice(0, 1), { temperature: 0, end: [second], banned: [0] });
  const place = cases.greedy.texts[0]!.indexOf(second);
  expect(stopped[0]).toEqual({ words: cases.greedy.texts[0]!.slice(0, place), ended: true });
  for await (const _ of writer.stream([[1]])) break;
  const stop = AbortSignal.abort();
  await expect(writer.write([[1]], { signal: stop })).rejects.toThrow("abort");
});

test("without a limit a text fills the positions, with more room than one block", async () => {
  const long = new Gpt2({ words: 7, positions: 150, width: 8, depth: 1, heads: 2 }).initialize(1);
  await using other = await Gpt2Writer.open(long, await nodeRuntime({ threads: 1 }));
  const [all] = await other.write([[1, 2]], { temperature: 0 });
  expect(all!.words).toHaveLength(149);
  const [again] = await other.write([[1, 2, ...all!.words.slice(0, 100)]], { temperature: 0 });
  expect(again!.words).toEqual(all!.words.slice(100));
});

test("prompts and options that cannot be are refused", async () => {
  await expect(writer.write([[1], []])).rejects.toThrow("a prompt has at least one word, got none in prompt 1");
  await expect(writer.write([[23]])).rejects.toThrow("ids are whole numbers from 0 to 22, got 23 in prompt 0");
  await expect(writer.write([Array<number>(25).fill(1)])).rejects.toThrow("24 positions, got 25 words and 1 new");
  await expect(writer.search([[1]], { beams: 2, maxWords: 30, end: 0 })).rejects.toThrow("got 1 words and 30 new");
  await expect(writer.write([[1]], { temperature: -1 })).rejects.toThrow("temperature is a number from 0 up, got -1");
  await expect(writer.write([[1]], { topP: 0 })).rejects.toThrow("topP is above 0 and at most 1");
  await expect(writer.write([[1]], { topK: 0.5 })).rejects.toThrow("topK is a whole number");
  await expect(writer.write([[1]], { maxWords: 0 })).rejects.toThrow("maxWords is at least 1");
  expect(await writer.write([])).toEqual([]);
});
