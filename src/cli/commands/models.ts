/** `vitrine models [NAME[.TAG]…]`: what there is, what one is made of, and several side by side. */

import { createModel, familyOf, modelNamed, modelNames, taggedModels } from "../../models/registry.ts";
import { timmWeights } from "../../models/timm-weights.ts";
import { summary, summaryText } from "../../nn/summary.ts";
import { packagedModels } from "../../pretrained/packaged-node.ts";
import type { Context } from "../context.ts";
import { type Figure, factLines, factsJson, factsOf, figuresOf, giga, type ModelFacts } from "../model-facts.ts";
import { right, table } from "../table.ts";

/** Prints all names, one model in full, or a row for each of several. */
export async function models(context: Context, [names]: readonly [readonly string[]]): Promise<undefined> {
  const facts = names.map(factsOf);
  if (facts.length === 0) list(context);
  else if (facts.length === 1) show(context, facts[0]!);
  else compare(context, facts);
  return undefined;
}

function list({ terminal }: Context): void {
  const packaged = [...packagedModels().keys(), ...packagedModels(undefined, "words").keys()];
  const architectures = modelNames().map((name) => {
    const model = createModel(name);
    const { imageSize, labels } = model.config;
    const kind = familyOf(name).describe(model.config);
    const weights = timmWeights(name)[0]?.place ?? null;
    const published = figuresOf(modelNamed(name));
    return { name, parameters: model.parameterCount(), imageSize, labels, kind, weights, published };
  });
  const rows = architectures.map(({ name, parameters, imageSize, kind, published: { gmacs, top1 } }) => {
    const tag = timmWeights(name)[0]?.tag;
    return [
      name,
      millions(parameters),
      imageSize[0],
      marked(gmacs),
      marked(top1.find(({ weights }) => weights === tag)),
      tag ?? "",
      kind,
    ];
  });
  const columns = ["name", right("Mparams"), right("image"), right("GMACs "), right("top-1 % "), "weights", "kind"];
  const tagged = taggedModels().map(({ tagged: name, published, hub }) => {
    return { name, parameters: createModel(name).parameterCount(), top1: published.top1, hub };
  });
  const taggedColumns = ["masked autoencoder", right("Mparams"), right("fine-tuned top-1 %"), "weights"];
  terminal.result(
    { architectures, packaged, tagged },
    [
      table(columns, rows),
      `${architectures.length} architectures; GMACs, and ImageNet-1k top-1 of the weights beside it, as timm publishes them, * as torchvision does; empty: not known here.`,
      "Weights: timm's default ones; empty: none are known here.",
      table(
        taggedColumns,
        tagged.map(({ name, parameters, top1, hub }) => [name, millions(parameters), top1 ?? "", hub[0]!]),
      ),
      "Pre-trained without labels: `vitrine train --from` gives them a head. Accuracies are the authors', after fine-tuning on ImageNet-1k.\n",
      packaged.length > 0 ? `With weights in this package: ${packaged.join(", ")}.` : "",
      "Weights come from a folder, a file with --arch NAME, or the hub (timm/NAME.TAG). `vitrine models NAME` shows one in full, several names a row of each.",
    ]
      .filter((part) => part !== "")
      .join("\n"),
  );
}

function show({ terminal }: Context, facts: ModelFacts): void {
  const lines = table(["", ""], factLines(facts));
  terminal.result(factsJson(facts), `${facts.asked}\n${lines}\n${summaryText(facts.rows, 2)}`);
}

function compare({ terminal }: Context, all: readonly ModelFacts[]): void {
  const rows = all.map(({ asked, weights, model, parameters, flops, preprocessing, published }) => {
    const top1 = published.top1.find((one) => one.weights === weights?.tag);
    // Weights that are judged by ImageNet-1k have its labels; of others that are not the default ones, nobody here knows how many, nor of what size of patches.
    const known = preprocessing !== undefined || top1 !== undefined;
    const { channels, imageSize } = model.config;
    const side = top1?.side ?? imageSize[0];
    const cost = side === imageSize[0] ? flops : Number(summary(model, [1, channels, side, side])[0]!.flops);
    return [
      asked,
      known ? millions(parameters) : "",
      known ? side : "",
      known ? giga(cost) : "",
      top1?.value ?? "",
      weights?.tag ?? "",
      top1?.by ?? "",
      familyOf(asked).describe(model.config),
    ];
  });
  const numbers = [right("Mparams"), right("image"), right("GMACs"), right("top-1 %")];
  terminal.result(
    all.map(factsJson),
    `${table(["name", ...numbers, "weights", "by", "kind"], rows)}
GMACs: billions of multiply-adds of one image of that size, counted here. Top-1: of ImageNet-1k by these weights, as timm, torchvision or the authors measured it. Empty: not known here.
Weights are more than an architecture: recipes differ, and so do data (\`in12k\`, \`in21k\`, \`in22k\` and others in a tag saw more than ImageNet-1k). Only rows of one recipe tell architectures apart.
`,
  );
}

const millions = (parameters: number): string => (parameters / 1e6).toFixed(1);

/** With a star where torchvision measured. */
function marked(figure: Figure | undefined): string {
  return figure ? `${figure.value}${figure.by === "torchvision" ? "*" : " "}` : "";
}
