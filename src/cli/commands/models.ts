/** `vitrine models [NAME[.TAG]]`: what there is, and what one is made of. */

import { VitrineError } from "../../errors.ts";
import type { NamedModel } from "../../models/family.ts";
import { createModel, familyOf, modelNamed, modelNames } from "../../models/registry.ts";
import { type TimmWeights, timmWeights } from "../../models/timm-weights.ts";
import { summary, summaryText } from "../../nn/summary.ts";
import { packagedModels } from "../../pretrained/packaged-node.ts";
import type { Context } from "../context.ts";
import { grouped } from "../numbers.ts";
import { right, table } from "../table.ts";
import { isTagged, showTagged, taggedSummaries, taggedText } from "../tagged-models.ts";

/** Prints all names, or one model in full. */
export async function models(context: Context, [name]: readonly [string | undefined]): Promise<undefined> {
  if (name === undefined) list(context);
  else if (isTagged(name)) showTagged(context, name);
  else show(context, name);
  return undefined;
}

/** A published number. */
interface Figure {
  readonly value: number;
  /** Who measured it. */
  readonly by: "timm" | "torchvision";
}

/** Percent of ImageNet-1k's validation images that weights get right. */
interface Accuracy extends Figure {
  /** The weights' tag. */
  readonly weights: string;
}

/** What was published of an architecture, and of its weights: timm's default ones first, then torchvision's. */
function figures({ name, published }: NamedModel): { readonly gmacs?: Figure; readonly top1: readonly Accuracy[] } {
  const { gmacs, top1, torchvision } = published;
  const first = timmWeights(name)[0]?.tag;
  const theirs = Object.entries(torchvision ?? {}).map(([weights, value]) => ({
    weights,
    value,
    by: "torchvision" as const,
  }));
  return {
    ...(gmacs === undefined ? {} : { gmacs: { value: gmacs, by: torchvision ? "torchvision" : "timm" } }),
    top1: [
      ...(top1 === undefined || first === undefined ? [] : [{ weights: first, value: top1, by: "timm" as const }]),
      ...theirs.sort((a, b) => Number(b.weights === first) - Number(a.weights === first)),
    ],
  };
}

function list({ terminal }: Context): void {
  const packaged = [...packagedModels().keys(), ...packagedModels(undefined, "words").keys()];
  const architectures = modelNames().map((name) => {
    const model = createModel(name);
    const { imageSize, labels } = model.config;
    const kind = familyOf(name).describe(model.config);
    const weights = timmWeights(name)[0]?.place ?? null;
    const published = figures(modelNamed(name));
    return { name, parameters: model.parameterCount(), imageSize, labels, kind, weights, published };
  });
  const rows = architectures.map(({ name, parameters, imageSize, kind, published: { gmacs, top1 } }) => [
    name,
    (parameters / 1e6).toFixed(1),
    imageSize[0],
    marked(gmacs),
    marked(top1[0]),
    top1[0]?.weights ?? timmWeights(name)[0]?.tag ?? "",
    kind,
  ]);
  const tagged = taggedSummaries();
  const columns = ["name", right("Mparams"), right("image"), right("GMACs "), right("top-1 % "), "weights", "kind"];
  terminal.result(
    { architectures, packaged, tagged },
    [
      table(columns, rows),
      `${architectures.length} architectures; GMACs, and ImageNet-1k top-1 of the weights beside it, as timm publishes them, * as torchvision does; empty: not known here.`,
      "Weights: timm's default ones, or torchvision's where only their accuracy is known; empty: none are known here.",
      taggedText(tagged),
      packaged.length > 0 ? `With weights in this package: ${packaged.join(", ")}.` : "",
      "Weights come from a folder, a file with --arch NAME, or the hub (timm/NAME.TAG). `vitrine models NAME` shows one in full.",
    ]
      .filter((part) => part !== "")
      .join("\n"),
  );
}

/** With a star where torchvision measured. */
function marked(figure: Figure | undefined): string {
  return figure ? `${figure.value}${figure.by === "torchvision" ? "*" : " "}` : "";
}

function show({ terminal }: Context, asked: string): void {
  const named = modelNamed(asked);
  const { name } = named;
  const known = timmWeights(name);
  const weights = asked === name ? known[0] : weightsTagged(name, asked.slice(name.length + 1), known);
  const model = createModel(name);
  const rows = summary(model, [1, model.config.channels, ...model.config.imageSize]);
  const parameters = model.parameterCount();
  const flops = Number(rows[0]!.flops);
  const all = figures(named);
  const published = asked === name ? all : { ...all, top1: all.top1.filter((one) => one.weights === weights!.tag) };
  // Configuration and preprocessing here are those of the default weights.
  const preprocessing = weights === known[0] ? named.preprocessing : null;
  const labels = model.config.labels === 0 ? "none: features" : grouped(model.config.labels);
  const pixels = `${named.preprocessing.input_size.join(" × ")} pixels`;
  const others = known.filter((one) => one !== weights).map(({ tag }) => tag);
  const facts: readonly (readonly [string, string])[] = [
    [
      "parameters",
      `${grouped(parameters)}${preprocessing ? "" : `, as the default weights have them (labels: ${labels})`}`,
    ],
    [
      "multiply-adds of one image",
      `${(flops / 2e9).toFixed(2)} G${preprocessing ? "" : ` of ${pixels}`}${published.gmacs ? ` (${published.gmacs.by}: ${published.gmacs.value} G)` : ""}`,
    ],
    ...(preprocessing ? [["input", pixels] as const] : []),
    [
      "preprocessing",
      preprocessing
        ? `${preprocessing.crop_mode === "squash" ? "squash" : "centre crop"} ${preprocessing.crop_pct}, ${preprocessing.interpolation}, mean ${preprocessing.mean.join(" ")}, std ${preprocessing.std.join(" ")}`
        : "not known here: config.json, beside the weights, has it, the size of the input and the labels",
    ],
    ...(preprocessing ? [["labels", labels] as const] : []),
    [
      "ImageNet-1k top-1",
      published.top1.map(({ value, weights, by }) => `${value} % of ${weights} (${by})`).join(", ") || "not known here",
    ],
    ["weights", `${whereFrom(weights)}a file with --arch ${name}`],
    ...(others.length > 0 ? [["other tags", others.join(", ")] as const] : []),
  ];
  terminal.result(
    {
      ...{ name, weights: weights?.place ?? null, tags: known.map(({ tag }) => tag), published, preprocessing },
      // Those of which weights: another number of labels has more parameters.
      ...{ of: known[0]?.tag ?? null, parameters, flops, config: model.config },
    },
    `${asked}\n${table(["", ""], facts)}\n${summaryText(rows, 2)}`,
  );
}

function whereFrom(weights: TimmWeights | undefined): string {
  if (!weights) return "none are known here; ";
  return weights.place
    ? `${weights.place} on the hub, or `
    : `${weights.tag}, for which timm names no place on the hub; `;
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
