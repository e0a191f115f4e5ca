/** `vitrine models [NAME]`: what there is, and what one is made of. */

import { createModel, familyOf, modelNamed, modelNames } from "../../models/registry.ts";
import { summary, summaryText } from "../../nn/summary.ts";
import { packagedModels } from "../../pretrained/packaged-node.ts";
import type { Context } from "../context.ts";
import { grouped } from "../numbers.ts";
import { right, table } from "../table.ts";

/** Prints all names, or one model in full. */
export async function models(context: Context, [name]: readonly [string | undefined]): Promise<undefined> {
  if (name === undefined) list(context);
  else show(context, name);
  return undefined;
}

function list({ terminal }: Context): void {
  const packaged = [...packagedModels().keys(), ...packagedModels(undefined, "words").keys()];
  const architectures = modelNames().map((name) => {
    const model = createModel(name);
    const { published } = modelNamed(name);
    const { imageSize, labels } = model.config;
    const parameters = model.parameterCount();
    return { name, parameters, imageSize, labels, kind: familyOf(name).describe(model.config), published };
  });
  const rows = architectures.map(({ name, parameters, imageSize, kind, published }) => [
    name,
    (parameters / 1e6).toFixed(1),
    imageSize[0],
    published.gmacs ?? "",
    published.top1 ?? "",
    kind,
  ]);
  const columns = ["name", "Mparams", "image", "GMACs", "top-1 %"];
  terminal.result(
    { architectures, packaged },
    [
      table([...columns.map((title, i) => (i === 0 ? title : right(title))), "kind"], rows),
      `${architectures.length} architectures; GMACs and ImageNet-1k top-1 as timm publishes them for each name's default weights.`,
      packaged.length > 0 ? `With weights in this package: ${packaged.join(", ")}.` : "",
      "Weights come from a folder, a file with --arch NAME, or the hub (timm/NAME.TAG). `vitrine models NAME` shows one in full.",
    ]
      .filter((part) => part !== "")
      .join("\n"),
  );
}

function show({ terminal }: Context, asked: string): void {
  const { name, preprocessing, published } = modelNamed(asked);
  const model = createModel(name);
  const rows = summary(model, [1, model.config.channels, ...model.config.imageSize]);
  const parameters = model.parameterCount();
  const flops = Number(rows[0]!.flops);
  const [channels, height, width] = preprocessing.input_size;
  const facts: readonly (readonly [string, string])[] = [
    ["parameters", grouped(parameters)],
    [
      "multiply-adds of one image",
      `${(flops / 2e9).toFixed(2)} G${published.gmacs ? ` (published: ${published.gmacs} G)` : ""}`,
    ],
    ["input", `${channels} × ${height} × ${width} pixels`],
    [
      "preprocessing",
      `${preprocessing.crop_mode === "squash" ? "squash" : "centre crop"} ${preprocessing.crop_pct}, ${preprocessing.interpolation}, mean ${preprocessing.mean.join(" ")}, std ${preprocessing.std.join(" ")}`,
    ],
    ["labels", model.config.labels === 0 ? "none: features" : grouped(model.config.labels)],
    ["ImageNet-1k top-1", published.top1 === undefined ? "not published" : `${published.top1} %`],
    ["weights", `timm/${name}.TAG on the hub, or a file with --arch ${name}`],
  ];
  terminal.result(
    { name, parameters, flops, config: model.config, preprocessing, published },
    `${name}\n${table(["", ""], facts)}\n${summaryText(rows, 2)}`,
  );
}
