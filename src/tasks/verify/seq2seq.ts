/** Cases of recurrent encoder–decoders with attention. */

import { VitrineError } from "../../errors.ts";
import { crossEntropy } from "../../losses/index.ts";
import { Seq2Seq, type Seq2SeqConfig } from "../../models/seq2seq.ts";
import { argMax, cast, full, stack, type Tensor, withPath } from "../../tensor/index.ts";
import type { GoldenModel } from "./adapter.ts";
import { configNumber } from "./config.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function seq2seqAdapter(golden: GoldenFile): GoldenModel {
  const config = seq2seqConfig(golden);
  const module = new Seq2Seq(config);
  const greedy = golden.outputs.get("greedy_ids")?.shape[1] ?? 0;
  return {
    module,
    rules: [],
    inputs: ["source", "source_lengths", "target_in", "target_out"],
    forward: ({ source, source_lengths: lengths, target_in: target, target_out: labels }, mode) => {
      const { logits, alignment } = module.forward({ source: source!, lengths: lengths!, target: target! }, mode);
      const tokens = labels && crossEntropy(logits, labels, { ignoreIndex: config.pad });
      return {
        logits,
        alignment,
        ...(tokens ? { loss_tokens: tokens } : {}),
        ...(greedy > 0 ? { greedy_ids: greedyIds(module, source!, lengths!, greedy) } : {}),
      };
    },
    valueNamed: (name) => ({ tap: name }),
  };
}

/** The best word at each of some steps, whether or not the sentence has ended. */
function greedyIds(module: Seq2Seq, source: Tensor, lengths: Tensor, steps: number): Tensor {
  // A path of its own, so that its intermediate values do not take the names of the forced ones.
  return withPath("greedy", () => {
    const { memory, start } = module.encode(source, lengths);
    let [before, ids] = [start, full([source.shape[0]!], module.config.begin, "int64")];
    const all = Array.from({ length: steps }, () => {
      const { logits, next } = module.step(ids, before, memory);
      [before, ids] = [next, argMax(logits, -1)];
      return ids;
    });
    return cast(stack(all, 1), "int64");
  });
}

function seq2seqConfig(golden: GoldenFile): Seq2SeqConfig {
  const { config, params, case: place } = golden;
  const number = (name: string, fallback?: number): number => configNumber(golden, name, fallback);
  const { attention } = config;
  if (attention !== "additive" && attention !== "general" && attention !== "dot" && attention !== "none")
    throw new VitrineError("UNKNOWN_NAME", {
      rule: "an encoder–decoder's attention must be additive, general, dot or none",
      evidence: `got ${JSON.stringify(attention)}`,
      place,
    });
  const hidden = number("hidden");
  return {
    sourceWords: number("source_vocab"),
    targetWords: number("target_vocab"),
    embed: number("embed"),
    hidden,
    decoderHidden: typeof config.decoder_hidden === "number" ? config.decoder_hidden : undefined,
    layers: number("layers", 1),
    // Only an LSTM's second state needs a bridge of its own.
    cell: params.has("bridge_cell.weight") ? "lstm" : "gru",
    attention,
    attentionWidth: typeof config.attention_dim === "number" ? config.attention_dim : undefined,
    dropout: 0,
    pad: number("pad", 0),
    begin: number("bos", 1),
    end: number("eos", 2),
  };
}
