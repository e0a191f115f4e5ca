/** Cases of attention: its three stages one by one, PyTorch's MultiheadAttention and scaled_dot_product_attention, Luong's local attention. */

import { VitrineError } from "../../errors.ts";
import { attendInStages } from "../../nn/attention.ts";
import { LocalAttention } from "../../nn/attention-local.ts";
import { addedMask, allowedMask, causalMaskFromFirst, joinMasks } from "../../nn/attention-masks.ts";
import { MultiheadAttention } from "../../nn/attention-multihead.ts";
import {
  AdditiveSimilarity,
  CosineSimilarity,
  dot,
  dotTimes,
  GeneralSimilarity,
  LocationSimilarity,
  type Similarity,
  scaledDot,
} from "../../nn/attention-similarity.ts";
import { Module } from "../../nn/module.ts";
import { cast, mean, squeeze, type Tensor, tap, unsqueeze } from "../../tensor/index.ts";
import { type GoldenModel, unknownReference } from "./adapter.ts";
import { configNumber } from "./config.ts";
import type { GoldenFile } from "./golden-file.ts";
import { sequenceLayout, torchMasks } from "./torch-sequences.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/** @throws {VitrineError} as `Adapter`. */
export function attentionAdapter(golden: GoldenFile): GoldenModel {
  const { config, reference } = golden;
  const named = { rules: [], valueNamed: (name: string) => ({ tap: name }) };
  if (/MultiheadAttention/.test(reference)) return { ...named, ...multihead(golden) };
  if (/scaled_dot_product_attention/.test(reference)) return { ...named, ...functional(golden) };
  if (typeof config.similarity === "string") return { ...named, ...stages(golden, config.similarity) };
  if (/local-p/.test(reference)) return { ...named, ...local(golden) };
  throw unknownReference(
    golden,
    "torch (MultiheadAttention, scaled_dot_product_attention, local-p, or an expression that names its similarity)",
  );
}

type Built = Pick<GoldenModel, "module" | "inputs" | "forward">;

class Nothing extends Module {}

function multihead(golden: GoldenFile): Built {
  const { config } = golden;
  const number = (name: string, fallback?: number): number => configNumber(golden, name, fallback);
  const [width, heads] = [number("embed_dim"), number("num_heads")];
  const layout = sequenceLayout(golden, "query");
  // torch's module takes it beside the mask that it speaks of.
  const causal = config.is_causal === true;
  const module = new MultiheadAttention(width, heads, {
    keyWidth: number("kdim", width),
    valueWidth: number("vdim", width),
    bias: config.bias !== false,
    biasKv: config.add_bias_kv === true,
    zeroAttn: config.add_zero_attn === true,
  });
  return {
    module,
    inputs: ["query", "key", "value", "attn_mask", "key_padding_mask"],
    forward: ({ query, key, value, attn_mask: places, key_padding_mask: keys }, mode) => {
      const [from, to] = [layout.enter(query!), key && layout.enter(key)];
      const past = causal ? causalMaskFromFirst(from.shape[1]!, (to ?? from).shape[1]!) : undefined;
      const { output, weights } = module.forward(from, {
        key: to,
        value: value && layout.enter(value),
        mask: joinMasks(torchMasks({ places, keys }, heads), past),
        mode,
      });
      tap("attn_weights_mean", mean(weights, { axes: [1] }));
      return { attn_output: layout.leave(output), attn_weights: layout.single ? squeeze(weights, 0) : weights };
    },
  };
}

/** Boolean masks are 1 where a key is seen. */
function functional({ config }: GoldenFile): Built {
  const grouped = config.enable_gqa === true;
  const similarity = typeof config.scale === "number" ? dotTimes(config.scale) : scaledDot;
  const causal = config.is_causal === true;
  return {
    module: new Nothing(),
    inputs: ["query", "key", "value", "attn_mask"],
    forward: ({ query, key, value, attn_mask: mask }) => {
      const seen = mask && (mask.dtype === "float32" ? addedMask(mask) : allowedMask(cast(mask, "bool")));
      const past = causal ? causalMaskFromFirst(query!.shape.at(-2)!, key!.shape.at(-2)!) : undefined;
      const how = { similarity, grouped, mask: joinMasks(seen, past) };
      const { output, weights } = attendInStages(query!, key!, value!, how);
      tap("attn_weights", weights);
      return { output };
    },
  };
}

function stages(golden: GoldenFile, name: string): Built {
  const { similarity, module } = similarityNamed(golden, name);
  return {
    module,
    inputs: ["query", "key", "value", "mask"],
    forward: ({ query, key, value, mask }: Tensors) => {
      const seen = mask && allowedMask(unsqueeze(cast(mask, "bool"), 1));
      const { scores, weights, output } = attendInStages(query!, key!, value ?? key!, { similarity, mask: seen });
      return { scores, weights, output };
    },
  };
}

function similarityNamed(
  golden: GoldenFile,
  name: string,
): { readonly similarity: Similarity; readonly module: Module } {
  const number = (key: string): number => configNumber(golden, key);
  const learned = (module: Module & { forward: Similarity }) => ({
    module,
    similarity: (q: Tensor, k: Tensor) => module.forward(q, k),
  });
  switch (name) {
    case "dot":
      return { similarity: dot, module: new Nothing() };
    case "scaled_dot":
      return { similarity: scaledDot, module: new Nothing() };
    case "cosine":
      return learned(new CosineSimilarity());
    case "general":
      return learned(new GeneralSimilarity(number("query_dim"), number("key_dim")));
    case "additive":
      return learned(new AdditiveSimilarity(number("query_dim"), number("key_dim"), number("hidden_dim")));
    case "location":
      return learned(new LocationSimilarity(number("query_dim"), golden.params.get("linear_in.weight")?.shape[0] ?? 0));
    default:
      throw new VitrineError("UNKNOWN_NAME", {
        rule: "a similarity must be dot, scaled_dot, cosine, general, additive or location",
        evidence: `got "${name}"`,
        place: golden.case,
      });
  }
}

function local(golden: GoldenFile): Built {
  const module = new LocalAttention(configNumber(golden, "dim"), configNumber(golden, "window"));
  return {
    module,
    inputs: ["query", "key"],
    forward: ({ query, key }: Tensors) => {
      const { position, weights, output } = module.forward(query!, key!);
      return { position, weights, output };
    },
  };
}
