/** Cases of Vision Transformers, in the forms of timm, transformers and torchvision. */

import { VitrineError } from "../../errors.ts";
import type { Json, JsonObject } from "../../models/json.ts";
import { type Stem, type ViTConfig, type ViTOptions, vitConfig } from "../../models/vit/config.ts";
import { configFromHuggingFace, configFromTimm } from "../../models/vit/config-files.ts";
import { timmOptions } from "../../models/vit/config-timm.ts";
import { namedViTs } from "../../models/vit/names.ts";
import { ViT } from "../../models/vit/vit.ts";
import type { GridSize, PositionRule } from "../../nn/positions.ts";
import { detectNaming, type NameRule } from "../../weights/rules.ts";
import { memorySource } from "../../weights/source.ts";
import { vitNamings } from "../../weights/vit-rules.ts";
import { type GoldenModel, imageInput, type NamedValue, unknownReference } from "./adapter.ts";
import { asConfigFile } from "./counterparts.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function vitAdapter(golden: GoldenFile): GoldenModel {
  const image = imageInput(golden);
  const [, , high, wide] = golden.inputs.get(image)!.shape as [number, number, number, number];
  const { config, rules, valueNamed } = readReference(golden, [high, wide]);
  const module = new ViT(config);
  return {
    module,
    rules,
    inputs: [image],
    forward: (inputs, mode) => ({ logits: module.forward(inputs[image]!, mode) }),
    valueNamed: (name) => valueNamed(name, module.patchEmbed.grid),
  };
}

/** What a reference's class and arguments mean. */
interface Meaning {
  readonly config: ViTConfig;
  readonly rules: readonly NameRule[];
  readonly valueNamed: (name: string, grid: GridSize) => NamedValue;
}

function readReference(golden: GoldenFile, image: GridSize): Meaning {
  const [packageName, , className = ""] = golden.reference.split(" ");
  const rules = detectNaming(memorySource(golden.params), vitNamings)?.rules ?? [];
  switch (packageName) {
    case "timm":
      return { config: timmConfig(className, golden), rules, valueNamed: (name) => ({ tap: name }) };
    case "transformers": {
      const config = configFromHuggingFace(asConfigFile(golden.config, className), golden.case);
      return { config: forImage(config, image, "huggingface"), rules, valueNamed: huggingFaceValue };
    }
    case "torchvision": {
      const { options, stemRules } = torchvisionOptions(golden.config);
      return {
        config: forImage(vitConfig(options), image, "torchvision"),
        rules: [...stemRules, ...rules],
        valueNamed: torchvisionValue,
      };
    }
    default:
      throw unknownReference(golden, "timm, transformers and torchvision");
  }
}

/** The model, resizing its positions by a rule where the case's picture is of another size. */
function forImage(config: ViTConfig, [high, wide]: GridSize, rule: PositionRule): ViTConfig {
  const same = config.imageSize[0] === high && config.imageSize[1] === wide;
  return same ? config : vitConfig({ ...config, resizePositions: rule });
}

/** Arguments that hold Python objects; what they mean is read from the parameters' names. */
const objects: readonly string[] = ["embed_layer", "backbone"];

function timmConfig(className: string, golden: GoldenFile): ViTConfig {
  const args = Object.fromEntries(Object.entries(golden.config).filter(([name]) => !objects.includes(name)));
  if (namedViTs.has(className)) return configFromTimm({ architecture: className, model_args: args }, golden.case);
  const distilled = className === "VisionTransformerDistilled";
  if (!distilled && className !== "VisionTransformer")
    throw unknownReference(golden, "timm (VisionTransformer, VisionTransformerDistilled, or a model's name)");
  const stem = resNetStem(golden);
  // A stem's patches are cells of its result; timm's HybridEmbed takes one cell unless told.
  const patch: JsonObject = stem ? { patch_size: 1 } : {};
  return vitConfig({ ...timmOptions({ ...patch, ...args, distilled }), stem });
}

