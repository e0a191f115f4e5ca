/**
 * The `config.json` beside a Vision Transformer's weights, as timm and as Hugging Face's transformers write and read it.
 *
 * Reference code: timm/models/_hub.py save_config_for_hf; transformers configuration_vit.py and configuration_deit.py.
 */

import { VitrineError } from "../../errors.ts";
import { activationNamed } from "../../nn/activations.ts";
import type { GridSize } from "../../nn/positions.ts";
import type { TimmFileOptions } from "../family.ts";
import type { Json, JsonObject } from "../json.ts";
import { type ViTConfig, vitConfig } from "./config.ts";
import { timmArguments, timmOptions } from "./config-timm.ts";
import { type NamedViT, namedViTs } from "./names.ts";

/** True for a `config.json` of timm, which names an architecture. */
export function isTimmConfig(json: JsonObject): boolean {
  return typeof json.architecture === "string";
}

/** True for a `config.json` of a Vision Transformer in transformers. */
export function isHuggingFaceViTConfig(json: JsonObject): boolean {
  return json.model_type === "vit" || json.model_type === "deit";
}

/**
 * The configuration that timm's `config.json` means: the named architecture with `model_args` and `num_classes`.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for an architecture that is no known Vision Transformer; INVALID_ARGUMENT for an argument without counterpart.
 */
export function configFromTimm(json: JsonObject, place: string): ViTConfig {
  const architecture = String(json.architecture ?? "");
  const base = namedViTs.get(architecture);
  if (!base)
    throw new VitrineError("INVALID_FILE", {
      rule: '"architecture" must be a Vision Transformer that is known here',
      evidence: `got "${architecture}"`,
      place,
    });
  const { stem, ...plain } = vitConfig(base.options);
  const args = timmArguments({ ...plain, stem });
  // Where an architecture says nothing about fc_norm, timm lets the pool decide it, which may be another here.
  const inherited = { ...args, fc_norm: base.options.finalNorm === undefined ? null : args.fc_norm! };
  const changed = {
    num_classes: json.num_classes ?? args.num_classes!,
    ...(json.model_args as JsonObject | undefined),
  };
  return vitConfig({ ...timmOptions({ ...inherited, ...changed }), stem });
}

/** What stands in timm's constructors as Python objects, so that no JSON can change it. */
const fixedArguments = ["mlp_layer", "block_fn", "embed_norm_layer", "distilled"] as const;

/**
 * `config.json` from which timm builds the model again (`timm.create_model("local-dir:…")`); one of the few architectures that are named
 * here and not in timm (`vitc_…`) only vitrine does.
 * @throws {VitrineError} INVALID_ARGUMENT when no architecture of timm can be changed into this one.
 */
export function configForTimm(config: ViTConfig, { architecture, preprocessing }: TimmFileOptions): JsonObject {
  const wanted = timmArguments(config);
  const preferred = architecture === undefined ? undefined : namedViTs.get(architecture);
  const base = [preferred, ...namedViTs.values()].find((known) => known && canBecome(known, config, wanted));
  if (!base)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "no architecture of timm can be changed into this model",
      evidence: `got block ${config.block}, mlp ${config.mlp}, norm ${config.norm} with ε ${config.eps}`,
      next: "build it from a named model, changing sizes only",
    });
  const theirs = timmArguments(vitConfig(base.options));
  const otherPool = !sameJson(wanted.global_pool!, theirs.global_pool!);
  const differing = Object.entries(wanted).filter(
    // The pool changes what timm takes for fc_norm, so it is said with it.
    ([name, value]) => !sameJson(value, theirs[name]!) || (name === "fc_norm" && otherPool),
  );
  const modelArgs = Object.fromEntries(differing.filter(([name]) => name !== "num_classes"));
  return {
    architecture: base.name,
    num_classes: config.labels,
    num_features: config.width,
    global_pool: config.pool === "none" ? "" : config.pool,
    ...(Object.keys(modelArgs).length > 0 ? { model_args: modelArgs } : {}),
    pretrained_cfg: {
      ...preprocessing,
      num_classes: config.labels,
      ...(config.stem ? {} : { first_conv: "patch_embed.proj" }),
      classifier: config.distilled ? ["head", "head_dist"] : "head",
    },
  };
}

/** True where JSON arguments alone lead from a named model to the wanted one; timm ignores a null, so none may be needed. */
function canBecome({ options }: NamedViT, config: ViTConfig, wanted: JsonObject): boolean {
  const theirs = vitConfig(options);
  const args = timmArguments(theirs);
  if (JSON.stringify(theirs.stem) !== JSON.stringify(config.stem)) return false;
  if (fixedArguments.some((name) => !sameJson(wanted[name]!, args[name]!))) return false;
  if (!sameJson(wanted.norm_layer!, args.norm_layer!) && config.eps !== 1e-6) return false;
  return Object.entries(wanted).every(([name, value]) => value !== null || args[name] === null);
}

function sameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The configuration that transformers' `config.json` of a ViT or DeiT means.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a value of the wrong kind; INVALID_ARGUMENT for a head that is not supported.
 */
