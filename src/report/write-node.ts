/** Writes the report of a training run into its folder. Node only. */

import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { env } from "onnxruntime-common";
import type { Dataset } from "../data/datasets/dataset.ts";
import { preprocess } from "../data/preprocess.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import { modelCard } from "../pretrained/card.ts";
import { knownFacts, writeCard } from "../pretrained/card-node.ts";
import { OnnxClassifier } from "../pretrained/onnx-classifier.ts";
import { packageFolder } from "../pretrained/packaged-node.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { calibration, fitTemperature } from "../tasks/calibration.ts";
import { matchLabels } from "../tasks/evaluate.ts";
import { gridOf } from "../train/log-grid.ts";
import { readLog } from "../train/log-node.ts";
import { appendImage, appendValues, rewindTensorBoard } from "../train/log-tensorboard-node.ts";
import { readRun } from "../train/run-node.ts";
import { cardFacts } from "./card-facts.ts";
import type { ChoiceMade, DataFinding, ReportContent } from "./content.ts";
import { historyOf } from "./history.ts";
import { reportPage } from "./page.ts";
import { predictDataset } from "./predict-node.ts";
import { showMistakes } from "./show-mistakes-node.ts";
import { withoutCommonFolder } from "./text.ts";

/** The file inside a run's folder. */
export const reportName = "report.html";

/** What a report needs besides the folder's log and recipe. */
export interface ReportOptions {
  /** The model with the weights that were kept. */
  readonly pretrained: Pretrained;
  readonly train: Dataset;
  /** The pictures that the figures are of, what they are called (`validation images`), and whether the best epoch was chosen by them. */
  readonly judge: Dataset;
  readonly judged: string;
  readonly chosenBy: boolean;
  /** Pictures that the best epoch was chosen by, where there are any. */
  readonly validationImages?: number | undefined;
  readonly runtime: Runtime;
  /** The data set's name, the page's title. */
  readonly title: string;
  /** Whose weights the training began with. */
  readonly from?: string | undefined;
  readonly choices?: readonly ChoiceMade[] | undefined;
  readonly findings?: readonly DataFinding[] | undefined;
  /** Mistakes with pictures; default 12. */
  readonly shown?: number | undefined;
  /** Threads that decode pictures. */
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A report that was written. */
export interface WrittenReport {
  readonly path: string;
  readonly content: ReportContent;
}

/**
 * Judges the model of a run and writes into its folder: `report.html`, one page that needs no other file; the model's card, `README.md`; and
 * for TensorBoard the card and an image of the mistakes.
 * @throws {VitrineError} NOT_FOUND where the folder holds no run; DATA_PROBLEM where no picture can be read; INTERRUPTED; STORAGE_FAILURE.
 */
export async function writeReport(folder: string, options: ReportOptions): Promise<WrittenReport> {
  const content = await reportContent(folder, options);
  const path = join(folder, reportName);
  await writeFileAtomically(path, [new TextEncoder().encode(reportPage(content))]);
  const { pretrained } = options;
  // A card says how timm or transformers load the model; neither loads an imported graph.
  const isGraph = pretrained.model instanceof OnnxClassifier;
  const card = isGraph ? "" : modelCard({ ...knownFacts(pretrained), ...cardFacts(content) });
  if (!isGraph) await writeCard(folder, card);
  await logResult(folder, card, content, options);
  return { path, content };
}

/** The card and the most confident mistakes for TensorBoard, after the last step; what an earlier report logged there goes. */
async function logResult(
  folder: string,
  card: string,
  { mistakes, history }: ReportContent,
  { judge, pretrained: { preprocessing } }: ReportOptions,
): Promise<void> {
  const step = history.steps.at(-1)?.step ?? 0;
  rewindTensorBoard(folder, step);
  appendValues(folder, step + 1, [{ tag: "card", kind: "text", text: card }]);
  const first = mistakes.slice(0, 16);
  if (first.length === 0) return;
  const size = preprocessing.inputSize.reduce((product, side) => product * side, 1);
  const images = new Float32Array(first.length * size);
  for (const [i, { index }] of first.entries())
    images.set(preprocess((await judge.get(index)).image, preprocessing).data, i * size);
  const grid = gridOf({ images, shape: [first.length, ...preprocessing.inputSize] }, preprocessing);
  await appendImage(folder, step + 1, "mistakes", grid);
}

async function reportContent(folder: string, options: ReportOptions): Promise<ReportContent> {
  const { pretrained, train, judge, runtime, shown = 12 } = options;
  const { recipe, seed } = await readRun(folder);
  const { evaluation, answers, mistakes, unreadable } = await predictDataset(pretrained, judge, runtime, options);
  const events = readLog(folder);
  const bins = answers.labels.length < 500 ? 10 : 15;
  return {
    title: options.title,
    model: {
      name: pretrained.name,
      architecture: pretrained.architecture,
      parameters: pretrained.model.parameterCount(),
      inputSize: pretrained.preprocessing.inputSize,
      from: options.from,
    },
    data: {
      classes: pretrained.labels,
      trainCounts: countsOf(train, pretrained),
      judged: options.judged,
      chosenBy: options.chosenBy,
      validationImages: options.validationImages,
      findings: options.findings ?? [],
      unreadable: unique([...unreadable, ...events.flatMap((event) => (event.type === "skipped" ? [event] : []))]),
    },
    choices: options.choices ?? [],
    settings: { ...recipe, seed },
    history: historyOf(events),
    evaluation,
    calibration: calibration(answers, bins),
    temperature: fitTemperature(answers, bins),
    mistakes,
    shown: await showMistakes(mistakes.slice(0, shown), judge, pretrained, runtime),
    environment: environment(runtime),
  };
}

function countsOf(dataset: Dataset, pretrained: Pretrained): readonly number[] {
  const toLabel = matchLabels(dataset, pretrained);
  const counts = new Array<number>(pretrained.labels.length).fill(0);
  for (let i = 0; i < dataset.length; i++) counts[toLabel[dataset.labelOf(i)]!]!++;
  return counts;
}

/** Each file once: training comes across it in every epoch. */
function unique<T extends { readonly file: string; readonly reason: string }>(
  files: readonly T[],
): ReportContent["data"]["unreadable"] {
  const once = [...new Map(files.map(({ file, reason }) => [file, reason]))];
  const names = withoutCommonFolder(once.map(([file]) => file));
  return once.map(([, reason], i) => ({ file: names[i]!, reason }));
}

function environment({ device, threads }: Runtime): Readonly<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8")) as { version: string };
  return {
    vitrine: version,
    "ONNX Runtime": env.versions.common,
    "Node.js": process.versions.node,
    device: `${device}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    ...(cpus()[0] ? { processor: cpus()[0]!.model.trim() } : {}),
    date: new Date().toISOString().slice(0, 10),
  };
}
