/** Between our configuration and timm's: the arguments of its constructors, and the `config.json` beside its weights. */

import { VitrineError } from "../../errors.ts";
import { activationNamed } from "../../nn/activations.ts";
import { sizeFromJson } from "../config-json.ts";
import type { Json, JsonObject } from "../json.ts";
import type { ViTConfig, ViTOptions } from "./config.ts";

/** Arguments that change how a model is trained, initialised or built, never what its weights mean. */
const silent: ReadonlySet<string> = new Set([
  "weight_init",
  "fix_init",
  "patch_drop_rate",
  "img_size",
  "device",
  "dtype",
  "strict_img_size",
]);

/**
 * Our options for the arguments of timm's `VisionTransformer` (`{"embed_dim": 24, "reg_tokens": 2}`); what is not given has timm's default.
 * @param args as JSON; layers by name (`"act_layer": "quick_gelu"`, `"norm_layer": "LayerNorm, eps 1e-5"`)
 * @throws {VitrineError} INVALID_ARGUMENT for an argument or value that has no counterpart.
 */
export function timmOptions(args: JsonObject): ViTOptions {
  const given = new Map(Object.entries(args).filter(([, value]) => value !== null));
  const take = <T extends Json>(name: string, fallback: T): T => {
    const value = (given.get(name) ?? fallback) as T;
    given.delete(name);
    return value;
  };
  const width = take("embed_dim", 768);
  const pool = poolNamed(take("global_pool", "token"));
  const pooledNorm = take("fc_norm", pool === "avg" || pool === "max" || pool === "avgmax");
  const layerScale = take("init_values", 0);
  const embedNorm = given.has("embed_norm_layer") ? normNamed(take("embed_norm_layer", "")) : undefined;
  const depth = take("depth", 12);
  const options: ViTOptions = {
    imageSize: sizeFromJson("ViT", "img_size", take<Json>("img_size", 224)),
    patchSize: sizeFromJson("ViT", "patch_size", take<Json>("patch_size", 16)),
    channels: take("in_chans", 3),
    labels: take("num_classes", 1000),
    width,
    depth,
    heads: take("num_heads", 12),
    mlpWidth: Math.trunc(width * take("mlp_ratio", 4)),
    mlp: mlpNamed(take("mlp_layer", "Mlp")),
    activation: activationNamed(take("act_layer", "gelu")),
    classToken: take("class_token", true),
    registers: take("reg_tokens", 0),
    distilled: take("distilled", false),
    positions: positionsOf(take("pos_embed", "learn"), take("no_embed_class", false)),
    resizePositions: take("dynamic_img_size", false) ? "timm" : undefined,
    padImages: take("dynamic_img_pad", false),
    qkvBias: take("qkv_bias", true),
    projBias: take("proj_bias", true),
    qkNorm: take("qk_norm", false),
    attnNorm: take("scale_attn_norm", false),
    mlpNorm: take("scale_mlp_norm", false),
    layerScale: layerScale === 0 ? undefined : layerScale,
    block: blockNamed(take("block_fn", "Block")),
    attention: take<string>("attn_layer", "attn") === "diff" ? "differential" : "softmax",
    ...normNamed(take("norm_layer", "LayerNorm")),
    embedNormEps: embedNorm?.eps,
    preNorm: take("pre_norm", false),
    finalNorm: !take("final_norm", true) ? "none" : pooledNorm ? "pooled" : "tokens",
    pool,
    poolPrefix: take("pool_include_prefix", false),
    headDropout: take("drop_rate", 0),
    posDropout: take("pos_drop_rate", 0),
    dropout: take("proj_drop_rate", 0),
    attnDropout: take("attn_drop_rate", 0),
    dropPath: take("drop_path_rate", 0),
  };
  for (const name of given.keys()) if (!silent.has(name)) throw unknown("argument", name);
  return options;
}

/**
 * All of timm's arguments for a configuration, by which two configurations can be compared.
 * @throws {VitrineError} INVALID_ARGUMENT for what timm's class cannot express.
 */
