/** Cases of encoder–decoder Transformers: PyTorch's, and MarianMT. */

import { VitrineError } from "../../errors.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import { crossEntropy } from "../../losses/index.ts";
import { marianFromHuggingFace } from "../../models/transformer/marian-config.ts";
import { Transformer } from "../../models/transformer/transformer.ts";
import { WordTransformer } from "../../models/transformer/word-transformer.ts";
import { activationNamed } from "../../nn/activations.ts";
import type { Mask } from "../../nn/attention-masks.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { cast } from "../../tensor/index.ts";
import { marianRules } from "../../weights/marian-rules.ts";
import { lengthPenalty } from "../decode/beam-search.ts";
import { WordTransformerWriter } from "../decode/word-transformer.ts";
import { type GoldenModel, unknownReference } from "./adapter.ts";
import { configNumber } from "./config.ts";
import type { GoldenFile } from "./golden-file.ts";
import { sequenceLayout, torchMasks } from "./torch-sequences.ts";

/** @throws {VitrineError} as `Adapter`. */
export function transformerAdapter(golden: GoldenFile): GoldenModel {
  const { reference } = golden;
  if (/MarianMTModel/.test(reference)) return marian(golden);
  if (/torch\.nn\.Transformer$/.test(reference)) return torchTransformer(golden);
  throw unknownReference(golden, "torch (torch.nn.Transformer) or transformers (MarianMTModel)");
}

function torchTransformer(golden: GoldenFile): GoldenModel {
  const { config } = golden;
  const layout = sequenceLayout(golden, "src");
  const number = (name: string, fallback: number): number => configNumber(golden, name, fallback);
  const [heads, mlpWidth] = [number("nhead", 8), number("dim_feedforward", 2048)];
  const module = new Transformer({
    width: number("d_model", 512),
    encoder: { layers: number("num_encoder_layers", 6), heads, mlpWidth },
    decoder: { layers: number("num_decoder_layers", 6), heads, mlpWidth },
    activation: activationNamed(typeof config.activation === "string" ? config.activation : "relu"),
    normFirst: config.norm_first === true,
    eps: number("layer_norm_eps", 1e-5),
    bias: config.bias !== false,
    dropout: number("dropout", 0.1),
  });
  return {
    module,
    rules: [],
    inputs: ["src", "tgt", ...["src", "tgt", "memory"].flatMap((name) => [`${name}_mask`, `${name}_key_padding_mask`])],
    forward: (inputs, mode) => {
      const mask = (name: string): Mask | undefined =>
        torchMasks({ places: inputs[`${name}_mask`], keys: inputs[`${name}_key_padding_mask`] }, heads);
      const output = module.forward(
        {
          source: layout.enter(inputs.src!),
          target: layout.enter(inputs.tgt!),
          sourceMask: mask("src"),
          targetMask: mask("tgt"),
          memoryMask: mask("memory"),
        },
        mode,
      );
      return { output: layout.leave(output) };
    },
    valueNamed: (name) => ({ tap: name === "decoder.norm" ? "decoder" : name }),
  };
}

/** `attention_mask` is 1 where a word is no padding. */
function marian(golden: GoldenFile): GoldenModel {
  const { config, case: place } = golden;
  if (config.tie_word_embeddings === false)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a MarianMT's output matrix is that of its words",
      evidence: "got tie_word_embeddings false",
      place,
    });
  const module = new WordTransformer(marianFromHuggingFace(config, place));
  return {
    module,
    rules: marianRules(module.config.shared),
    inputs: ["input_ids", "attention_mask", "decoder_input_ids", "labels"],
    forward: ({ input_ids: source, attention_mask: mask, decoder_input_ids: target, labels }, mode) => {
      const valid = mask && cast(mask, "bool");
      const { logits, memory } = module.forward({ source: source!, target: target!, valid }, mode);
      const loss = labels && crossEntropy(logits, labels);
      return { logits, encoder_last_hidden_state: memory, ...(loss ? { loss } : {}) };
    },
    search: (runtime) => searched(golden, module, runtime),
    valueNamed: (name) => ({ tap: ourTap(name) }),
  };
}

/** Sentences as transformers' `generate` gives them: begun with the start, ended, padded. */
async function searched(
  golden: GoldenFile,
  module: WordTransformer,
  runtime: Runtime,
): Promise<Readonly<Record<string, NdArray>>> {
  const { outputs, inputs } = golden;
  const source = inputs.get("input_ids")!;
  const [rows, length] = source.shape as readonly [number, number];
  const kept = inputs.get("attention_mask")?.data;
  const sources = Array.from({ length: rows }, (_, i) =>
    Array.from(source.data.slice(i * length, (i + 1) * length), Number).filter(
      (_, j) => !kept || Number(kept[i * length + j]) === 1,
    ),
  );
  const { pad, begin, end } = module.config;
  const penalty = lengthPenalty(configNumber(golden, "length_penalty", 1));
  const found: Record<string, NdArray> = {};
  await using writer = await WordTransformerWriter.open(module, runtime);
  for (const [name, beams] of [
    ["beam", configNumber(golden, "num_beams", 1)],
    ["greedy", 1],
  ] as const) {
    const want = outputs.get(`${name}_ids`);
    if (!want) continue;
    const width = want.shape[1]!;
    const how = { beams, maxWords: width - 2, mustEnd: true, banned: [pad], penalty };
    const best = (await writer.write(sources, { ...how, stop: "likely" })).map(([first]) => first!);
    const ids = best.flatMap(({ words }) => {
      const sentence = [begin, ...words, end];
      return [...sentence, ...Array<number>(width - sentence.length).fill(pad)];
    });
    found[`${name}_ids`] = ndarray("int64", [rows, width], ids);
    found[`${name}_scores`] = ndarray(
      "float32",
      [rows],
      best.map(({ score }) => score),
    );
  }
  return found;
}

function ourTap(name: string): string {
  if (name === "encoder.embedded") return "source";
  if (name === "decoder.embedded") return "target";
  return `transformer.${name.replace("encoder_attn", "multihead_attn")}`;
}