/** The ResNet before the patches, from the names of its parameters. */
function resNetStem({ params }: GoldenFile): Stem | undefined {
  const convolution = ["patch_embed.backbone.conv.weight", "patch_embed.backbone.stem.conv.weight"];
  if (!convolution.some((name) => params.has(name))) return undefined;
  const depths: number[] = [];
  for (const name of params.keys()) {
    const [, stage, block] = /^patch_embed\.backbone\.stages\.(\d+)\.blocks\.(\d+)\./.exec(name) ?? [];
    if (stage !== undefined) depths[Number(stage)] = Math.max(depths[Number(stage)] ?? 0, Number(block) + 1);
  }
  return { kind: "resnet", depths };
}

/** @source transformers, models/vit/modeling_vit.py */
function huggingFaceValue(name: string): NamedValue {
  const plain = name.replace(/^(vit|deit)\./, "");
  const [, layer, probs] = /^(?:encoder\.layer|layers)\.(\d+)(\.attention\.probs)?$/.exec(plain) ?? [];
  if (layer !== undefined) return { tap: probs ? `blocks.${layer}.attn.probs` : `blocks.${layer}` };
  const others: Readonly<Record<string, string>> = {
    embeddings: "tokens",
    layernorm: "features",
    last_hidden_state: "features",
    "embeddings.patch_embeddings": "patch_embed",
    cls_logits: "logits.class",
    distillation_logits: "logits.distillation",
  };
  return { tap: others[plain] ?? plain };
}

/** @source torchvision/models/vision_transformer.py */
function torchvisionValue(name: string, [h]: GridSize): NamedValue {
  const layer = /^encoder\.layers\.encoder_layer_(\d+)$/.exec(name)?.[1];
  if (layer !== undefined) return { tap: `blocks.${layer}` };
  if (name === "conv_proj") return { tap: "patch_embed", arrange: { pattern: "b (h w) d -> b d h w", sizes: { h } } };
  return { tap: name === "encoder.ln" || name === "encoder" ? "features" : name };
}

/** What torchvision's `VisionTransformer` is given, with the names of its convolutional stem where it has one. */
function torchvisionOptions(args: JsonObject): {
  readonly options: ViTOptions;
  readonly stemRules: readonly NameRule[];
} {
  const number = (name: string, fallback?: number): number => {
    const value = args[name] ?? fallback;
    if (typeof value === "number") return value;
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `torchvision's VisionTransformer: ${name} must be a number`,
      evidence: `got ${JSON.stringify(value)}`,
    });
  };
  const convolutions = (args.conv_stem_configs as readonly Json[] | undefined | null)?.map(convolutionOf);
  const patchSize = number("patch_size");
  const options: ViTOptions = {
    imageSize: number("image_size"),
    patchSize: convolutions ? 1 : patchSize,
    width: number("hidden_dim"),
    depth: number("num_layers"),
    heads: number("num_heads"),
    mlpWidth: number("mlp_dim"),
    labels: number("num_classes", 1000),
    representation: args.representation_size ? number("representation_size") : undefined,
    dropout: number("dropout", 0),
    attnDropout: number("attention_dropout", 0),
    stem: convolutions && {
      kind: "conv",
      widths: convolutions.map(({ width }) => width),
      kernels: convolutions.map(({ kernel }) => kernel),
      strides: convolutions.map(({ stride }) => stride),
      padding: (convolutions[0]!.kernel - 1) >> 1,
      activation: "relu",
      proj: true,
    },
  };
  return { options, stemRules: convolutions ? torchvisionStemRules : [] };
}

/** `ConvStemConfig(out_channels, kernel_size, stride)`, as JSON has it. */
function convolutionOf(json: Json): { readonly width: number; readonly kernel: number; readonly stride: number } {
  const values = Array.isArray(json)
    ? json
    : ["out_channels", "kernel_size", "stride"].map((key) => (json as JsonObject)[key]);
  const [width, kernel, stride] = values as [number, number, number];
  return { width, kernel, stride };
}

const torchvisionStemRules: readonly NameRule[] = [
  { from: "conv_proj.conv_bn_relu_{i}.0.{leaf}", to: "patch_embed.backbone.{i}.conv.{leaf}" },
  { from: "conv_proj.conv_bn_relu_{i}.1.{leaf}", to: "patch_embed.backbone.{i}.bn.{leaf}" },
  { from: "conv_proj.conv_last.{leaf}", to: "patch_embed.proj.{leaf}" },
];
