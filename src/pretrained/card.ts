/**
 * The card of a model: the README.md of its folder, with the front matter that the Hugging Face hub reads.
 * @source https://huggingface.co/docs/hub/model-cards
 */

import type { Layout } from "./save-node.ts";

/** A measured accuracy, and of what. */
export interface MeasuredAccuracy {
  /** The data set's name. */
  readonly data: string;
  /** `test images`, `validation images`. */
  readonly judged: string;
  readonly correct: number;
  readonly count: number;
  /** Both ends of its 95 % interval. */
  readonly interval: readonly [number, number];
  /** Mean cross-entropy, and expected calibration error. */
  readonly loss: number;
  readonly calibrationError: number;
  /** Whether the best epoch was chosen by the same pictures. */
  readonly chosenBy: boolean;
}

/** How a model came to be. */
export interface TrainingFacts {
  readonly data: string;
  /** Pictures that were learned from. */
  readonly images: number;
  readonly epochs: number;
  readonly seconds: number;
  /** All settings of the recipe, and the seed. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Processor, engine, versions. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a card says. What is not known is left out. */
export interface CardFacts {
  readonly name: string;
  /** timm's name of the architecture that it is a variant of. */
  readonly architecture: string;
  readonly parameters: number;
  /** Channels, height, width. */
  readonly inputSize: readonly number[];
  readonly labels: readonly string[];
  /** Whose names the folder's files have. */
  readonly layout: Layout;
  /** As the hub writes licences: `apache-2.0`. */
  readonly license?: string | undefined;
  /** Whose weights the training began with. */
  readonly from?: string | undefined;
  readonly training?: TrainingFacts | undefined;
  readonly accuracy?: MeasuredAccuracy | undefined;
  /** What it cannot do, one sentence each. */
  readonly limits?: readonly string[] | undefined;
}

/** The card as Markdown, with its front matter. */
export function modelCard(facts: CardFacts): string {
  const { name, training, accuracy } = facts;
  const parts = [
    frontMatter(facts),
    `# ${name}\n\n${summary(facts)}`,
    ...(accuracy ? [`## How good it is\n\n${accuracyText(accuracy)}`] : []),
    ...(facts.labels.length > 0 ? [`## What it knows\n\n${labelsText(facts.labels)}`] : []),
    ...(training ? [`## How it was trained\n\n${trainingText(training)}`] : []),
    `## Limits\n\n${limitsOf(facts)
      .map((limit) => `- ${limit}`)
      .join("\n")}`,
    loading(facts.layout, taskOf(facts)),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The hub's name of what a model does. One without labels has no head. */
type Task = "image-classification" | "image-feature-extraction";

const taskOf = ({ labels }: Pick<CardFacts, "labels">): Task =>
  labels.length > 0 ? "image-classification" : "image-feature-extraction";

/** JSON is YAML, with every text in quotes. */
function frontMatter(facts: CardFacts): string {
  const { name, architecture, layout, license, from, training, accuracy } = facts;
  const task = taskOf(facts);
  const value = (content: unknown): string => JSON.stringify(content);
  const lines = [
    ...(license ? [`license: ${value(license)}`] : []),
    `library_name: ${libraryOf(layout)}`,
    `pipeline_tag: ${task}`,
    `tags: ${value([task, "vision", "vitrine", architecture])}`,
    ...(training && isName(training.data) ? [`datasets: ${value([training.data])}`] : []),
    ...(from && isHubId(from) ? [`base_model: ${value(from)}`] : []),
    ...(accuracy
      ? [
          "metrics: [accuracy]",
          "model-index:",
          `- name: ${value(name)}`,
          "  results:",
          "  - task: {type: image-classification, name: Image classification}",
          `    dataset: {name: ${value(accuracy.data)}, type: ${value(accuracy.data)}, split: ${value(accuracy.judged)}}`,
          `    metrics: [{type: accuracy, name: Accuracy, value: ${accuracy.correct / accuracy.count}}]`,
        ]
      : []),
  ];
  return `---\n${lines.join("\n")}\n---`;
}

function libraryOf(layout: Layout): string {
  return layout === "timm" ? "timm" : "transformers";
}

/** Letters that the hub lets names have. */
function isName(text: string): boolean {
  return /^[\w.-]+$/.test(text);
}

/** `org/name`, and nothing that lies on a disk. */
function isHubId(reference: string): boolean {
  return /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(reference);
}

/** A number in the decimals of its kind. */
const share = (value: number): string => `${(100 * value).toFixed(2)} %`;
const grouped = (count: number): string => count.toLocaleString("en-US");

function summary({ architecture, parameters, inputSize, labels, from }: CardFacts): string {
  const began = from === undefined ? "" : ` Its training began with the weights of \`${from}\`.`;
  const what =
    labels.length > 0
      ? `A classifier of images into ${grouped(labels.length)} classes`
      : "Features of images, without a head";
  return `${what}: a variant of \`${architecture}\` with ${grouped(parameters)} parameters, for images of ${inputSize.slice(1).join(" × ")} pixels and ${inputSize[0]} channel${inputSize[0] === 1 ? "" : "s"}.${began}`;
}

function accuracyText({
  data,
  judged,
  correct,
  count,
  interval,
  loss,
  calibrationError,
  chosenBy,
}: MeasuredAccuracy): string {
  const caution = chosenBy
    ? "\n\nThe best epoch was chosen by the same images, so new images may fare a little worse."
    : "";
  return `| measured on | accuracy | 95 % interval | loss | calibration error |
|---|---|---|---|---|
| ${cell(data)}, ${grouped(count)} ${judged} | ${share(correct / count)} (${grouped(correct)} right) | ${interval.map(share).join(" to ")} | ${loss.toFixed(4)} | ${share(calibrationError)} |${caution}`;
}

/** Text in a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

/** More labels than this are counted, and stand in config.json. */
const listedLabels = 100;

function labelsText(labels: readonly string[]): string {
  if (labels.length > listedLabels)
    return `${grouped(labels.length)} classes, from ${labels[0]} to ${labels[labels.length - 1]}; \`config.json\` names them all.`;
  return labels.join(" · ");
}

function trainingText({ data, images, epochs, seconds, settings, environment }: TrainingFacts): string {
  const minutes = seconds < 90 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
  const facts = Object.entries(environment).map(([what, value]) => `${what} ${value}`);
  return `By vitrine, on ${grouped(images)} images of ${data}, for ${epochs} epoch${epochs === 1 ? "" : "s"} in ${minutes} (${facts.join(", ")}). \`recipe.json\`:

\`\`\`json
${JSON.stringify(settings, null, 2)}
\`\`\``;
}

function limitsOf({ limits, labels, accuracy, training }: CardFacts): readonly string[] {
  return [
    ...(limits ?? []),
    labels.length > 0
      ? `It always names one of its ${grouped(labels.length)} classes, whatever the image shows.`
      : "It names no classes: `npx vitrine train DATA --from THIS_FOLDER` gives it a head.",
    ...(training
      ? [`It has only seen images of ${training.data}; on others it may be much worse, and nobody has measured that.`]
      : []),
    ...(accuracy || labels.length === 0 ? [] : ["Nobody has measured its accuracy here."]),
  ];
}

const loadingTitle = "## How to load it";

/** How vitrine itself uses it. */
const used: Readonly<Record<Task, string>> = {
  "image-classification": `\`\`\`sh
npx vitrine classify IMAGE --model THIS_FOLDER
\`\`\`

\`\`\`ts
import { decodeImage, loadPretrained, nodeRuntime } from "vitrine";
import { classifier } from "vitrine/tasks";
const model = await classifier(await loadPretrained("THIS_FOLDER"), await nodeRuntime());
console.log(await model.classify([await decodeImage("IMAGE")]));
\`\`\``,
  "image-feature-extraction": `\`\`\`sh
npx vitrine train DATA --from THIS_FOLDER
\`\`\`

\`\`\`ts
import { loadPretrained } from "vitrine";
// What model.forward(images) gives are features [b, d].
const { model } = await loadPretrained("THIS_FOLDER");
\`\`\``,
};

function loading(layout: Layout, task: Task): string {
  const there = {
    timm: `\`\`\`python
import timm
model = timm.create_model("local-dir:THIS_FOLDER", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_data_config(model.pretrained_cfg))
\`\`\``,
    huggingface: `\`\`\`python
from transformers import AutoImageProcessor, AutoModelForImageClassification
model = AutoModelForImageClassification.from_pretrained("THIS_FOLDER").eval()
processor = AutoImageProcessor.from_pretrained("THIS_FOLDER")
\`\`\`

The processor's pixels are a grey level off here and there, since transformers 5 resizes with torchvision; with \`backend="pil"\` they are vitrine's. Either way it may cut the middle one pixel further up or left, where half a pixel is left over: no \`preprocessor_config.json\` can say otherwise. A model of one channel takes grey images (\`image.convert("L")\`).`,
  };
  const other = layout === "timm" ? "huggingface" : "timm";
  return `${loadingTitle}

${used[task]}

${there[layout]}

\`npx vitrine export THIS_FOLDER OUT --layout ${other}\` writes it for ${libraryOf(other)}, where that has this architecture; \`npx vitrine export THIS_FOLDER model.onnx\` for any ONNX engine.`;
}

/** A card for the same model in another layout: what differs is how it is loaded. */
export function cardForLayout(card: string, layout: Layout): string {
  const named = card.replace(/^library_name: .*$/m, `library_name: ${libraryOf(layout)}`);
  const at = named.indexOf(`\n${loadingTitle}`);
  if (at < 0) return named;
  const task = /^pipeline_tag: image-feature-extraction$/m.test(card)
    ? "image-feature-extraction"
    : "image-classification";
  const rest = named.slice(at + 1 + loadingTitle.length);
  const next = rest.search(/\n## /);
  return `${named.slice(0, at + 1)}${loading(layout, task)}\n${next < 0 ? "" : rest.slice(next)}`;
}
