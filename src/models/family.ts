/** What naming, loading and saving must know of a family of image classifiers: one object, that nothing registers. */

import type { PositionRule } from "../nn/positions.ts";
import type { NameRule, Naming } from "../weights/rules.ts";
import type { WeightSource } from "../weights/source.ts";
import type { ImageClassifier, ImageClassifierConfig } from "./classifier.ts";
import type { JsonObject } from "./json.ts";

/** How an image becomes an input; timm's `pretrained_cfg`. */
export interface TimmPreprocessing {
  /** [channels, high, wide]. */
  readonly input_size: readonly [number, number, number];
  readonly interpolation: "bicubic" | "bilinear";
  /** Share of the resized image's side that the centre crop keeps. */
  readonly crop_pct: number;
  readonly crop_mode: "center" | "squash";
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What was published of a model; how good timm's weights are, `timmWeights` tells. */
export interface Published {
  /** Billions of multiply-adds of one forward pass of one image: torchvision's count of what it names, timm's of the others. */
  readonly gmacs?: number;
  /** Percent of ImageNet-1k's validation images that a tagged model's weights get right, by their authors. */
  readonly top1?: number;
  /** The same of torchvision's weights, as torchvision prepares images, by timm's tag of the same file. */
  readonly torchvision?: Readonly<Record<string, number>>;
}

/** A named model. */
export interface NamedModel<Options = object> {
  readonly name: string;
  readonly options: Options;
  readonly preprocessing: TimmPreprocessing;
  readonly published: Published;
}

/** Published weights whose model or preprocessing is not what their architecture's name means alone. */
export interface TaggedModel<Options = object> extends NamedModel<Options> {
  /** timm's name with the tag of the weights; `name` is the part before the dot. */
  readonly tagged: string;
  /** Where else the weights are published: ids of the hub. */
  readonly hub: readonly string[];
  /** What differs where the weights have no head: the model whose features they give. A new head takes the options as they are. */
  readonly headless: Partial<Options>;
}

/** What timm's `config.json` needs besides the configuration. */
export interface TimmFileOptions {
  /** The architecture the model was made from, if it has a name. */
  readonly architecture?: string | undefined;
  readonly preprocessing: TimmPreprocessing;
}

/** A configuration that a file of transformers means. */
export interface HuggingFaceMeaning<Config> {
  /** timm's name of an architecture that can be changed into it. */
  readonly architecture: string;
  readonly config: Config;
  /** Keys of `preprocessor_config.json` that hold where no such file is there, all but the size. */
  readonly processor: JsonObject;
  /** What differs under a new head, where the model is fine-tuned in another form than it was trained in. */
  readonly fineTuning?: Partial<Config>;
}

/** A family of image classifiers. */
export interface Family<Config extends ImageClassifierConfig = ImageClassifierConfig, Options = object> {
  /** All named models of the family, by timm's name. */
  readonly models: ReadonlyMap<string, NamedModel<Options>>;
  /** Weights that have a meaning of their own, by timm's name with its tag. */
  readonly tagged?: ReadonlyMap<string, TaggedModel<Options>>;
  /** Names of the maps to the logits, the first with as many rows as there are labels. */
  readonly heads: readonly string[];
  /** Names of further parts that begin anew together with a head, on weights of a model that had others in their place. */
  freshBesideHead?(source: WeightSource, config: Config): readonly string[];
  /** What to do where a file's weights, under our names, are not those of the named model; undefined where nothing is known. */
  remedy?(source: WeightSource, architecture: string): string | undefined;
  /** How other publishers name the weights, most particular first. */
  readonly namings: readonly Naming[];
  /** A whole configuration. @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other. */
  config(options: Options): Config;
  create(config: Config): ImageClassifier;
  /** What its blocks are made of, which decides how it is trained. */
  readonly blocks: "attention" | "convolution";
  /**
   * What differs from a configuration for images that are far smaller than its own: finer patches, narrower windows, or larger pictures, so that the last
   * map still has places to tell apart.
   * @param side shorter side of the images, in pixels
   * @returns `{}` where there is no such form
   */
  smallImages(config: Config, side: number): Options;
  /** Whether the model takes images of other sizes than its own. */
  takesAnySize(config: Config): boolean;
  /** A few words for people: what kind, how large. */
  describe(config: Config): string;
  /**
   * Weights of a model for `from`, under our names, as those of a model for `to`.
   * @param rule whose way of resizing tables of positions
   */
  resizeWeights(source: WeightSource, from: Config, to: Config, rule: PositionRule): WeightSource;
  /** @throws {VitrineError} INVALID_FILE, INVALID_ARGUMENT for what has no counterpart. */
  configFromTimm(json: JsonObject, place: string): Config;
  /** @throws {VitrineError} INVALID_ARGUMENT when no architecture of timm can be changed into this one. */
  configForTimm(config: Config, options: TimmFileOptions): JsonObject;
  /** Its `model_type` is one of the family's. @throws {VitrineError} INVALID_FILE, INVALID_ARGUMENT for what has no counterpart. */
  configFromHuggingFace(json: JsonObject, place: string): HuggingFaceMeaning<Config>;
  /** @throws {VitrineError} INVALID_ARGUMENT for a model that transformers cannot express. */
  configForHuggingFace(config: Config, labels: readonly string[]): JsonObject;
  /** From our names to those of the Hugging Face class that holds the whole classifier. */
  huggingFaceNames(config: Config): readonly NameRule[];
}
