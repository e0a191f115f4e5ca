/** timm's `config.json`, for every family: the named architecture and the arguments that differ from it. */

import { VitrineError } from "../errors.ts";
import type { GridSize } from "../nn/positions.ts";
import type { ImageClassifierConfig } from "./classifier.ts";
import type { NamedModel, TimmFileOptions } from "./family.ts";
import type { Json, JsonObject } from "./json.ts";

/** How a family's configurations and timm's arguments become each other. */
export interface TimmArguments<Config, Options> {
  readonly models: ReadonlyMap<string, NamedModel<Options>>;
  config(options: Options): Config;
  /** All arguments of timm's class. */
  argumentsOf(config: Config): JsonObject;
  /** Arguments that hold Python objects, or that timm works out itself: no JSON can change them. */
  readonly fixed: readonly string[];
}

/** The arguments that a `config.json` means: those of the named architecture, changed. */
export function argumentsInFile<Config, Options>(
  { models, config, argumentsOf }: TimmArguments<Config, Options>,
  json: JsonObject,
): JsonObject {
  const base = argumentsOf(config(models.get(String(json.architecture))!.options));
  const given = Object.entries((json.model_args as JsonObject | undefined) ?? {}).filter(([, value]) => value !== null);
  return { ...base, num_classes: json.num_classes ?? base.num_classes!, ...Object.fromEntries(given) };
}

/** What the file says besides the arguments. */
export interface TimmFileFacts {
  /** Width of what the head reads. */
  readonly features: number;
  readonly firstConv: string;
  readonly classifier: string;
}

/**
 * `config.json` from which timm builds the model again (`timm.create_model("local-dir:…")`).
 * @throws {VitrineError} INVALID_ARGUMENT when no architecture of timm can be changed into this one.
 */
export function timmFile<Config extends ImageClassifierConfig, Options>(
  family: TimmArguments<Config, Options>,
  wantedConfig: Config,
  { architecture, preprocessing }: TimmFileOptions,
  { features, firstConv, classifier }: TimmFileFacts,
): JsonObject {
  const wanted = family.argumentsOf(wantedConfig);
  const preferred = architecture === undefined ? undefined : family.models.get(architecture);
  for (const base of [preferred, ...family.models.values()]) {
    if (!base) continue;
    const theirs = family.argumentsOf(family.config(base.options));
    if (family.fixed.some((name) => !sameJson(wanted[name]!, theirs[name]!))) continue;
    const differing = Object.entries(wanted).filter(
      ([name, value]) => name !== "num_classes" && !sameJson(value, theirs[name]!),
    );
    // timm ignores a null, so none may be needed.
    if (differing.some(([, value]) => value === null)) continue;
    return {
      architecture: base.name,
      num_classes: wantedConfig.labels,
      num_features: features,
      global_pool: "avg",
      ...(differing.length > 0 ? { model_args: Object.fromEntries(differing) } : {}),
      pretrained_cfg: { ...preprocessing, num_classes: wantedConfig.labels, first_conv: firstConv, classifier },
    };
  }
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "no architecture of timm can be changed into this model",
    evidence: `got ${family.fixed.map((name) => `${name} ${JSON.stringify(wanted[name])}`).join(", ")}`,
    next: "build it from a named model, changing sizes only",
  });
}

function sameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Reads entries of a transformers' `config.json` with its defaults. @throws {VitrineError} INVALID_FILE for a value of the wrong kind. */
export function entryReader(json: JsonObject, place: string): <T extends Json>(name: string, fallback: T) => T {
  return <T extends Json>(name: string, fallback: T): T => {
    const value = json[name];
    if (value === undefined || value === null) return fallback;
    if (typeof value === typeof fallback && Array.isArray(value) === Array.isArray(fallback)) return value as T;
    throw new VitrineError("INVALID_FILE", {
      rule: `"${name}" must be ${Array.isArray(fallback) ? "a list" : `a ${typeof fallback}`}`,
      evidence: `got ${JSON.stringify(value)}`,
      place,
    });
  };
}

/**
 * How many labels a transformers' `config.json` means: none for a bare model.
 * @param prefix of the classes (`Swin`)
 * @throws {VitrineError} INVALID_ARGUMENT for another task than classification.
 */
export function labelsInFile(json: JsonObject, prefix: string, place: string): number {
  const architecture = String(
    (json.architectures as readonly Json[] | undefined)?.[0] ?? `${prefix}ForImageClassification`,
  );
  if (architecture === `${prefix}Model`) return 0;
  if (architecture !== `${prefix}ForImageClassification`)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "only classifiers are supported",
      evidence: `got ${architecture}`,
      place,
    });
  const names = json.id2label as JsonObject | undefined | null;
  return names ? Object.keys(names).length : entryReader(json, place)("num_labels", 2);
}

/** The two tables of label names in a transformers' `config.json`. */
export function labelTables(names: readonly string[]): JsonObject {
  return {
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/**
 * A size in pixels or cells from a configuration file: a number, or [high, wide].
 * @throws {VitrineError} INVALID_ARGUMENT for anything else.
 */
export function sizeFromJson(family: string, name: string, value: Json): number | GridSize {
  if (typeof value === "number") return value;
  if (Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number"))
    return [value[0] as number, value[1] as number];
  throw noCounterpart(family, name, value);
}

/** The error for a value in a configuration file that a family's models have no choice for. */
export function noCounterpart(family: string, name: string, value: Json): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `${family}: this ${name} has no counterpart`,
    evidence: `got ${JSON.stringify(value)}`,
  });
}
