import { expect, test } from "vitest";
import { VitrineError } from "../../../src/errors.ts";
import { languageModelFor } from "../../../src/train/language/models.ts";

const made = (kind: string, translates: boolean, options: Readonly<Record<string, unknown>>) =>
  languageModelFor({ kind, translates, words: 300, longest: 16, options });

const wrong: readonly (readonly [kind: string, translates: boolean, options: object, message: RegExp])[] = [
  [
    "gpt2",
    false,
    { activation: "foo" },
    /^activation: Invalid type: Expected \("gelu" \| .* but received "foo" in `model`/,
  ],
  ["gpt2", false, { band: 0 }, /^band: Invalid value: Expected >=1 but received 0/],
  ["gpt2", false, { dropout: 1.5 }, /^dropout: Invalid value: Expected <1 but received 1.5/],
  ["gpt2", false, { eps: 0 }, /^eps: Invalid value: Expected >0/],
  ["gpt2", false, { width: 10.5 }, /^width: Invalid integer/],
  ["gpt2", false, { width: 10, heads: 3 }, /heads must divide the width, got width 10, 3 heads/],
  ["gpt2", false, { words: 7 }, /^words is no setting of this model, got 7/],
  ["gru", false, { hidden: -3 }, /^hidden: Invalid value: Expected >=1 but received -3/],
  ["lstm", false, { layers: "2" }, /^layers: Invalid type: Expected number but received "2"/],
  ["lstm", false, { tied: true }, /a shared table is as wide as the state, got embed 64, hidden 256/],
  ["gru", true, { attention: "foo" }, /^attention: Invalid type: Expected \("additive" \| .* received "foo"/],
  ["gru", true, { layers: 0 }, /^layers: Invalid value: Expected >=1 but received 0/],
  ["lstm", true, { dropout: 1.5 }, /^dropout: Invalid value/],
  ["transformer", true, { dropout: 2 }, /^dropout: Invalid value/],
  ["transformer", true, { positions: "rotary" }, /^positions: Invalid type/],
  ["transformer", true, { encoder: { layers: 0 } }, /^encoder\.layers: Invalid value: Expected >=1/],
  ["transformer", true, { encoder: { layer: 1 } }, /^encoder\.layer: Invalid key/],
  ["transformer", true, { encoder: 3 }, /^encoder: Invalid type: Expected Object but received 3/],
  [
    "transformer",
    true,
    { constructor: 1 },
    /^constructor is no setting of this model.*its settings are width, encoder, /,
  ],
];

test.each(wrong)("%s (translating: %s) with %j is refused", (kind, translates, options, message) => {
  let thrown: unknown;
  try {
    made(kind, translates, options as Readonly<Record<string, unknown>>);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(VitrineError);
  expect(thrown).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect((thrown as VitrineError).message).toMatch(message);
});

test("what is said of a stack leaves the rest of it", () => {
  const model = made("transformer", true, { encoder: { layers: 1 }, decoder: { mlpWidth: 96 } });
  expect(model.config).toMatchObject({
    encoder: { layers: 1, heads: 4, mlpWidth: 512 },
    decoder: { layers: 3, heads: 4, mlpWidth: 96 },
  });
});

test("settings that have no usual value can be given", () => {
  expect(made("gpt2", false, { band: 4, activation: "relu", scaledByDepth: true }).config).toMatchObject({ band: 4 });
  expect(made("gru", true, { decoderHidden: 24, attentionWidth: 8 }).config).toMatchObject({ decoderHidden: 24 });
});
