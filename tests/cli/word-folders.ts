/** Folders of small models of words, as their publishers lay them out. */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Gpt2, type Gpt2Options } from "../../src/models/index.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { marianRules } from "../../src/weights/marian-rules.ts";
import { applyRules, invertRules } from "../../src/weights/rules.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { memorySource, readAll } from "../../src/weights/source.ts";

const golden = fileURLToPath(new URL("../data/text/golden", import.meta.url));
/** Ids of the tokenizer beside the tests of data/text. */
export const goldenWords = 317;

/** A GPT of `positions` 24 with byte-level tokens. */
export function writeGpt(folder: string, options: Gpt2Options = {}): Gpt2 {
  const config = { words: goldenWords, positions: 24, width: 16, depth: 2, heads: 2, ...options };
  const model = new Gpt2(config).initialize(1);
  mkdirSync(folder, { recursive: true });
  const file = (name: string, bytes: string | Uint8Array): void => writeFileSync(join(folder, name), bytes);
  file(
    "config.json",
    JSON.stringify({
      model_type: "gpt2",
      vocab_size: config.words,
      n_positions: config.positions,
      n_embd: config.width,
      n_layer: config.depth,
      n_head: config.heads,
    }),
  );
  const tensors = [...model.variables()].map(([name, { data }]) => [`transformer.${name}`, data] as const);
  file("model.safetensors", writeSafetensors(tensors, []));
  copyTokenizer(folder);
  return model;
}

/** A MarianMT of 2 + 2 layers, one vocabulary for both languages. */
export async function writeMarian(folder: string): Promise<WordTransformer> {
  const sizes = { encoder_layers: 2, decoder_layers: 2, encoder_attention_heads: 2, decoder_attention_heads: 2 };
  const stack = { layers: 2, heads: 2, mlpWidth: 32 };
  const [pad, end] = [0, 2];
  const model = new WordTransformer({
    sourceWords: goldenWords,
    targetWords: goldenWords,
    shared: true,
    outputBias: true,
    width: 16,
    encoder: stack,
    decoder: stack,
    activation: "gelu",
    finalNorm: false,
    positions: "halves",
    scaled: true,
    maxWords: 32,
    pad,
    begin: pad,
    end,
  }).initialize(4);
  mkdirSync(folder, { recursive: true });
  const config = {
    model_type: "marian",
    ...sizes,
    vocab_size: goldenWords,
    d_model: 16,
    encoder_ffn_dim: 32,
    decoder_ffn_dim: 32,
    max_position_embeddings: 32,
    scale_embedding: true,
    pad_token_id: pad,
    decoder_start_token_id: pad,
    eos_token_id: end,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const own = memorySource([...model.variables()].map(([name, { data }]) => [name, data] as const));
  const published = await readAll(applyRules(own, invertRules(marianRules())));
  writeFileSync(join(folder, "model.safetensors"), writeSafetensors([...published], []));
  copyTokenizer(folder);
  return model;
}

function copyTokenizer(folder: string): void {
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(golden, name), join(folder, name));
}
