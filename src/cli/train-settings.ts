/** What a training run is made of, as it was typed: kept in its folder and read again by `--resume`. */

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import * as v from "valibot";
import { datasetNames } from "../data/open-node.ts";
import { VitrineError } from "../errors.ts";
import { type Choice, type Finding, findingCodes } from "../inspect/index.ts";
import { familyOf, modelNames, type OptionsNamed } from "../models/registry.ts";

/** What makes a run; kept in its folder, so that `--resume` needs nothing else. Paths are absolute. */
export interface TrainSettings {
  readonly data: string;
  readonly dataDir?: string | undefined;
  readonly model?: string | undefined;
  readonly from?: string | undefined;
  readonly arch?: string | undefined;
  readonly teacher?: string | undefined;
  readonly limit?: number | undefined;
  /** Share of the training images to choose the best epoch by, where the data has no validation images; 0: none. */
  readonly holdBack?: number | undefined;
  /** What differs in the model. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What the head begins with, where that was asked for. */
  readonly head?: "keep" | "closed" | "random" | undefined;
  /** Whether the head begins as the best linear head in closed form. */
  readonly closedForm?: boolean | undefined;
  /** Positions of training images that show the same: the parts of a split have no copies of each other. */
  readonly copies?: readonly (readonly number[])[] | undefined;
  /** Number of images that are learnt from: data that has changed since has others. */
  readonly images?: number | undefined;
  /** What was chosen and found before the first step, for the report. */
  readonly choices?: readonly Choice[] | undefined;
  readonly findings?: readonly Finding[] | undefined;
}

const text = v.optional(v.string());
const settingsSchema: v.GenericSchema<unknown, TrainSettings> = v.object({
  data: v.string(),
  dataDir: text,
  model: text,
  from: text,
  arch: text,
  teacher: text,
  limit: v.optional(v.number()),
  holdBack: v.optional(v.number()),
  options: v.optional(v.record(v.string(), v.unknown())),
  head: v.optional(v.picklist(["keep", "closed", "random"])),
  closedForm: v.optional(v.boolean()),
  copies: v.optional(v.array(v.array(v.number()))),
  images: v.optional(v.number()),
  choices: v.optional(v.array(v.object({ what: v.string(), value: v.string(), reason: v.string() }))),
  findings: v.optional(
    v.array(
      v.object({
        code: v.picklist(findingCodes),
        level: v.picklist(["warning", "note"]),
        text: v.string(),
        examples: v.array(v.string()),
      }),
    ),
  ),
});

/** Settings from those of the run before, if any, and what was typed. */
export function settingsFrom(
  before: Readonly<Record<string, unknown>> | undefined,
  typed: Readonly<Partial<Record<keyof TrainSettings, unknown>>>,
): TrainSettings {
  return v.parse(settingsSchema, { ...before, ...defined(typed) });
}

/** The entries that have a value. */
export function defined(entries: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

const optionsSchema = v.record(v.string(), v.unknown());

/** The settings of a named model's family with their usual values; without a name, of all families. */
function settingsOf(model: string | undefined): ReadonlyMap<string, unknown> {
  const families = new Set((model === undefined ? modelNames() : [model]).map(familyOf));
  const entries = [...families].reverse().flatMap((family) => Object.entries(family.config({})));
  return new Map(entries.filter(([name, value]) => name !== "labels" && (name !== "stem" || value !== undefined)));
}

/** Options of a model from JSON: known names, and values of the right kind; what contradicts each other the model says itself. */
export function checkModelOptions(
  given: Readonly<Record<string, unknown>>,
  model: string | undefined,
): Omit<OptionsNamed<string>, "labels"> {
  const knownOptions = settingsOf(model);
  for (const [name, value] of Object.entries(given)) {
    const refuse = (rule: string): never => {
      throw new VitrineError("INVALID_ARGUMENT", {
        rule,
        evidence: `got ${JSON.stringify(value)}`,
        place: "`model` of the configuration",
        next: `its settings are ${[...knownOptions.keys()].join(", ")}`,
      });
    };
    if (!knownOptions.has(name)) refuse(`${name} is no setting of a model`);
    const usual = knownOptions.get(name);
    // A list may be one value for all of it: both sides of an image, all stages of a model.
    const kind = Array.isArray(usual) ? typeof usual.flat()[0] : typeof usual;
    const fits = Array.isArray(usual)
      ? [value].flat(2).every((one) => typeof one === kind)
      : usual === undefined
        ? ["number", "string"].includes(typeof value)
        : typeof value === kind;
    const article = Array.isArray(usual) ? `${kind} or a list of such` : usual === undefined ? "number" : kind;
    if (!fits) refuse(`${name} must be a ${article}`);
  }
  return given as Omit<OptionsNamed<string>, "labels">;
}

/**
 * Reads `--config`: settings of the recipe, and `model`.
 * @throws {VitrineError} NOT_FOUND, or INVALID_FILE when it is no JSON object.
 */
export async function readConfig(path: string): Promise<{
  readonly changes: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new VitrineError("NOT_FOUND", { rule: "--config must be a readable file", evidence: path, cause });
  });
  try {
    const { model = {}, ...changes } = v.parse(optionsSchema, JSON.parse(text));
    return { changes, options: v.parse(optionsSchema, model) };
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "--config must be a JSON object of settings, `model` one of the model's",
      evidence: (cause as Error).message.split("\n")[0],
      place: path,
      cause,
    });
  }
}

/** What lies on this disk by its absolute path, so that a run can be continued from any folder; names as they are. */
export async function absolute(reference: string | undefined): Promise<string | undefined> {
  if (reference === undefined) return undefined;
  const there = await stat(reference).catch(() => undefined);
  return there ? resolve(reference) : reference;
}

/** The same for a data set: a pattern is a path too, and a name wins over a folder of the same name. */
export async function absoluteData(reference: string | undefined): Promise<string | undefined> {
  if (reference === undefined || datasetNames.includes(reference)) return reference;
  return /[*?{]/.test(reference) ? resolve(reference) : absolute(reference);
}
