/** How PEFT names the tensors of an adapter, as rules to ours. @source huggingface/peft 0.21, peft/utils/save_and_load.py get_peft_model_state_dict */

import type { NameRule } from "./rules.ts";

/** Adapters of linear maps, and modules that are saved whole (`modules_to_save`). */
export const peftRules: readonly NameRule[] = [
  { from: "base_model.model.{rest}.lora_A.weight", to: "{rest}.lora.a" },
  { from: "base_model.model.{rest}.lora_B.weight", to: "{rest}.lora.b" },
  { from: "base_model.model.{rest}", to: "{rest}" },
];
