/** LoRA adapters as PEFT writes and reads them: `adapter_config.json`, and tensors by PEFT's names. @source huggingface/peft 0.21, peft/tuners/lora/config.py */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import { type NdArray, toFloat32 } from "../graph/dtype.ts";
import { keyOf } from "../graph/random.ts";
import type { JsonObject } from "../models/json.ts";
import { attachLora, endsWithPath, type Lora, linearsOf, loraOf, loraParameters } from "../nn/lora.ts";
import type { Module } from "../nn/module.ts";
import { matchWeights } from "../weights/load.ts";
import { peftRules } from "../weights/peft-rules.ts";
import { applyRules, invertRules } from "../weights/rules.ts";
import { memorySource, readAll, type WeightSource } from "../weights/source.ts";
import { type AdapterTensors, ownAdapters, wholeName } from "./adapter-names.ts";

/** What `adapter_config.json` says that the tensors do not. */
export interface AdapterConfig {
  readonly alpha: number;
  /** α of single maps, by path or last parts of it. */
  readonly alphas: Readonly<Record<string, number>>;
  readonly dropout: number;
  /** α / √r instead of α / r. */
  readonly rankStabilized: boolean;
  /** Modules that are saved whole, such as the head. */
  readonly wholeModules: readonly string[];
}

/** What PEFT can do to a map and this cannot; each must be absent, null, false or empty. */
const refused = [
  "use_dora",
  "fan_in_fan_out",
  "lora_bias",
  "use_qalora",
  "use_bdlora",
  "layer_replication",
  "trainable_token_indices",
  "target_parameters",
] as const;

const configSchema = v.looseObject({
  peft_type: v.string(),
  lora_alpha: v.optional(v.number(), 8),
  lora_dropout: v.optional(v.number(), 0),
  use_rslora: v.optional(v.nullable(v.boolean())),
  bias: v.optional(v.nullable(v.string())),
  modules_to_save: v.optional(v.nullable(v.array(v.string()))),
  alpha_pattern: v.optional(v.nullable(v.record(v.string(), v.number()))),
});

/**
 * Reads a parsed `adapter_config.json`. Which maps are adapted and their ranks are known from the tensors.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a broken file, and for anything but plain LoRA.
 */
export function readAdapterConfig(json: unknown, place: string): AdapterConfig {
  const invalid = (rule: string, evidence: string): VitrineError =>
    new VitrineError("INVALID_FILE", { rule, evidence, place });
  const result = v.safeParse(configSchema, json);
  if (!result.success) {
    const issue = result.issues[0];
    throw invalid(
      `${v.getDotPath(issue) ?? "an adapter's configuration"} must be ${issue.expected}`,
      `got ${issue.received}`,
    );
  }
  const file = result.output;
  if (file.peft_type !== "LORA") throw invalid("only LoRA adapters can be read", `got ${file.peft_type}`);
  const bias = file.bias ?? "none";
  if (bias !== "none") throw invalid("an adapter must leave biases alone", `got bias "${bias}"`);
  const extra = refused.find((name) => isSet(file[name]));
  if (extra) throw invalid("only plain LoRA can be read", `got ${extra}`);
  const alphas = file.alpha_pattern ?? {};
  const pattern = Object.keys(alphas).find((key) => !/^[\w.]+$/.test(key));
  if (pattern !== undefined) throw invalid("alpha_pattern must name modules by the last parts of their path", pattern);
  return {
    alpha: file.lora_alpha,
    alphas,
    dropout: file.lora_dropout,
    rankStabilized: file.use_rslora ?? false,
    wholeModules: (file.modules_to_save ?? []).map(wholeName),
  };
}

