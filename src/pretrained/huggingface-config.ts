/**
 * Hugging Face's `config.json` of ViT and of DeiT with a teacher.
 *
 * Reference: transformers 5, models/vit/configuration_vit.py and models/deit/{configuration_deit,modeling_deit}.py; defaults are theirs.
 */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import type { ViTConfig } from "../models/vit-config.ts";
import type { JsonObject } from "../models/vit-config-timm.ts";
import { type Activation, activationNamed } from "../nn/activations.ts";
import type { ModelConfig } from "./model-config.ts";
import type { Pretrained } from "./pretrained.ts";
import { byIndex } from "./timm-config.ts";

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const sides = v.union([size, v.tuple([size, size])]);
const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const schema = v.object({
  model_type: v.optional(v.picklist(["vit", "deit"]), "vit"),
  architectures: v.optional(v.nullable(v.array(v.string()))),
  hidden_size: v.optional(size, 768),
  num_hidden_layers: v.optional(size, 12),
  num_attention_heads: v.optional(size, 12),
  intermediate_size: v.optional(size, 3072),
  hidden_act: v.optional(v.string(), "gelu"),
  hidden_dropout_prob: v.optional(rate, 0),
  attention_probs_dropout_prob: v.optional(rate, 0),
  layer_norm_eps: v.optional(v.pipe(v.number(), v.gtValue(0)), 1e-12),
  image_size: v.optional(sides, 224),
  patch_size: v.optional(sides, 16),
  num_channels: v.optional(size, 3),
  qkv_bias: v.optional(v.boolean(), true),
  num_labels: v.optional(size),
  id2label: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

/** Classes of transformers that hold the whole of a classifier. */
const classes = { vit: "ViTForImageClassification", deit: "DeiTForImageClassificationWithTeacher" } as const;

/** Classes whose weights are an encoder alone: no labels. */
const encoders: readonly string[] = ["ViTModel"];

/**
 * The model that a `config.json` of transformers describes.
 * @param source the parsed file
 * @throws {VitrineError} INVALID_FILE for a broken file or a class of transformers that is not here.
 */
export function modelFromHuggingFace(source: unknown, place: string): ModelConfig {
  const result = v.safeParse(schema, source);
  if (!result.success) {
    const issue = result.issues[0];
    throw invalid(
      `${v.getDotPath(issue) ?? "the file"} must be ${issue.expected ?? "valid"}`,
      String(issue.received),
      place,
    );
  }
  const config = result.output;
  const type = config.architectures?.[0] ?? classes[config.model_type];
  const distilled = type === classes.deit;
  const encoder = encoders.includes(type);
  if (!distilled && !encoder && type !== classes.vit)
    throw invalid(`architectures must be one of ${[...Object.values(classes), ...encoders].join(", ")}`, type, place);
  const labels = config.id2label ? byIndex(config.id2label) : undefined;
  const named = labels?.some((label, i) => label !== `LABEL_${i}`) ? labels : undefined;
  return {
    architecture: distilled ? "deit_base_distilled_patch16_224" : "vit_base_patch16_224",
    options: {
      imageSize: config.image_size,
      patchSize: config.patch_size,
      channels: config.num_channels,
      // Two labels is what transformers assumes where nothing is said.
      labels: encoder ? 0 : (labels?.length ?? config.num_labels ?? 2),
      width: config.hidden_size,
      depth: config.num_hidden_layers,
      heads: config.num_attention_heads,
      mlpWidth: config.intermediate_size,
      activation: activationNamed(config.hidden_act),
      posDropout: config.hidden_dropout_prob,
      dropout: config.hidden_dropout_prob,
      attnDropout: config.attention_probs_dropout_prob,
      eps: config.layer_norm_eps,
      qkvBias: config.qkv_bias,
      distilled,
    },
    labels: encoder ? undefined : named,
    pretrainedConfig: undefined,
  };
}

/** Our activations by the names of transformers' `ACT2FN`. */
const activations: Readonly<Partial<Record<Activation, string>>> = {
  gelu: "gelu",
  gelu_tanh: "gelu_pytorch_tanh",
  quick_gelu: "quick_gelu",
  silu: "silu",
  relu: "relu",
  tanh: "tanh",
};

/** Choices that transformers' classes do not have, and the one that they make. */
const fixed: Readonly<Partial<ViTConfig>> = {
  headWidth: undefined,
  mlp: "mlp",
  stem: undefined,
  classToken: true,
  registers: 0,
  positions: "prefixed",
  projBias: true,
  qkNorm: false,
  attnNorm: false,
  mlpNorm: false,
  layerScale: undefined,
  block: "pre_norm",
  attention: "softmax",
  norm: "layer",
  embedNormEps: undefined,
  preNorm: false,
  finalNorm: "tokens",
  pool: "token",
  representation: undefined,
};

/**
 * The object for transformers' `config.json`; `from_pretrained` of the class in `architectures` builds the same model from it.
 * @throws {VitrineError} INVALID_ARGUMENT for a model that these classes cannot express.
 */
export function modelToHuggingFace({ model, labels }: Pretrained): JsonObject {
  const { config } = model;
  const different = Object.entries(fixed).filter(([name, value]) => config[name as keyof ViTConfig] !== value);
  const hiddenAct = activations[config.activation];
  if (different.length > 0 || hiddenAct === undefined || config.labels === 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "transformers' ViT and DeiT cannot express this model",
      evidence: [
        ...different.map(([name]) => `${name} ${JSON.stringify(config[name as keyof ViTConfig])}`),
        ...(hiddenAct === undefined ? [`activation ${config.activation}`] : []),
        ...(config.labels === 0 ? ["no labels"] : []),
      ].join(", "),
      next: 'choose the layout "timm"',
    });
  const side = ([high, wide]: readonly [number, number]) => (high === wide ? high : [high, wide]);
  const type = config.distilled ? "deit" : "vit";
  return {
    architectures: [classes[type]],
    model_type: type,
    attention_probs_dropout_prob: config.attnDropout,
    encoder_stride: config.patchSize[0],
    hidden_act: hiddenAct,
    hidden_dropout_prob: config.dropout,
    hidden_size: config.width,
    id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
    image_size: side(config.imageSize),
    initializer_range: 0.02,
    intermediate_size: config.mlpWidth,
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    layer_norm_eps: config.eps,
    num_attention_heads: config.heads,
    num_channels: config.channels,
    num_hidden_layers: config.depth,
    patch_size: side(config.patchSize),
    qkv_bias: config.qkvBias,
    torch_dtype: "float32",
  };
}

function invalid(rule: string, got: string, place: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule, evidence: `got ${got}`, place });
}
