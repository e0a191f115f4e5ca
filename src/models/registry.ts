/** All models by the names that people type: timm's. Whoever imports this has all families; `families.ts` loads one. */

import { VitrineError } from "../errors.ts";
import type { ImageClassifier } from "./classifier.ts";
import { unknownModel } from "./families.ts";
import type { Family, NamedModel, TaggedModel } from "./family.ts";
import type { ResNetOptions } from "./resnet/config.ts";
import { resnetFamily } from "./resnet/family.ts";
import type { ResNet } from "./resnet/resnet.ts";
import type { SwinOptions } from "./swin/config.ts";
import { swinFamily, swinV2Family } from "./swin/family.ts";
import type { Swin } from "./swin/swin.ts";
import type { SwinV2 } from "./swin/swin-v2.ts";
import type { TNTOptions } from "./tnt/config.ts";
import { tntFamily } from "./tnt/family.ts";
import type { TNT } from "./tnt/tnt.ts";
import type { ViTOptions } from "./vit/config.ts";
import { vitFamily } from "./vit/family.ts";
import type { ViT } from "./vit/vit.ts";

const families: readonly Family[] = [vitFamily, swinFamily, swinV2Family, tntFamily, resnetFamily];

/** What may differ from a named configuration, family by family. */
export type ImageClassifierOptions = ViTOptions | SwinOptions | TNTOptions | ResNetOptions;

/** The class and the options behind a name, as far as its beginning tells. */
type Kind<Name extends string> = Name extends `${"vit" | "deit" | "vitc" | "test_vit"}${string}`
  ? { readonly model: ViT; readonly options: ViTOptions }
  : Name extends `${"resnet" | "resnext" | "wide_resnet" | "test_resnet"}${string}`
    ? { readonly model: ResNet; readonly options: ResNetOptions }
    : Name extends `swin_${string}`
      ? { readonly model: Swin; readonly options: SwinOptions }
      : Name extends `swinv2_${string}`
        ? { readonly model: SwinV2; readonly options: SwinOptions }
        : Name extends `tnt_${string}`
          ? { readonly model: TNT; readonly options: TNTOptions }
          : { readonly model: ImageClassifier; readonly options: ImageClassifierOptions };

/** The class behind a name. */
export type ModelNamed<Name extends string> = Kind<Name>["model"];

/** What may differ from the configuration behind a name. */
export type OptionsNamed<Name extends string> = Kind<Name>["options"];

/** Options of any family without some of them. */
export type OptionsWithout<Options, Key extends PropertyKey> = Options extends unknown ? Omit<Options, Key> : never;

/** The names of all models, as in timm. */
export function modelNames(): readonly string[] {
  return families.flatMap(({ models }) => [...models.keys()]);
}

/**
 * What is known of a model.
 * @param name timm's, with or without the tag of particular weights (`vit_tiny_patch16_224.augreg_in21k`)
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names.
 */
export function modelNamed(name: string): NamedModel {
  const { models, tagged } = familyOf(name);
  return tagged?.get(name) ?? models.get(bare(name))!;
}

/** Weights that have a meaning of their own, by timm's name with its tag. */
export function taggedModels(): readonly TaggedModel[] {
  return families.flatMap(({ tagged }) => [...(tagged?.values() ?? [])]);
}

/**
 * The family of a model.
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names.
 */
export function familyOf(name: string): Family {
  const found = families.find(({ models }) => models.has(bare(name)));
  if (found) return found;
  throw unknownModel(name, modelNames());
}

/**
 * A model by name, with first weights that are drawn only when they are needed.
 * @param overrides what differs from the named configuration (`{ labels: 10 }`)
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names, INVALID_ARGUMENT when options contradict each other.
 */
export function createModel<Name extends string>(
  name: Name,
  overrides: OptionsNamed<Name> = {} as OptionsNamed<Name>,
): ModelNamed<Name> {
  const family = familyOf(name);
  const known = family.config({});
  for (const option of Object.keys(overrides))
    if (!(option in known))
      throw new VitrineError("INVALID_ARGUMENT", { rule: `${option} is no setting of this model`, place: name });
  const config = family.config({ ...modelNamed(name).options, ...overrides });
  return family.create(config) as ModelNamed<Name>;
}

/** Without the tag of particular weights. */
function bare(name: string): string {
  return name.split(".", 1)[0]!;
}
