/** Cases of residual networks, in the forms of timm, torchvision and transformers. */

import { type ResNetConfig, resnetConfig, resnetOptions } from "../../models/resnet/config.ts";
import { resnetFamily } from "../../models/resnet/family.ts";
import { ResNet } from "../../models/resnet/resnet.ts";
import { detectNaming } from "../../weights/rules.ts";
import { memorySource } from "../../weights/source.ts";
import { type GoldenModel, imageInput, unknownReference } from "./adapter.ts";
import { asConfigFile } from "./counterparts.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function resnetAdapter(golden: GoldenFile): GoldenModel {
  const image = imageInput(golden);
  const module = new ResNet(configOf(golden));
  return {
    module,
    rules: detectNaming(memorySource(golden.params), resnetFamily.namings)?.rules ?? [],
    inputs: [image],
    forward: (inputs, mode) => ({ logits: module.forward(inputs[image]!, mode) }),
    valueNamed: (name) => ({ tap: tapNamed(name) }),
  };
}

function configOf(golden: GoldenFile): ResNetConfig {
  const [packageName, , className = ""] = golden.reference.split(" ");
  if (packageName === "timm" || packageName === "torchvision") {
    const json = { architecture: className, model_args: golden.config };
    if (resnetFamily.models.has(className)) return resnetFamily.configFromTimm(json, golden.case);
    if (className === "ResNet") return resnetConfig(resnetOptions(golden.config));
  }
  if (packageName === "transformers")
    return resnetFamily.configFromHuggingFace(asConfigFile(golden.config, className), golden.case).config;
  throw unknownReference(golden, "timm, torchvision and transformers");
}

/** @source transformers, models/resnet/modeling_resnet.py */
function tapNamed(name: string): string {
  const plain = name.replace(/^resnet\./, "");
  const stage = /^encoder\.stages\.(\d)$/.exec(plain)?.[1];
  if (stage !== undefined) return `layer${Number(stage) + 1}`;
  const others: Readonly<Record<string, string>> = { embedder: "stem", maxpool: "stem", global_pool: "pooled" };
  return others[plain] ?? plain;
}
