/** What `vitrine models` tells of a model, of particular weights, and of a published masked autoencoder. */

import { VitrineError } from "../errors.ts";
import type { ImageClassifier } from "../models/classifier.ts";
import type { NamedModel, TaggedModel, TimmPreprocessing } from "../models/family.ts";
import { createModel, modelNamed, taggedModels } from "../models/registry.ts";
import { type TimmWeights, timmWeights } from "../models/timm-weights.ts";
import { type SummaryRow, summary } from "../nn/summary.ts";
import { grouped } from "./numbers.ts";

/** A published number. */
export interface Figure {
  readonly value: number;
  /** Who measured it. */
  readonly by: "timm" | "torchvision" | "the authors";
}

/** Percent of ImageNet-1k's validation images that weights get right. */
export interface Accuracy extends Figure {
  /** The weights' tag. */
  readonly weights: string;
  /** Side of the pictures in pixels, where it is not that of the default weights. */
  readonly side?: number;
}

/** What was published of an architecture and of its weights. */
export interface Figures {
  readonly gmacs?: Figure;
  /** timm's, its default weights' first, then torchvision's. */
  readonly top1: readonly Accuracy[];
}

/** All that is told of one. */
export interface ModelFacts {
  /** As it was asked for: an architecture, or weights of one. */
  readonly asked: string;
  readonly architecture: string;
  /** The weights meant; undefined where none are known. */
  readonly weights: TimmWeights | undefined;
  /** Where the hub has them. */
  readonly places: readonly string[];
  /** The other weights of the architecture. */
  readonly others: readonly TimmWeights[];
  readonly model: ImageClassifier;
  /** The model and its parts, for one image of its own size. */
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly flops: number;
  /** The tag of the weights whose configuration this is. */
  readonly of: string | undefined;
  /** Undefined where the weights have another configuration, which is not known here. */
  readonly preprocessing: TimmPreprocessing | undefined;
  /** Accuracies of the weights asked for; of all where none were. */
  readonly published: Figures;
  /** What pre-training without labels made of it, where it did. */
  readonly tagged: TaggedModel | undefined;
}

/** @throws {VitrineError} UNKNOWN_NAME with the nearest names, or the tags that are known. */
export function factsOf(asked: string): ModelFacts {
  const named = modelNamed(asked);
  const tagged = taggedModels().find((one) => one.tagged === asked);
  const known = timmWeights(named.name);
  const weights =
    asked === named.name ? known[0] : weightsTagged(named.name, asked.slice(named.name.length + 1), known);
  const of = tagged ? weights : known[0];
  const { gmacs, top1 } = figuresOf(named);
  const model = createModel(asked);
  const rows = summary(model, [1, model.config.channels, ...model.config.imageSize]);
  return {
    ...{ asked, architecture: named.name, weights, model, rows, tagged, of: of?.tag },
    places: tagged?.hub ?? (weights?.place ? [weights.place] : []),
    others: known.filter((one) => one !== weights),
    parameters: model.parameterCount(),
    flops: Number(rows[0]!.flops),
    preprocessing: weights === of ? named.preprocessing : undefined,
    published: {
      ...(gmacs ? { gmacs } : {}),
      top1: asked === named.name ? top1 : top1.filter((one) => one.weights === weights!.tag),
    },
  };
}

/** What was published of a model; of a tagged one what its authors did. */
export function figuresOf(model: NamedModel): Figures {
  const { gmacs, top1, torchvision = {} } = model.published;
  const authors = top1 === undefined ? [] : [{ weights: tagOf(model), value: top1, by: "the authors" } as const];
  const timm = timmWeights(model.name).flatMap(({ tag, top1: value, side }): Accuracy[] =>
    value === undefined ? [] : [{ weights: tag, value, by: "timm", ...(side === undefined ? {} : { side }) }],
  );
  const theirs = Object.entries(torchvision).map(
    ([weights, value]) => ({ weights, value, by: "torchvision" }) as const,
  );
  return {
    ...(gmacs === undefined
      ? {}
      : { gmacs: { value: gmacs, by: model.published.torchvision ? "torchvision" : "timm" } }),
    top1: [...authors, ...timm, ...theirs],
  };
}

function tagOf(model: NamedModel): string {
  return "tagged" in model ? (model as TaggedModel).tagged.slice(model.name.length + 1) : "";
}

