/**
 * Between a masked autoencoder and the Vision Transformer that is its encoder.
 *
 * Reference code: facebookresearch/mae models_vit.py, main_finetune.py: the decoder and the last normalisation stay behind, patches are averaged and
 * normalised afterwards, positions may be learnt on.
 */

import { VitrineError } from "../../errors.ts";
import { type ViTConfig, type ViTOptions, vitConfig } from "../vit/config.ts";
import { ViT } from "../vit/vit.ts";
import { type MAEConfig, type MAEOptions, maeConfig } from "./config.ts";
import type { MAE } from "./mae.ts";

/** What a Vision Transformer says of the autoencoder whose encoder it is. */
const shared = ["imageSize", "patchSize", "channels", "width", "depth", "heads", "mlpWidth", "eps"] as const;

/**
 * The autoencoder that a Vision Transformer can be the encoder of.
 * @param options of what the Vision Transformer does not say
 * @throws {VitrineError} INVALID_ARGUMENT for one that is not plain: other tokens than a class token, a stem, other blocks.
 */
export function maeAround(encoder: ViTConfig, options: MAEOptions = {}): MAEConfig {
  const own = pick(encoder);
  const plain = vitConfig({ ...own, labels: 0, pool: encoder.pool, finalNorm: encoder.finalNorm });
  const free: readonly string[] = ["labels", "init", "dropPath", "headDropout", "posDropout", "dropout", "attnDropout"];
  for (const [name, value] of Object.entries(encoder)) {
    const usual = plain[name as keyof ViTConfig];
    if (free.includes(name) || JSON.stringify(value) === JSON.stringify(usual)) continue;
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "MAE: the encoder must be a plain Vision Transformer with a class token",
      evidence: `it has ${name} ${JSON.stringify(value)}`,
    });
  }
  return maeConfig({ ...own, ...options });
}

/** The encoder as it was trained, as a model of the features that it gives: its class token, normalised. */
export function featuresOf(mae: MAEConfig): ViTOptions {
  return { ...pick(mae), labels: 0 };
}

/** What the encoder becomes under a head: patches are averaged and then normalised, with the authors' ε, which transformers' files do not keep. */
export const fineTuned: Pick<ViTConfig, "pool" | "finalNorm" | "eps"> = { pool: "avg", finalNorm: "pooled", eps: 1e-6 };

/** The encoder as a model that averages its patches, without a head: the start of fine-tuning and of a linear probe. */
export function maeEncoder(mae: MAE): ViT {
  const encoder = new ViT({ ...featuresOf(mae.config), ...fineTuned });
  const learnt = mae.variables();
  for (const [name, variable] of encoder.variables()) {
    const source = learnt.get(name);
    if (source) variable.data = { ...source.data, data: source.data.data.slice() };
  }
  return encoder;
}

function pick(config: MAEConfig | ViTConfig): Pick<ViTOptions & MAEOptions, (typeof shared)[number]> {
  return Object.fromEntries(shared.map((name) => [name, config[name]]));
}
