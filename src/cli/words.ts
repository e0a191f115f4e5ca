/** The model of words that a verb was asked to use, and the texts that it was given. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { VitrineError } from "../errors.ts";
import { editDistance } from "../models/families.ts";
import { readConfigFile } from "../pretrained/config-file.ts";
import type { Language } from "../pretrained/language.ts";
import { loadLanguage } from "../pretrained/language-node.ts";
import { holdsWords, packagedModels } from "../pretrained/packaged-node.ts";
import { parseReference } from "../weights/reference.ts";
import { kindOnDisk } from "../weights/reference-node.ts";
import type { Context } from "./context.ts";
import { withDownloads } from "./model.ts";

/** A model of words, what it is called and how texts become its words. */
export type NamedLanguage<K extends Language["kind"] = Language["kind"]> = Extract<Language, { readonly kind: K }> & {
  readonly name: string;
};

/** Which models a verb can use. */
export interface LanguageUse<K extends Language["kind"]> {
  /** The verb, as errors name it. */
  readonly verb: string;
  /** What the verb needs: `a model that goes on with texts`. */
  readonly needs: string;
  readonly kinds: readonly K[];
  /** What a person may do with a model of words of another kind. */
  readonly otherwise: string;
}

/**
 * MODEL and texts among a verb's arguments: the first argument is the model where it names one, that is a folder or file that is there, a model
 * in the package, or anything with a slash and no space; else all are texts for the package's own model.
 * @throws {VitrineError} UNKNOWN_NAME where the first argument names none and yet looks like it.
 */
export function modelAndTexts(
  args: readonly string[],
  verb: string,
): {
  readonly reference: string | undefined;
  readonly texts: readonly string[];
} {
  const [first, ...rest] = args;
  if (first === undefined) return { reference: undefined, texts: args };
  if (namesModel(first)) return { reference: first, texts: rest };
  const known = [...packagedOfAnyKind().keys(), ...modelsHere()];
  const meant = known.filter((name) => isNear(first, name));
  if (meant.length === 0 && !/^[\w.]+(-[\w.]+)+$/.test(first)) return { reference: undefined, texts: args };
  throw new VitrineError("UNKNOWN_NAME", {
    rule: `${verb}: a first argument that looks like a model's name must be one`,
    evidence: `got "${first}"`,
    next: `${meant.length > 0 ? `did you mean ${meant.join(", ")}? ` : `the package has ${[...packagedModels(undefined, "words").keys()].join(", ")}. `}Where it is the text, put MODEL before it`,
  });
}

/** A typing error away: one letter of four. Short words are left alone, since one letter makes another word of them. */
function isNear(text: string, name: string): boolean {
  return text.length >= 5 && editDistance(text.toLowerCase(), name.toLowerCase()) <= Math.round(name.length / 4);
}

/** Folders of models in the working directory. */
function modelsHere(): readonly string[] {
  return readdirSync(".").filter((name) => existsSync(join(name, "config.json")));
}

function namesModel(text: string): boolean {
  return kindOnDisk(text) !== undefined || packagedOfAnyKind().has(text) || /^\S*\/\S*$/.test(text);
}

function packagedOfAnyKind(): ReadonlyMap<string, string> {
  return new Map([...packagedModels(), ...packagedModels(undefined, "words")]);
}

/**
 * Loads a model of words with its tokenizer; without a reference, the first of the package's that fits.
 * @throws {VitrineError} NOT_FOUND where there is none; INVALID_ARGUMENT for a model of another kind; whatever loading throws.
 */
export async function loadWords<K extends Language["kind"]>(
  context: Context,
  reference: string | undefined,
  use: LanguageUse<K>,
): Promise<NamedLanguage<K>> {
  if (reference === undefined) return loadPackaged(context, use);
  const { name, folder } = await folderOf(context, reference);
  const language = await loadNamed(folder, name, use);
  if (fits(language, use)) return { ...language, name };
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `${use.verb}: it takes ${use.needs}`,
    evidence: `got one of the kind ${language.kind}`,
    place: name,
    next: use.otherwise,
  });
}

function fits<K extends Language["kind"]>(
  language: Language,
  { kinds }: LanguageUse<K>,
): language is Extract<Language, { readonly kind: K }> {
  return (kinds as readonly string[]).includes(language.kind);
}