/** One model in full, as lines of what and how much. */
export function factLines(facts: ModelFacts): readonly (readonly [what: string, value: string])[] {
  const { weights, others, model, parameters, flops, preprocessing, published, tagged } = facts;
  const { labels, channels, imageSize } = model.config;
  const classes = labels === 0 ? "none: features" : grouped(labels);
  const pixels = `${[channels, ...imageSize].join(" × ")} pixels`;
  const accuracies = published.top1.filter((one) => one.weights === weights?.tag).map(accuracyText);
  return [
    ...(tagged
      ? [["what", "masked autoencoder: its encoder, and the classifier that the authors fine-tuned from it"] as const]
      : []),
    [
      "parameters",
      `${grouped(parameters)}${preprocessing ? "" : `, as the default weights have them (labels: ${classes})`}`,
    ],
    [
      "multiply-adds of one image",
      `${giga(flops)} G${preprocessing ? "" : ` of ${pixels}`}${published.gmacs ? ` (${published.gmacs.by}: ${published.gmacs.value} G)` : ""}`,
    ],
    ...(preprocessing ? [["input", pixels] as const] : []),
    ["preprocessing", preprocessingText(preprocessing)],
    ...(preprocessing
      ? [["labels", tagged ? `${classes} fine-tuned; the pre-trained encoder has no head` : classes] as const]
      : []),
    ["ImageNet-1k top-1", accuracies.join(", ") || "not known here"],
    ["weights", whereFrom(facts)],
    ...(others.length > 0 ? [["other tags", others.map(tagText).join(", ")] as const] : []),
    ...(tagged
      ? [
          [
            "with its decoder",
            `${tagged.hub[0]}: \`vitrine explain IMAGE --model ${tagged.hub[0]}\` shows what it paints`,
          ] as const,
        ]
      : []),
  ];
}

/** The same for programs. */
export function factsJson({
  asked,
  architecture,
  weights,
  places,
  others,
  of,
  preprocessing,
  published,
  ...facts
}: ModelFacts): object {
  const { model, parameters, flops } = facts;
  const tags = [...(weights ? [weights] : []), ...others].map(({ tag }) => tag);
  return {
    ...{ asked, name: architecture, weights: places[0] ?? null, hub: places, tags, published },
    // Those of which weights: another number of labels has more parameters.
    ...{ preprocessing: preprocessing ?? null, of: of ?? null, parameters, flops, config: model.config },
  };
}

/** Billions of multiply-adds. */
export function giga(flops: number): string {
  return (flops / 2e9).toFixed(2);
}

function accuracyText({ value, weights, by, side }: Accuracy): string {
  return `${value} % ${by === "the authors" ? "fine-tuned" : `of ${weights}`}${side === undefined ? "" : ` at ${side} pixels`} (${by})`;
}

function tagText({ tag, top1, side }: TimmWeights): string {
  return `${tag}${top1 === undefined ? "" : ` ${top1} %`}${side === undefined ? "" : ` at ${side} pixels`}`;
}

function preprocessingText(preprocessing: TimmPreprocessing | undefined): string {
  if (!preprocessing)
    return "not known here: config.json, beside the weights, has it, the size of the input and the labels";
  const { crop_mode: mode, crop_pct: crop, interpolation, mean, std } = preprocessing;
  return `${mode === "squash" ? "squash" : "centre crop"} ${crop}, ${interpolation}, mean ${mean.join(" ")}, std ${std.join(" ")}`;
}

function whereFrom({ asked, architecture, weights, places, tagged }: ModelFacts): string {
  if (tagged) return `${places.join(", ")} on the hub, or the authors' files with --arch ${asked}`;
  const file = `a file with --arch ${architecture}`;
  if (!weights) return `none are known here; ${file}`;
  return places.length > 0
    ? `${places.join(", ")} on the hub, or ${file}`
    : `${weights.tag}, for which timm names no place on the hub; ${file}`;
}

/** @throws {VitrineError} UNKNOWN_NAME for a tag that is none of the known ones. */
function weightsTagged(name: string, tag: string, known: readonly TimmWeights[]): TimmWeights {
  const found = known.find((one) => one.tag === tag);
  if (found) return found;
  throw new VitrineError("UNKNOWN_NAME", {
    rule: "a tag must be that of weights that are known here",
    evidence: `got "${tag}"`,
    place: name,
    next:
      known.length > 0
        ? `known are ${known.map((one) => one.tag).join(", ")}; others that the hub has load all the same, with --from timm/NAME.TAG`
        : "none of its weights are known: leave the tag out",
  });
}
