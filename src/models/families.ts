/** Where each family's code is. It is loaded when a model of the family is asked for, so that a page bundles the others apart. */

import { VitrineError } from "../errors.ts";
import type { Family, NamedModel } from "./family.ts";

interface Entry {
  /** How timm's names of its architectures begin. */
  readonly names: RegExp;
  /** What transformers calls its models in `model_type`. */
  readonly types: readonly string[];
  readonly load: () => Promise<Family>;
}

/** The last one has all the names that begin like no other's. */
const entries: readonly Entry[] = [
  {
    names: /^swin_/,
    types: ["swin"],
    load: async () => (await import("./swin/family.ts")).swinFamily,
  },
  {
    names: /^swinv2_/,
    types: ["swinv2"],
    load: async () => (await import("./swin/family.ts")).swinV2Family,
  },
  {
    names: /^(wide_|test_)?resne[tx]t?\d*/,
    types: ["resnet"],
    load: async () => (await import("./resnet/family.ts")).resnetFamily,
  },
  { names: /^tnt_/, types: [], load: async () => (await import("./tnt/family.ts")).tntFamily },
  { names: /^/, types: ["vit", "deit", "vit_mae"], load: async () => (await import("./vit/family.ts")).vitFamily },
];

/** A family, and one of its named models, or of its tagged ones. */
export interface FamilyMember {
  readonly family: Family;
  readonly model: NamedModel;
}

/**
 * The family of an architecture.
 * @param architecture timm's name, with or without the tag of particular weights
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names.
 */
export async function familyNamed(architecture: string): Promise<FamilyMember> {
  const name = architecture.split(".", 1)[0]!;
  const family = await entries.find(({ names }) => names.test(name))!.load();
  const model = family.tagged?.get(architecture) ?? family.models.get(name);
  if (model) return { family, model };
  const families = await Promise.all(entries.map(({ load }) => load()));
  throw unknownModel(
    architecture,
    families.flatMap(({ models }) => [...models.keys()]),
  );
}

/** The family of a model of transformers; undefined for a type that is not here. @param type its `model_type` */
export async function familyOfType(type: string): Promise<Family | undefined> {
  return entries.find(({ types }) => types.includes(type))?.load();
}

/** What transformers calls the models of all families. */
export const familyTypes: readonly string[] = entries.flatMap(({ types }) => types);

/** The error for a name that is none of the known ones: it says the nearest. */
export function unknownModel(name: string, known: readonly string[]): VitrineError {
  return new VitrineError("UNKNOWN_NAME", {
    rule: "a model must have one of the known names",
    evidence: `got "${name}"`,
    next: `did you mean ${nearestModels(name, known).join(", ")}?`,
  });
}

/**
 * The three names that are probably meant: those that begin so, in their own order, then those that need the fewest changes of letters. Other packages'
 * spellings count as well (`vit_b_16`, `ViT-B/16`); models for tests do not.
 */
export function nearestModels(name: string, names: readonly string[]): readonly string[] {
  const asked = name.toLowerCase().split(".", 1)[0]!;
  const spellings = [asked, timmSpelling(asked)];
  const distance = (known: string): number =>
    spellings.some((spelling) => known.startsWith(spelling))
      ? -1
      : Math.min(...spellings.map((spelling) => editDistance(spelling, known)));
  return names
    .filter((known) => asked.startsWith("test") || !known.startsWith("test_"))
    .map((known) => ({ known, changes: distance(known) }))
    .sort((a, b) => a.changes - b.changes)
    .slice(0, 3)
    .map(({ known }) => known);
}

const sizes: Readonly<Record<string, string>> = { ti: "tiny", t: "tiny", s: "small", b: "base", l: "large", h: "huge" };

/** `vit_base_patch16` of the papers' and torchvision's `ViT-B/16` and `vit_b_16`. */
function timmSpelling(name: string): string {
  const [family = "", ...rest] = name
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replace(/^swin_v2/, "swinv2")
    .replace(/^resnet_/, "resnet")
    // `b16`
    .replace(/_(ti|[tsblh])(\d+)/, "_$1_$2")
    .split("_");
  const words = rest.map((word, i) =>
    i === 0 ? (sizes[word] ?? word) : i === 1 && /^\d\d?$/.test(word) ? `patch${word}` : word,
  );
  return [family, ...words].join("_");
}

/** Letters to insert, remove or replace to make `b` of `a`. @source Levenshtein 1966 */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