async function loadPackaged<K extends Language["kind"]>(
  context: Context,
  use: LanguageUse<K>,
): Promise<NamedLanguage<K>> {
  for (const [name, folder] of packagedModels(undefined, "words")) {
    const language = await loadLanguage(folder);
    if (!fits(language, use)) continue;
    context.terminal.note(`no MODEL: ${name}, the package's own, answers`);
    return { ...language, name };
  }
  throw new VitrineError("NOT_FOUND", {
    rule: `${use.verb}: this package holds no ${use.needs.replace(/^an? /, "")}`,
    next: "name one first: a folder with config.json, weights and tokenizer.json, or a hub id (org/name)",
  });
}

async function folderOf(
  context: Context,
  reference: string,
): Promise<{ readonly name: string; readonly folder: string }> {
  const meant = parseReference(reference, kindOnDisk);
  switch (meant.kind) {
    case "directory":
      return { name: basename(join(meant.path, ".")), folder: meant.path };
    case "file":
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "a model of words is a folder with config.json, weights and tokenizer files",
        evidence: "got a file",
        place: meant.path,
      });
    case "hub": {
      const { downloadModel } = await import("../weights/hub-node.ts");
      const { hubOptionsFromEnvironment } = await import("../weights/hub-options-node.ts");
      const { repo, revision } = meant;
      const hub = hubOptionsFromEnvironment(process.env);
      const { path } = await withDownloads(context, (call) => downloadModel({ repo, revision }, hub, call));
      return { name: repo, folder: path };
    }
    case "name": {
      const folder = packagedOfAnyKind().get(meant.name);
      if (folder !== undefined) return { name: meant.name, folder };
      const names = [...packagedModels(undefined, "words").keys()];
      throw new VitrineError("UNKNOWN_NAME", {
        rule: "a model of words must be a folder, a hub id (org/name) or a name in the package",
        evidence: `got "${meant.name}"`,
        next: names.length > 0 ? `the package has ${names.join(", ")}` : undefined,
      });
    }
  }
}

/** Says so where the folder holds a model of images. */
async function loadNamed(
  folder: string,
  name: string,
  { verb, needs }: Pick<LanguageUse<Language["kind"]>, "verb" | "needs">,
): Promise<Language> {
  try {
    return await loadLanguage(folder);
  } catch (error) {
    const architecture = await imageArchitecture(folder);
    if (architecture === undefined) throw error;
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `${verb}: it takes ${needs}`,
      evidence: `got a model of images, ${architecture}`,
      place: name,
      next: "`vitrine classify` and `vitrine explain` read images",
    });
  }
}

/** timm's name of the architecture in a folder of an image model; `undefined` for any other. */
async function imageArchitecture(folder: string): Promise<string | undefined> {
  const place = join(folder, "config.json");
  try {
    return (await readConfigFile(JSON.parse(await readFile(place, "utf8")), place)).architecture;
  } catch {
    return undefined;
  }
}

/**
 * The folder of a reference that names a model of words; `undefined` where it names anything else, or nothing.
 * @throws {VitrineError} whatever a download throws.
 */
export async function wordsFolder(
  context: Context,
  reference: string,
): Promise<{ readonly name: string; readonly folder: string } | undefined> {
  const kind = kindOnDisk(reference);
  if (kind === "file" || (kind === undefined && !packagedOfAnyKind().has(reference) && !reference.includes("/")))
    return undefined;
  const found = await folderOf(context, reference);
  return holdsWords(found.folder) ? found : undefined;
}

/** That there is a model and no text. */
export function noTexts(verb: string, wanted: string, reference: string | undefined, next: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `${verb}: give at least one ${wanted}`,
    evidence: reference === undefined ? "got none" : `got MODEL alone: ${JSON.stringify(reference)}`,
    next: reference === undefined ? next : `${next}. Where it is the text, put MODEL before it`,
  });
}

/** Texts given as arguments; `-` stands for what standard input holds. */
export function readTexts(texts: readonly string[]): readonly string[] {
  return texts.map((text) => (text === "-" ? readFileSync(0, "utf8").replace(/\r?\n$/, "") : text));
}