export function configFromHuggingFace(json: JsonObject, place: string): ViTConfig {
  const read = <T extends Json>(name: string, fallback: T): T => {
    const value = json[name];
    if (value === undefined || value === null) return fallback;
    if (typeof value !== typeof fallback)
      throw new VitrineError("INVALID_FILE", {
        rule: `"${name}" must be a ${typeof fallback}`,
        evidence: `got ${JSON.stringify(value)}`,
        place,
      });
    return value as T;
  };
  const architecture = String((json.architectures as readonly Json[] | undefined)?.[0] ?? "ForImageClassification");
  const teacher = architecture.endsWith("ForImageClassificationWithTeacher");
  const bare = /^(ViT|DeiT)Model$/.test(architecture);
  if (!bare && !/ForImageClassification(WithTeacher)?$/.test(architecture))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "only classifiers are supported",
      evidence: `got ${architecture}`,
      place,
    });
  const names = json.id2label as JsonObject | undefined;
  return vitConfig({
    imageSize: sizeIn(json.image_size, 224, "image_size", place),
    patchSize: sizeIn(json.patch_size, 16, "patch_size", place),
    channels: read("num_channels", 3),
    labels: bare ? 0 : names ? Object.keys(names).length : read("num_labels", 2),
    width: read("hidden_size", 768),
    depth: read("num_hidden_layers", 12),
    heads: read("num_attention_heads", 12),
    mlpWidth: read("intermediate_size", 3072),
    activation: activationNamed(read("hidden_act", "gelu")),
    eps: read("layer_norm_eps", 1e-12),
    qkvBias: read("qkv_bias", true),
    distilled: teacher,
    // Without the teacher's head, nothing is read from DeiT's second token: it is a register.
    registers: json.model_type === "deit" && !teacher ? 1 : 0,
    posDropout: read("hidden_dropout_prob", 0),
    dropout: read("hidden_dropout_prob", 0),
    attnDropout: read("attention_probs_dropout_prob", 0),
  });
}

/**
 * `config.json` from which transformers builds the model again.
 * @param labelNames a name for each class
 * @throws {VitrineError} INVALID_ARGUMENT for a model that transformers' ViT and DeiT cannot express.
 */
export function configForHuggingFace(config: ViTConfig, labelNames: readonly string[]): JsonObject {
  const { imageSize, patchSize, distilled } = config;
  const secondToken = hasSilentToken(config);
  const plain = vitConfig({
    ...{ imageSize, patchSize, channels: config.channels, labels: config.labels, width: config.width },
    ...{ depth: config.depth, heads: config.heads, mlpWidth: config.mlpWidth, activation: config.activation },
    ...{ eps: config.eps, qkvBias: config.qkvBias, distilled, init: config.init, dropPath: config.dropPath },
    ...{ resizePositions: config.resizePositions, posDropout: config.posDropout, dropout: config.dropout },
    ...{ attnDropout: config.attnDropout, headDropout: config.headDropout, registers: secondToken ? 1 : 0 },
  });
  const extra = (Object.keys(config) as (keyof ViTConfig)[]).filter((name) => !sameOption(config[name], plain[name]));
  if (extra.length > 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "transformers' ViT cannot express this model",
      evidence: `it has ${extra.map((name) => `${name} ${JSON.stringify(config[name])}`).join(", ")}`,
      next: "save in timm's form",
    });
  const side = ([high, wide]: GridSize): Json => (high === wide ? high : [high, wide]);
  const deit = `DeiTForImageClassification${distilled ? "WithTeacher" : ""}`;
  return {
    architectures: [distilled || secondToken ? deit : "ViTForImageClassification"],
    model_type: distilled || secondToken ? "deit" : "vit",
    image_size: side(imageSize),
    patch_size: side(patchSize),
    num_channels: config.channels,
    hidden_size: config.width,
    num_hidden_layers: config.depth,
    num_attention_heads: config.heads,
    intermediate_size: config.mlpWidth,
    hidden_act: { gelu_tanh: "gelu_pytorch_tanh" }[config.activation as string] ?? config.activation,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attnDropout,
    layer_norm_eps: config.eps,
    qkv_bias: config.qkvBias,
    initializer_range: 0.02,
    id2label: Object.fromEntries(labelNames.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(labelNames.map((name, i) => [name, i])),
  };
}

/** True for DeiT without its teacher's head: its second token has a position, and nothing is read from it. */
export function hasSilentToken({ registers, distilled, classToken, positions }: ViTConfig): boolean {
  return registers === 1 && !distilled && classToken && positions === "prefixed";
}

function sameOption(a: ViTConfig[keyof ViTConfig], b: ViTConfig[keyof ViTConfig]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function sizeIn(value: Json | undefined, fallback: number, name: string, place: string): number | GridSize {
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number") return value;
  if (Array.isArray(value) && value.length === 2 && value.every((side) => typeof side === "number"))
    return [value[0] as number, value[1] as number];
  throw new VitrineError("INVALID_FILE", {
    rule: `"${name}" must be a number or a pair of numbers`,
    evidence: `got ${JSON.stringify(value)}`,
    place,
  });
}
