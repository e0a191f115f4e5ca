/**
 * How others name the masked autoencoder, as rules to the official names (facebookresearch/mae `models_mae.py`), and from these to the Vision
 * Transformer that is its encoder.
 *
 * Source: transformers 4.57 `modeling_vit_mae.py` (v5 writes `decoder.decoder_encoder.layer` for `decoder.decoder_layers`).
 */

import type { NameRule, Naming } from "./rules.ts";
import { huggingFaceVitRules } from "./vit-rules.ts";

/** `weight` and `bias` of a module that only changes its name. */
const moved = (from: string, to: string): NameRule => ({ from: `${from}.{leaf}`, to: `${to}.{leaf}` });

/** Hugging Face `ViTMAEForPreTraining`: its encoder has the names of its Vision Transformer. */
export const huggingFaceMaeRules = (): readonly NameRule[] => {
  const encoder = huggingFaceVitRules("vit.").filter(
    ({ from }) => typeof from !== "string" || !/pooler|classifier/.test(from),
  );
  // A block of the decoder has an encoder block's parts.
  const decoder = ["decoder.decoder_layers.", "decoder.decoder_encoder.layer."].flatMap((place) => {
    const inner = (name: string): string => name.replace("vit.encoder.layer.", place);
    return encoder.flatMap(({ from, to }): NameRule[] => {
      if (typeof to !== "string" || !to.startsWith("blocks.")) return [];
      return [{ from: typeof from === "string" ? inner(from) : from.map(inner), to: `decoder_${to}` }];
    });
  });
  return [
    ...encoder,
    { from: "decoder.mask_token", to: "mask_token" },
    { from: "decoder.decoder_pos_embed", to: "decoder_pos_embed" },
    moved("decoder.decoder_embed", "decoder_embed"),
    ...decoder,
    moved("decoder.decoder_norm", "decoder_norm"),
    moved("decoder.decoder_pred", "decoder_pred"),
  ];
};

/** All namings of the whole autoencoder; a file that none of them knows has the official names. */
export const maeNamings: readonly Naming[] = [
  {
    name: "Hugging Face ViTMAE",
    marks: ["decoder.mask_token", "vit.embeddings.cls_token"],
    rules: huggingFaceMaeRules(),
  },
];