export function timmArguments(config: ViTConfig): JsonObject {
  if (config.representation) throw unknown("option", "representation");
  if (config.headWidth) throw unknown("option", "headWidth");
  if (config.resizePositions && config.resizePositions !== "timm")
    throw unknown("position rule", config.resizePositions);
  const size = ([high, wide]: readonly [number, number]): Json => (high === wide ? high : [high, wide]);
  return {
    img_size: size(config.imageSize),
    patch_size: size(config.patchSize),
    in_chans: config.channels,
    num_classes: config.labels,
    embed_dim: config.width,
    depth: config.depth,
    num_heads: config.heads,
    mlp_ratio: ratioOf(config),
    mlp_layer: mlpNames[config.mlp],
    act_layer: config.activation,
    class_token: config.classToken,
    reg_tokens: config.registers,
    distilled: config.distilled,
    pos_embed: config.positions === "none" ? "none" : "learn",
    no_embed_class: config.positions === "patches",
    dynamic_img_size: config.resizePositions !== undefined,
    dynamic_img_pad: config.padImages,
    qkv_bias: config.qkvBias,
    proj_bias: config.projBias,
    qk_norm: config.qkNorm,
    scale_attn_norm: config.attnNorm,
    scale_mlp_norm: config.mlpNorm,
    init_values: config.layerScale ?? null,
    attn_layer: config.attention === "differential" ? "diff" : "attn",
    block_fn: blockNames[config.block],
    norm_layer: normText(config.norm, config.eps),
    embed_norm_layer: config.embedNormEps ? normText("rms", config.embedNormEps) : null,
    pre_norm: config.preNorm,
    final_norm: config.finalNorm !== "none",
    fc_norm: config.finalNorm === "pooled",
    global_pool: config.pool === "none" ? "" : config.pool,
    pool_include_prefix: config.poolPrefix,
  };
}

/** timm's own names have ε 1e-6; another ε is written out, as `normNamed` reads it, which timm's JSON cannot say. */
function normText(kind: ViTConfig["norm"], eps: number): string {
  if (eps === 1e-6) return kind === "layer" ? "layernorm" : "rmsnorm";
  return `${kind === "layer" ? "LayerNorm" : "RmsNorm"}, eps ${eps}`;
}

/** The ratio from which timm's `int(width · ratio)` makes the MLP's width again. */
function ratioOf({ width, mlpWidth }: ViTConfig): number {
  const ratio = mlpWidth / width;
  return Math.trunc(width * ratio) === mlpWidth ? ratio : (mlpWidth + 0.5) / width;
}

const blockNames: Readonly<Record<ViTConfig["block"], string>> = {
  pre_norm: "Block",
  post_norm: "ResPostBlock",
  parallel_scaling: "ParallelScalingBlock",
  parallel_things: "ParallelThingsBlock",
};

function blockNamed(name: string): ViTConfig["block"] {
  // Differential attention inside a parallel block is a class of its own in timm; `attn_layer` says it here.
  const found = Object.entries(blockNames).find(([, theirs]) => theirs === name.replace(/^Diff/, ""));
  if (!found) throw unknown("block_fn", name);
  return found[0] as ViTConfig["block"];
}

const mlpNames: Readonly<Record<ViTConfig["mlp"], string>> = {
  mlp: "Mlp",
  swiglu: "SwiGLU",
  swiglu_packed: "SwiGLUPacked",
};

function mlpNamed(name: string): ViTConfig["mlp"] {
  const found = Object.entries(mlpNames).find(([, theirs]) => theirs === name);
  if (!found) throw unknown("mlp_layer", name);
  return found[0] as ViTConfig["mlp"];
}

/** `LayerNorm`, `layernorm`, `RmsNorm`, with `eps 1e-5` or `eps=1e-5` anywhere behind; timm's ε for either is 1e-6. */
function normNamed(text: string): { readonly norm: ViTConfig["norm"]; readonly eps: number } {
  const norm = /rms/i.test(text) ? "rms" : /layer/i.test(text) ? "layer" : undefined;
  if (!norm) throw unknown("norm_layer", text);
  const eps = /eps[ =]+([\d.]+(?:e-?\d+)?)/.exec(text)?.[1];
  return { norm, eps: eps ? Number(eps) : 1e-6 };
}

function poolNamed(name: string): ViTConfig["pool"] {
  if (name === "") return "none";
  const pools: readonly string[] = ["token", "avg", "max", "avgmax", "map"] satisfies readonly ViTConfig["pool"][];
  if (!pools.includes(name)) throw unknown("global_pool", name);
  return name as ViTConfig["pool"];
}

function positionsOf(kind: string, patchesOnly: boolean): ViTConfig["positions"] {
  if (kind === "" || kind === "none") return "none";
  if (kind !== "learn") throw unknown("pos_embed", kind);
  return patchesOnly ? "patches" : "prefixed";
}

function unknown(what: string, got: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `timm's Vision Transformer: this ${what} has no counterpart here`,
    evidence: `got "${got}"`,
  });
}
