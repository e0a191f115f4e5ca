/** What a case was made with and nothing here asks for: it would change the reference's numbers and not ours, so the case is refused by its name. */

import { VitrineError } from "../../errors.ts";
import type { JsonObject } from "../../models/json.ts";
import type { GoldenFile } from "./golden-file.ts";

/** A case that remembers which of its arguments were asked for. */
export interface WatchedCase {
  readonly golden: GoldenFile;
  /** @throws {VitrineError} INVALID_ARGUMENT for arguments that nobody has asked for yet, unless they say nothing of results. */
  requireAllAsked(): void;
}

/** Watches the arguments of a case while a model is made of them. */
export function watchArguments(golden: GoldenFile): WatchedCase {
  const asked = new Set<PropertyKey>();
  const config = new Proxy(golden.config, {
    get: (target, name) => {
      asked.add(name);
      return Reflect.get(target, name) as unknown;
    },
  });
  const training = golden.mode.startsWith("train");
  return {
    golden: { ...golden, config },
    requireAllAsked: () =>
      refuse(
        golden,
        "argument",
        Object.entries(golden.config).flatMap(([name, value]) => {
          const silent = value === null || saysNothing.has(name) || (!training && /drop/.test(name));
          return asked.has(name) || silent ? [] : [`${name} ${JSON.stringify(value)}`];
        }),
      ),
  };
}

/** @throws {VitrineError} INVALID_ARGUMENT for an input that is not among the known ones; the loss's target always is. */
export function requireKnownInputs(golden: GoldenFile, known: readonly string[]): void {
  const strange = [...golden.inputs.keys()].filter((name) => name !== "target" && !known.includes(name));
  refuse(golden, "input", strange);
}

/** The arguments as a `config.json` of transformers has them, with the class's name; the same object otherwise, so that it can be watched. */
export function asConfigFile(config: JsonObject, className: string): JsonObject {
  return Object.assign(Object.create(config) as JsonObject, { architectures: [className] });
}

/** transformers' entries of files and of writing sentences, which no forward pass reads, and widths that inputs have, too. */
const saysNothing: ReadonlySet<string> = new Set([
  ...["architectures", "model_type", "transformers_version", "torch_dtype", "dtype", "id2label", "label2id"],
  ...["use_cache", "output_attentions", "output_hidden_states", "return_dict", "initializer_range", "init_std"],
  ...["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_eos_token_id"],
  ...["bad_words_ids", "num_beams", "length_penalty", "max_length", "is_encoder_decoder", "static_position_embeddings"],
  ...["query_dim", "key_dim", "value_dim"],
]);

function refuse({ case: place }: GoldenFile, kind: string, names: readonly string[]): void {
  if (names.length === 0) return;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `every ${kind} of a case must have a counterpart here: it may change the reference's numbers`,
    evidence: `none for ${names.join(", ")}`,
    place,
    next: "make the case without it",
  });
}
