/** A trained model with published results: CTranslate2's Arabic-to-Latin letters, an encoder–decoder Transformer with a vocabulary for each side. */

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { copyLanguage } from "../../src/pretrained/copy-language-node.ts";
import { loadLanguage } from "../../src/pretrained/language-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { Translator } from "../../src/tasks/translate.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose } from "../golden.ts";
import { hasShared, sharedPath } from "../shared.ts";

const published = sharedPath("data", "seq2seq-transliteration");
const file = (name: string): string => join(published, name);
const runtime = await nodeRuntime({ threads: 1 });

interface Case {
  readonly source: readonly string[];
  readonly target_prefix?: string;
  readonly target: string;
}

function cases(): readonly Case[] {
  const found = JSON.parse(readFileSync(file("expected.json"), "utf8")) as { published_expectations: readonly Case[] };
  return found.published_expectations;
}

async function translator(folder: string): Promise<Translator> {
  const language = await loadLanguage(folder);
  if (language.kind !== "transformer") throw new Error(`got ${language.kind}`);
  const { model, tokenizer, targetTokenizer } = language;
  return Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
}

test.skipIf(!hasShared)("the folder as it is gives its published words, greedily and with beams", async () => {
  await using letters = await translator(published);
  expect(cases()).toHaveLength(4);
  for (const { source, target_prefix: prefix, target } of cases())
    for (const beams of [1, 2, 4])
      for (const text of [source.join(""), source.join(" ")]) {
        const [found] = await letters.translate([text], { beams, prefix });
        expect(found, `${beams} beams`).toMatchObject({ text: target, ended: true, unknown: [] });
      }
});

test.skipIf(!hasShared)("its activations equal the reference's", async () => {
  const { model } = await loadLanguage(published);
  if (!(model instanceof WordTransformer)) throw new Error("no Transformer");
  const ids = { dtype: "int64", shape: ["b", "n"] } as const;
  await using run = await compile(
    ({ source, target }) => model.forward({ source, target }),
    { source: ids, target: { dtype: "int64", shape: ["b", "t"] } },
    { runtime },
  );
  const reference = readSafetensors(readFileSync(file("reference.safetensors"))).tensors;
  const row = (name: string): NdArray => {
    const array = reference.get(name)!;
    return { ...array, shape: [1, array.data.length] };
  };
  const { memory, logits } = await run.run({ source: row("source_ids"), target: row("target_in_ids") });
  const flat = ({ shape, ...array }: NdArray): NdArray => ({ ...array, shape: shape.slice(1) });
  const tolerance = { rtol: 1e-4, atol: 1e-4 };
  expectClose(flat(memory!), reference.get("encoder_out")!, tolerance, "encoder");
  expectClose(flat(logits!), reference.get("teacher_forced_logits")!, tolerance, "logits");
});

test.skipIf(!hasShared)("a copy of the folder, in 16 bits, still writes the first published word", async () => {
  const folder = temporary();
  await copyLanguage(published, folder, { half: true });
  await using letters = await translator(folder);
  const [{ source, target }] = cases() as [Case];
  expect((await letters.translate([source.join("")], { beams: 2 }))[0]!.text).toBe(target);
});

test.skipIf(!hasShared)(
  "what the folder does not say, or says of another kind of Transformer, is refused",
  async () => {
    const { tensors, metadata } = readSafetensors(readFileSync(file("model.safetensors")));
    const folder = temporary();
    for (const name of ["source_vocabulary.txt", "target_vocabulary.txt"]) copyFileSync(file(name), join(folder, name));
    const write = (changed: readonly (readonly [string, string])[]): void => {
      writeFileSync(join(folder, "model.safetensors"), writeSafetensors(tensors, new Map([...metadata, ...changed])));
    };
    write([["norm", "post"]]);
    await expect(loadLanguage(folder)).rejects.toThrow('"norm" is "pre", got "post"');
    write([["heads", "5"]]);
    await expect(loadLanguage(folder)).rejects.toThrow('"heads" is a whole number that divides 32, got "5"');
    write([]);
    writeFileSync(join(folder, "target_vocabulary.txt"), "<blank>\n<s>\n</s>\nab\n");
    await expect(loadLanguage(folder)).rejects.toThrow('got "ab"');
    writeFileSync(
      join(folder, "target_vocabulary.txt"),
      `<blank>\n<s>\n</s>\n${[..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR"].join("\n")}\n`,
    );
    await expect(loadLanguage(folder)).rejects.toThrow("got 47 ids for 43 words");
  },
);

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-letters-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