function isSet(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/**
 * Gives a model the adapters of a source, and the modules that were saved whole.
 * @param source tensors by PEFT's names; module paths are the model's, or those of transformers' ViT and DeiT
 * @throws {VitrineError} WEIGHTS_MISMATCH listing all that is missing, extra or of another shape; the model is then unchanged.
 */
export async function fillAdapter(model: Module, config: AdapterConfig, source: WeightSource): Promise<void> {
  const { adapters, whole } = await readAdapter(source, config);
  const linears = linearsOf(model);
  const given = memorySource(
    [
      ...[...adapters].flatMap(([path, { a, b }]) => [[`${path}.lora.a`, a] as const, [`${path}.lora.b`, b] as const]),
      ...whole,
    ],
    source.place,
  );
  const expected = [...adapters].flatMap(([path, { a }]) => {
    const [out, width] = (linears.get(path)?.weight.variable.shape ?? []) as readonly number[];
    if (out === undefined || width === undefined) return [];
    const rank = a.shape[0] ?? 0;
    return [[`${path}.lora.a`, [rank, width]] as const, [`${path}.lora.b`, [out, rank]] as const];
  });
  const kept = [...model.variables()].filter(
    ([name]) => !/\.lora\.[ab]$/.test(name) && (whole.has(name) || isPartOf(name, config.wholeModules)),
  );
  const matched = matchWeights([...expected, ...kept.map(([name, { shape }]) => [name, shape] as const)], given);

  const { dropout, rankStabilized } = config;
  for (const [path, { a, alpha }] of adapters)
    attachLora(path, linears.get(path)!, { rank: a.shape[0]!, alpha, dropout, rankStabilized }, keyOf(0));
  const variables = model.variables();
  for (const name of matched.names()) {
    const array = await matched.read(name);
    // Steps write into these arrays: they must not be views of the file.
    variables.get(name)!.data = { ...array, dtype: "float32", data: toFloat32(array).data.slice() };
  }
}

/** The adapters of a source by our paths, and the other tensors by our names. */
async function readAdapter(
  source: WeightSource,
  { alpha, alphas, rankStabilized }: AdapterConfig,
): Promise<{ readonly adapters: ReadonlyMap<string, AdapterTensors>; readonly whole: ReadonlyMap<string, NdArray> }> {
  const tensors = await readAll(applyRules(source, peftRules));
  const adapters = new Map<string, AdapterTensors>();
  const whole = new Map<string, NdArray>();
  for (const [name, array] of tensors) {
    const [, path, part] = /^(.+)\.lora\.([ab])$/.exec(name) ?? [];
    const [a, b] = [tensors.get(`${path}.lora.a`), tensors.get(`${path}.lora.b`)];
    if (path === undefined || !a || !b) whole.set(wholeName(name), array);
    else if (part === "a") {
      const own = Object.keys(alphas).find((end) => endsWithPath(path, end));
      adapters.set(path, { a, b, alpha: own === undefined ? alpha : alphas[own]! });
    }
  }
  return { adapters: ownAdapters(adapters, rankStabilized), whole };
}

/** True for parameters inside a module that has one of these paths, or last parts of paths. */
export function isPartOf(name: string, modules: readonly string[]): boolean {
  const parts = name.split(".");
  return modules.some((module) => parts.some((_, i) => endsWithPath(parts.slice(0, i).join("."), module)));
}

/**
 * `adapter_config.json` for the adapters of a model.
 * @param wholeModules paths of modules that are saved whole
 * @param base what people call the model that was adapted
 * @throws {VitrineError} INVALID_ARGUMENT for a model without adapters.
 */
export function adapterConfigFile(model: Module, wholeModules: readonly string[], base: string): JsonObject {
  const adapters = loraOf(model);
  const [first] = adapters.values();
  if (!first)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "only a model with adapters has an adapter's configuration" });
  const others = (of: (lora: Lora) => number): JsonObject =>
    Object.fromEntries(
      [...adapters].filter(([, lora]) => of(lora) !== of(first)).map(([path, lora]) => [path, of(lora)]),
    );
  return {
    peft_type: "LORA",
    task_type: null,
    base_model_name_or_path: base,
    inference_mode: true,
    r: first.rank,
    lora_alpha: first.alpha,
    lora_dropout: first.drop.rate,
    use_rslora: first.rankStabilized,
    rank_pattern: others(({ rank }) => rank),
    alpha_pattern: others(({ alpha }) => alpha),
    target_modules: targetsOf(model, [...adapters.keys()]),
    modules_to_save: wholeModules.length > 0 ? wholeModules : null,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
  };
}

/** The last two parts of the paths where these mean no other module, else the paths in full. */
function targetsOf(model: Module, paths: readonly string[]): readonly string[] {
  const ends = [...new Set(paths.map((path) => path.split(".").slice(-2).join(".")))].sort();
  const meant = [...model.modules().keys()].filter((path) => ends.some((end) => endsWithPath(path, end)));
  return meant.length === paths.length ? ends : paths;
}

/** The tensors of an adapter by PEFT's names. */
export function adapterTensors(model: Module, wholeModules: readonly string[]): Promise<Map<string, NdArray>> {
  const variables = model.variables();
  const lora = loraParameters(model);
  const whole = [...model.parameters().keys()].filter((name) => isPartOf(name, wholeModules));
  const own = [...lora, ...whole].map((name) => [name, variables.get(name)!.data] as const);
  return readAll(applyRules(memorySource(own), invertRules(peftRules)));
}
