import { expect, test } from "vitest";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { languageModel } from "../../src/pretrained/language.ts";
import { publishedForm } from "../../src/pretrained/save-language-node.ts";
import { memorySource } from "../../src/weights/source.ts";

const stack = { layers: 1, heads: 2, mlpWidth: 12 };
const translator = { sourceWords: 9, targetWords: 9, width: 8, encoder: stack, decoder: stack, maxWords: 8 };
const gpt = { words: 9, positions: 8, width: 8, depth: 2, heads: 2 };

test.each([
  new Gpt2({ ...gpt, band: 3 }),
  new Gpt2({ ...gpt, activation: "gelu_tanh" }),
  new WordTransformer({ ...translator, normFirst: true, positions: "learned", targetWords: 11 }),
  new WordTransformer({ ...translator, finalNorm: false, outputBias: true, positions: "halves", activation: "silu" }),
])("a model's own form is read back: %#", async (model) => {
  const { config, tensors } = await publishedForm(model.initialize(1));
  const read = await languageModel(JSON.parse(JSON.stringify(config)), memorySource(tensors));
  expect(read.config).toEqual(model.config);
  for (const [name, { data }] of read.variables()) expect(data.data).toEqual(model.variables().get(name)!.data.data);
});

test.each([
  ["gelu_tanh", "gelu_new"],
  ["hard_swish", "hardswish"],
] as const)("%s has the name that transformers knows, %s, and is read back", async (activation, name) => {
  for (const model of [
    new Gpt2({ ...gpt, activation }),
    new WordTransformer({ ...translator, finalNorm: false, outputBias: true, positions: "halves", activation }),
  ]) {
    const { config, tensors } = await publishedForm(model.initialize(1));
    expect(config.activation_function).toBe(name);
    expect((await languageModel(config, memorySource(tensors))).config).toEqual(model.config);
  }
});

test("a configuration of one's own is checked where it is read", async () => {
  const { config, tensors } = await publishedForm(new Gpt2({ ...gpt, band: 3 }).initialize(1));
  for (const [change, message] of [
    [{ band: 0 }, "band: Invalid value: Expected >=1 but received 0 in config.json"],
    [{ dropout: 1.5 }, "dropout: Invalid value"],
    [{ activation: "foo" }, "activation: Invalid type"],
  ] as const)
    await expect(languageModel({ ...config, ...change }, memorySource(tensors))).rejects.toThrow(message);
});
