/** Cases of masked autoencoders, in the official form and transformers'. */

import { type MAEConfig, maeConfig, maeFromHuggingFace, maeOptions } from "../../models/mae/config.ts";
import { MAE } from "../../models/mae/mae.ts";
import { maeNamings } from "../../weights/mae-rules.ts";
import { detectNaming } from "../../weights/rules.ts";
import { memorySource } from "../../weights/source.ts";
import { type GoldenModel, imageInput, unknownReference } from "./adapter.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function maeAdapter(golden: GoldenFile): GoldenModel {
  const image = imageInput(golden);
  const module = new MAE(configOf(golden));
  return {
    module,
    rules: detectNaming(memorySource(golden.params), maeNamings)?.rules ?? [],
    inputs: [image, "noise"],
    forward: (inputs) => {
      const { loss, painted, mask, latent, ranks } = module.forward(inputs[image]!, inputs.noise);
      return { loss, pred: painted, logits: painted, mask, latent, ids_restore: ranks };
    },
    valueNamed: (name) => ({ tap: tapNamed(name) }),
  };
}

function configOf(golden: GoldenFile): MAEConfig {
  const [packageName, , className = ""] = golden.reference.split(" ");
  if (packageName === "facebookresearch/mae" && className === "MaskedAutoencoderViT")
    return maeConfig(maeOptions(golden.config));
  if (packageName === "transformers" && className === "ViTMAEForPreTraining")
    return maeFromHuggingFace(golden.config, golden.case);
  throw unknownReference(golden, "facebookresearch/mae and transformers");
}

/** @source transformers, models/vit_mae/modeling_vit_mae.py */
function tapNamed(name: string): string {
  const [, part, layer] = /^(?:(vit\.encoder\.layer)|decoder\.decoder_layers)\.(\d+)$/.exec(name) ?? [];
  if (layer !== undefined) return `${part ? "blocks" : "decoder_blocks"}.${layer}`;
  return name === "vit.layernorm" ? "features" : name;
}
