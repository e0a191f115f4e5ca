/** What the configurations of models of words may say: the same for a `config.json` of ours and for settings of a training. */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import type { Gpt2Config } from "../models/gpt2/config.ts";
import type { JsonObject } from "../models/json.ts";
import type { RecurrentLanguageConfig } from "../models/recurrent-language.ts";
import type { Seq2SeqConfig } from "../models/seq2seq.ts";
import type { WordTransformerConfig } from "../models/transformer/word-transformer.ts";
import type { Activation } from "../nn/activations.ts";

/** A whole configuration, and each of its entries by itself. */
export type ConfigSchema<T> = v.GenericSchema<unknown, T> & {
  readonly entries: Readonly<Record<keyof T, v.GenericSchema>>;
};

/** transformers' name of each activation. @source transformers 4.57, activations.py, `ACT2FN` */
export const activationNames: Readonly<Record<Activation, string>> = {
  gelu: "gelu",
  gelu_tanh: "gelu_new",
  quick_gelu: "quick_gelu",
  silu: "silu",
  relu: "relu",
  hard_swish: "hardswish",
  tanh: "tanh",
};

const size = v.pipe(v.number(), v.integer(), v.minValue(1));
const id = v.pipe(v.number(), v.integer(), v.minValue(0));
const rate = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const cell = v.picklist(["gru", "lstm"]);
const activation = v.picklist(Object.keys(activationNames) as readonly Activation[]);
const stack = v.strictObject({ layers: size, heads: size, mlpWidth: size });

/** A recurrent encoder–decoder's. */
export const seq2seqSchema: ConfigSchema<Seq2SeqConfig> = v.object({
  sourceWords: size,
  targetWords: size,
  embed: size,
  hidden: size,
  decoderHidden: v.optional(size),
  layers: size,
  cell,
  attention: v.picklist(["additive", "general", "dot", "none"]),
  attentionWidth: v.optional(size),
  dropout: rate,
  pad: id,
  begin: id,
  end: id,
});

/** A recurrent model of language's. */
export const recurrentSchema: ConfigSchema<RecurrentLanguageConfig> = v.object({
  words: size,
  embed: size,
  hidden: size,
  layers: size,
  cell,
  tied: v.boolean(),
  dropout: rate,
});

/** A GPT's. */
export const gpt2Schema: ConfigSchema<Gpt2Config> = v.object({
  words: size,
  positions: size,
  width: size,
  depth: size,
  heads: size,
  mlpWidth: size,
  activation,
  eps: positive,
  bias: v.boolean(),
  tied: v.boolean(),
  scaled: v.boolean(),
  scaledByDepth: v.boolean(),
  band: v.optional(size),
  embedDropout: rate,
  dropout: rate,
  attnDropout: rate,
});

/** A translating Transformer's. */
export const transformerSchema: ConfigSchema<WordTransformerConfig> = v.object({
  width: size,
  encoder: stack,
  decoder: stack,
  activation,
  normFirst: v.boolean(),
  finalNorm: v.boolean(),
  eps: positive,
  bias: v.boolean(),
  dropout: rate,
  shared: v.boolean(),
  tied: v.boolean(),
  outputBias: v.boolean(),
  scaled: v.boolean(),
  positions: v.picklist(["learned", "interleaved", "halves", "opennmt"]),
  maxWords: size,
  sourceWords: size,
  targetWords: size,
  pad: id,
  begin: id,
  end: id,
});

/** Our own configuration of a model. @throws {VitrineError} INVALID_FILE naming what is missing, of another kind or out of range. */
export function ownConfig<T>(schema: ConfigSchema<T>, json: JsonObject, place: string): T {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VitrineError("INVALID_FILE", {
    rule: "a configuration must have its model's sizes",
    evidence: `${v.getDotPath(issue) ?? "it"}: ${issue.message}`,
    place,
  });
}

/**
 * Usual settings with some replaced, an object within them entry by entry.
 * @param fixed names that are no settings: what the data or the kind say
 * @throws {VitrineError} INVALID_ARGUMENT naming the first that is unknown, of another kind or out of range.
 */
export function withSettings<T extends object>(
  usual: T,
  given: Readonly<Record<string, unknown>>,
  { entries }: { readonly entries: Readonly<Record<string, v.GenericSchema>> },
  fixed: readonly string[],
): T {
  const settings = Object.keys(entries).filter((name) => !fixed.includes(name));
  const usually = new Map<string, unknown>(Object.entries(usual));
  const changes = Object.entries(given).map(([name, value]) => {
    const refuse = (rule: string, evidence?: string): VitrineError =>
      new VitrineError("INVALID_ARGUMENT", {
        rule,
        evidence,
        place: "`model` of the configuration",
        next: `its settings are ${settings.join(", ")}`,
      });
    if (!settings.includes(name)) throw refuse(`${name} is no setting of this model`, `got ${JSON.stringify(value)}`);
    const before = usually.get(name);
    const whole = isObject(before) && isObject(value) ? { ...before, ...value } : value;
    const result = v.safeParse(entries[name]!, whole);
    if (result.success) return [name, whole] as const;
    const issue = result.issues[0];
    const path = [name, v.getDotPath(issue)].filter((part) => part !== null).join(".");
    throw refuse(`${path}: ${issue.message}`);
  });
  return { ...usual, ...Object.fromEntries(changes) };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
