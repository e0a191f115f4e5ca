/** Cases of GPT-2. */

import { type NdArray, ndarray } from "../../graph/dtype.ts";
import { crossEntropy } from "../../losses/index.ts";
import { gpt2FromHuggingFace } from "../../models/gpt2/config.ts";
import { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { cast, slice } from "../../tensor/index.ts";
import { gpt2Naming } from "../../weights/gpt2-rules.ts";
import { memorySource } from "../../weights/source.ts";
import { Gpt2Writer } from "../decode/gpt2.ts";
import { type GoldenModel, unknownReference } from "./adapter.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function gpt2Adapter(golden: GoldenFile): GoldenModel {
  const { config, reference, params, inputs, outputs, case: place } = golden;
  if (!/GPT2LMHeadModel/.test(reference)) throw unknownReference(golden, "transformers (GPT2LMHeadModel)");
  const module = new Gpt2(gpt2FromHuggingFace(config, place));
  const [prompts, greedy] = [inputs.get("prompt_ids"), outputs.get("greedy_ids")];
  const naming = gpt2Naming(memorySource(params, place), module.config.tied);
  return {
    module,
    rules: naming.rules,
    inputs: ["input_ids", "attention_mask", "position_ids", "token_type_ids", "labels", "prompt_ids"],
    forward: (
      { input_ids: ids, attention_mask: seen, position_ids: positions, token_type_ids: types, labels },
      mode,
    ) => {
      const logits = module.forward(ids!, mode, { valid: seen && cast(seen, "bool"), positions, types });
      // Each word is foretold by those before it.
      const loss = labels && crossEntropy(slice(logits, 1, 0, -1), slice(labels, 1, 1));
      return { logits, ...(loss ? { loss } : {}) };
    },
    ...(prompts && greedy
      ? {
          search: async (runtime) => {
            await using writer = await Gpt2Writer.open(module, runtime);
            const [rows, length] = prompts.shape as readonly [number, number];
            const given = Array.from({ length: rows }, (_, i) => idsOf(prompts).slice(i * length, (i + 1) * length));
            const end = typeof config.eos_token_id === "number" ? [config.eos_token_id] : [];
            const maxWords = greedy.shape[1]! - length;
            const written = await writer.write(given, { maxWords, temperature: 0, banned: end });
            const all = given.flatMap((ids, i) => [...ids, ...written[i]!.words]);
            return { greedy_ids: ndarray("int64", greedy.shape, all) };
          },
        }
      : {}),
    valueNamed: (name) => ({ tap: name }),
  };
}

function idsOf({ data }: NdArray): readonly number[] {
  return Array.from(data, Number);
}
