/** `config.json` of timm and of transformers: which model, and the names of its labels. */

import * as v from "valibot";
import { preprocessingToTimm } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import type { ImageClassifierConfig } from "../models/classifier.ts";
import { familyNamed, familyOfType, familyTypes } from "../models/families.ts";
import type { Family, TimmPreprocessing } from "../models/family.ts";
import type { Json, JsonObject } from "../models/json.ts";
import { familyOf } from "../models/registry.ts";
import type { Pretrained } from "./pretrained.ts";

/** What a `config.json` says. */
export interface ConfigFile {
  readonly family: Family;
  /** timm's name of the architecture that it is a variant of. */
  readonly architecture: string;
  readonly config: ImageClassifierConfig;
  /** Names of the labels, by index; undefined where the file names none. */
  readonly labels: readonly string[] | undefined;
  /** timm's preprocessing, where it stands in the same file. */
  readonly pretrainedConfig: JsonObject | undefined;
  /** Keys of a `preprocessor_config.json` of transformers that hold where there is none. */
  readonly processor: JsonObject | undefined;
  /** What differs under a new head. */
  readonly fineTuning?: object | undefined;
}

const object = v.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "an object",
);
const names = v.optional(v.nullable(v.union([v.array(v.string()), v.record(v.string(), v.string())])));
const labelKeys = { label_names: names, label_descriptions: v.optional(v.nullable(v.record(v.string(), v.string()))) };
const timmSchema = v.looseObject({
  ...labelKeys,
  architecture: v.string(),
  model_args: v.optional(object),
  pretrained_cfg: v.optional(v.looseObject({ ...labelKeys, labels: names })),
});
const huggingFaceSchema = v.looseObject({
  model_type: v.picklist(familyTypes),
  architectures: v.optional(v.nullable(v.array(v.string()))),
  id2label: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

/**
 * The model that a parsed `config.json` describes, in timm's keys or in those of transformers.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a broken file, an unknown architecture or a model that is not here, INVALID_ARGUMENT for options without counterpart.
 */
export async function readConfigFile(source: unknown, place: string): Promise<ConfigFile> {
  const json = check(object, source, place);
  if (typeof json.architecture === "string") return fromTimm(json, place);
  if (json.model_type !== undefined) return fromHuggingFace(json, place);
  throw new VitrineError("INVALID_FILE", {
    rule: "a model's configuration must say its `architecture` (timm's name) or its `model_type` (transformers')",
    evidence: `it has ${Object.keys(json).slice(0, 5).join(", ") || "neither"}`,
    place,
  });
}

/** @source timm 1.0.29, timm/models/_hub.py `_parse_model_cfg` and timm/models/_builder.py `_update_default_model_kwargs` */
async function fromTimm(source: JsonObject, place: string): Promise<ConfigFile> {
  const file = check(timmSchema, source, place);
  const {
    family,
    model: { name },
  } = await familyNamed(file.architecture).catch((cause: unknown) => {
    if (!(cause instanceof VitrineError)) throw cause;
    // The name was not typed: it is the file that is wrong.
    throw new VitrineError("INVALID_FILE", { ...cause.fields, place: `\`architecture\` of ${place}`, cause });
  });
  // Before timm 0.9 all keys stood at the top.
  const inner = (file.pretrained_cfg ?? file) as JsonObject;
  const size = Array.isArray(inner.input_size) ? (inner.input_size as readonly Json[]) : undefined;
  const args: JsonObject = {
    ...(inner.global_pool ? { global_pool: inner.global_pool } : {}),
    ...(size ? { in_chans: size[0]! } : {}),
    ...(size && inner.fixed_input_size ? { img_size: size.slice(1) } : {}),
    ...file.model_args,
  };
  const classes = source.num_classes ?? inner.num_classes;
  const config = family.configFromTimm(
    {
      architecture: name,
      model_args: args,
      ...(classes === undefined ? {} : { num_classes: classes }),
      ...(size ? { input_size: size } : {}),
    },
    place,
  );
  const labels = file.label_names ?? file.pretrained_cfg?.label_names ?? file.pretrained_cfg?.labels;
  const described = file.label_descriptions ?? file.pretrained_cfg?.label_descriptions ?? {};
  return {
    family,
    architecture: name,
    config,
    labels: byIndex(labels)?.map((label) => (Object.hasOwn(described, label) ? described[label]! : label)),
    pretrainedConfig: inner,
    processor: undefined,
  };
}

async function fromHuggingFace(source: JsonObject, place: string): Promise<ConfigFile> {
  const file = check(huggingFaceSchema, source, place);
  const family = (await familyOfType(file.model_type))!;
  const { config, architecture, processor, fineTuning } = family.configFromHuggingFace(source, place);
  const labels = byIndex(file.id2label);
  return {
    family,
    architecture,
    config,
    labels: config.labels === 0 || labels?.every((label, i) => label === unnamed(i)) ? undefined : labels,
    pretrainedConfig: undefined,
    processor,
    fineTuning,
  };
}

/** What transformers fills in where nobody named the labels. */
const unnamed = (index: number): string => `LABEL_${index}`;

/** `["cat", "dog"]` or `{"0": "cat", "1": "dog"}`; undefined where an index is missing. */
function byIndex(
  labels: readonly string[] | Readonly<Record<string, string>> | null | undefined,
): readonly string[] | undefined {
  if (!labels) return undefined;
  const list = Object.keys(labels).map((_, i) => (labels as Readonly<Record<string, string>>)[i]);
  return list.every((label) => label !== undefined) ? list : undefined;
}

/**
 * timm's `config.json`; `timm.create_model("local-dir:FOLDER", pretrained=True)` builds the same model from it.
 * @throws {VitrineError} INVALID_ARGUMENT for a model or a preprocessing that it cannot express.
 */
export function timmConfigFile({ architecture, model, preprocessing, labels, unnamedLabels }: Pretrained): JsonObject {
  const { config } = model;
  const json = familyOf(architecture).configForTimm(config, {
    architecture,
    preprocessing: preprocessingToTimm(preprocessing) as unknown as TimmPreprocessing,
  });
  return { ...json, ...(config.labels > 0 && !unnamedLabels ? { label_names: labels } : {}) };
}

/**
 * transformers' `config.json`; `from_pretrained` of the class that it names builds the same model from it.
 * @throws {VitrineError} INVALID_ARGUMENT for a model that it cannot express.
 */
export function huggingFaceConfigFile({ architecture, model, labels, unnamedLabels }: Pretrained): JsonObject {
  const names = unnamedLabels ? labels.map((_, i) => unnamed(i)) : labels;
  return familyOf(architecture).configForHuggingFace(model.config, names);
}

function check<S extends v.GenericSchema>(schema: S, source: unknown, place: string): v.InferOutput<S> {
  const result = v.safeParse(schema, source);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VitrineError("INVALID_FILE", {
    rule: `${v.getDotPath(issue) ?? "a model's configuration"} must be ${issue.type === "custom" ? issue.message : issue.expected}`,
    evidence: `got ${issue.received}`,
    place,
  });
}
