/**
 * How the authors of TNT name its weights, as rules to timm's names (`timm/models/tnt.py`), which both of timm's forms share.
 *
 * Source: huawei-noah/Efficient-AI-Backbones `tnt_pytorch/tnt.py`; timm's `checkpoint_filter_fn`.
 */

import type { NameRule, Naming } from "./rules.ts";

/** `weight` and `bias` of a module that only changes its name. */
const moved = (from: string, to: string): NameRule => ({ from: `${from}.{leaf}`, to: `${to}.{leaf}` });

/** The authors' names; a patch of 16 pixels has four rows of words. */
export const officialTNTRules: readonly NameRule[] = [
  moved("patch_embed.proj", "pixel_embed.proj"),
  { from: "inner_pos", to: "pixel_pos", arrange: "n (y x) e -> n e y x", sizes: { y: 4 } },
  { from: "outer_pos", to: "patch_pos" },
  // Zeros that are never trained.
  { from: "outer_tokens", to: [] },
  moved("proj_norm1", "norm1_proj"),
  moved("proj_norm2", "norm2_proj"),
  moved("blocks.{i}.proj_norm1", "blocks.{i}.norm1_proj"),
  moved("blocks.{i}.proj_norm2", "blocks.{i}.norm2_proj"),
  moved("blocks.{i}.inner_norm1", "blocks.{i}.norm_in"),
  moved("blocks.{i}.inner_norm2", "blocks.{i}.norm_mlp_in"),
  moved("blocks.{i}.outer_norm1", "blocks.{i}.norm_out"),
  moved("blocks.{i}.outer_norm2", "blocks.{i}.norm_mlp"),
  { from: "blocks.{i}.inner_attn.{rest}", to: "blocks.{i}.attn_in.{rest}" },
  { from: "blocks.{i}.outer_attn.{rest}", to: "blocks.{i}.attn_out.{rest}" },
  { from: "blocks.{i}.inner_mlp.{rest}", to: "blocks.{i}.mlp_in.{rest}" },
  { from: "blocks.{i}.outer_mlp.{rest}", to: "blocks.{i}.mlp.{rest}" },
];

/** All namings; a file that none of them knows has timm's names. */
export const tntNamings: readonly Naming[] = [
  { name: "TNT's authors", marks: ["outer_pos", "inner_pos"], rules: officialTNTRules },
];
