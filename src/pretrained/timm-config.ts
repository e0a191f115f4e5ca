/**
 * timm's `config.json`: an architecture's name, the arguments in which the model differs from it, and its preprocessing.
 *
 * Reference: timm 1.0.29, timm/models/_hub.py (`_parse_model_cfg`, `save_config_for_hf`) and timm/models/_builder.py.
 */

import * as v from "valibot";
import { preprocessingToTimm } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { modelNamed } from "../models/registry.ts";
import { type ViTConfig, type ViTOptions, vitConfig } from "../models/vit-config.ts";
import { type Json, type JsonObject, timmArguments, timmOptions } from "../models/vit-config-timm.ts";
import type { ModelConfig } from "./model-config.ts";
import type { Pretrained } from "./pretrained.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000));
const json = v.custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value));

const schema = v.object({
  architecture: v.string(),
  num_classes: v.optional(count),
  label_names: v.optional(v.nullable(v.union([v.array(v.string()), v.record(v.string(), v.string())]))),
  label_descriptions: v.optional(v.nullable(v.record(v.string(), v.string()))),
  model_args: v.optional(json, {}),
  pretrained_cfg: v.optional(json),
});

/**
 * The model that timm's `config.json` describes.
 * @param source the parsed file; files from before timm 0.9 hold everything at the top
 * @throws {VitrineError} INVALID_FILE for a broken file, UNKNOWN_NAME for an architecture that is not here, INVALID_ARGUMENT for arguments without counterpart.
 */
export function modelFromTimm(source: unknown, place: string): ModelConfig {
  const result = v.safeParse(schema, source);
  if (!result.success) {
    const issue = result.issues[0];
    throw new VitrineError("INVALID_FILE", {
      rule: `${v.getDotPath(issue) ?? "the file"} must be ${issue.expected ?? "valid"}`,
      evidence: `got ${issue.received}`,
      place,
    });
  }
  const { architecture, model_args: args } = result.output;
  const inner = result.output.pretrained_cfg ?? (source as JsonObject);
  const named = modelNamed(architecture);
  const labels = result.output.num_classes ?? inner.num_classes;
  const size = inner.fixed_input_size && Array.isArray(inner.input_size) ? { img_size: inner.input_size.slice(1) } : {};
  return {
    architecture: named.name,
    options: withArguments(named.options, {
      ...size,
      ...(inner.global_pool ? { global_pool: inner.global_pool } : {}),
      ...(typeof labels === "number" ? { num_classes: labels } : {}),
      ...args,
    }),
    labels: labelNames({ ...inner, ...(source as JsonObject) }),
    pretrainedConfig: inner,
  };
}

/** A named model's options where timm's constructor gets other arguments. */
function withArguments(named: ViTOptions, changes: JsonObject): ViTOptions {
  const config = vitConfig(named);
  const args = { num_classes: config.labels, ...plainArguments(config), ...changes };
  return { ...timmOptions(args), stem: config.stem, distilled: config.distilled };
}

/** timm's arguments but for what only an architecture's name can say: stem and distillation token. */
function plainArguments(config: ViTConfig): JsonObject {
  return timmArguments({ ...config, stem: undefined, distilled: false });
}

function labelNames({ label_names: names, label_descriptions: texts }: JsonObject): readonly string[] | undefined {
  if (!names || typeof names !== "object") return undefined;
  const list = Array.isArray(names) ? (names as readonly string[]) : byIndex(names as JsonObject);
  const described = (texts ?? {}) as Readonly<Record<string, string>>;
  return list?.map((name) => (Object.hasOwn(described, name) ? described[name]! : name));
}

/** `{"0": "cat", "1": "dog"}` → names by index; undefined where an index is missing. */
export function byIndex(names: JsonObject): readonly string[] | undefined {
  const list = Object.keys(names).map((_, i) => names[i]);
  return list.every((name) => typeof name === "string") ? (list as readonly string[]) : undefined;
}

/** Values of arguments that timm takes as Python classes, which no JSON can hold. */
const classArguments: ReadonlySet<string> = new Set(["mlp_layer", "block_fn", "embed_norm_layer"]);

/**
 * The object for timm's `config.json`; `timm.create_model("local-dir:FOLDER", pretrained=True)` builds the same model from it.
 * @throws {VitrineError} INVALID_ARGUMENT for a model or a preprocessing that timm's file cannot express.
 */
export function modelToTimm({ architecture, model, preprocessing, labels }: Pretrained): JsonObject {
  const { config } = model;
  const named = vitConfig(modelNamed(architecture).options);
  if (JSON.stringify(config.stem) !== JSON.stringify(named.stem) || config.distilled !== named.distilled)
    throw inexpressible(`a stem or distillation token that ${architecture} has not`);
  const args: Record<string, Json> = {};
  const [own, standard] = [allArguments(config), allArguments(named)];
  for (const [name, value] of Object.entries(own)) {
    if (name === "num_classes") continue;
    if (JSON.stringify(value) === JSON.stringify(standard[name])) continue;
    if (classArguments.has(name)) throw inexpressible(`${name} ${value}, where ${architecture} has ${standard[name]}`);
    args[name] = name === "norm_layer" ? normName(String(value)) : value;
  }
  const features = config.representation ?? config.width;
  return {
    architecture,
    num_classes: config.labels,
    num_features: features,
    ...(config.pool === "none" ? {} : { global_pool: config.pool }),
    ...(config.labels > 0 ? { label_names: labels } : {}),
    ...(Object.keys(args).length > 0 ? { model_args: args } : {}),
    pretrained_cfg: {
      num_classes: config.labels,
      ...(preprocessingToTimm(preprocessing) as JsonObject),
      fixed_input_size: config.resizePositions === undefined,
      pool_size: null,
      first_conv: "patch_embed.proj",
      classifier: config.labels === 0 ? null : config.distilled ? ["head", "head_dist"] : "head",
    },
  };
}

/** Every argument with its value, so that two models can be compared. */
function allArguments(config: ViTConfig): JsonObject {
  const pooled = config.pool === "avg" || config.pool === "max" || config.pool === "avgmax";
  const defaults: JsonObject = {
    ...{ img_size: 224, patch_size: 16, in_chans: 3, embed_dim: 768, depth: 12, num_heads: 12, mlp_ratio: 4 },
    ...{ mlp_layer: "Mlp", act_layer: "gelu", class_token: true, reg_tokens: 0, pos_embed: "learn" },
    ...{ no_embed_class: false, dynamic_img_size: false, dynamic_img_pad: false, qkv_bias: true, proj_bias: true },
    ...{ qk_norm: false, scale_attn_norm: false, scale_mlp_norm: false, init_values: null, attn_layer: "attn" },
    ...{ block_fn: "Block", norm_layer: "LayerNorm, eps 0.000001", embed_norm_layer: null, pre_norm: false },
    ...{ final_norm: true, fc_norm: pooled, global_pool: "token", pool_include_prefix: false },
  };
  return { ...defaults, ...plainArguments(config) };
}

/** timm's names of normalisations, whose ε is always 1e-6. */
function normName(text: string): string {
  const eps = Number(/eps (.+)/.exec(text)?.[1]);
  if (eps !== 1e-6) throw inexpressible(`a normalisation with ε ${eps}, which timm takes from the architecture alone`);
  return text.startsWith("Layer") ? "layernorm" : "rmsnorm";
}

function inexpressible(evidence: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "timm's config.json cannot express this model",
    evidence: `it has ${evidence}`,
    next: 'choose the layout "huggingface", or an architecture nearer to the model',
  });
}
