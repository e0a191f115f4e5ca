/** Somebody else's image classifier from and to `.onnx` files. Node only. */

import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingToHuggingFace } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import { symbol } from "../graph/dim.ts";
import { readModelFile } from "../onnx/load-node.ts";
import { saveModel } from "../onnx/save-node.ts";
import { input, trace } from "../tensor/index.ts";
import { headFor, type ModelChanges, type NewHead } from "./assemble.ts";
import { labelsFor } from "./labels.ts";
import { OnnxClassifier } from "./onnx-classifier.ts";
import { labelsIn, onnxMetadata, preprocessingIn } from "./onnx-metadata.ts";
import type { Pretrained } from "./pretrained.ts";

/** What `config.json` says in `model_type` where the model is the graph beside it. */
export const onnxType = "onnx";
/** The graph's file in such a folder. */
export const onnxFile = "model.onnx";
const processorFile = "preprocessor_config.json";

/**
 * A classifier whose operators a file holds. How images are prepared says the file itself where it is one of ours, else `preprocessor_config.json` beside it.
 * @param path of the file
 * @param named labels from `config.json`, where the file is the model of a folder
 * @throws {VitrineError} NOT_FOUND where neither does; INVALID_ARGUMENT for changes that a graph does not allow; what `OnnxClassifier` throws.
 */
export async function loadOnnx(
  path: string,
  name: string,
  { newHead: asked, labels, resize, overrides = {} }: ModelChanges,
  named?: readonly string[],
): Promise<Pretrained<OnnxClassifier>> {
  // How often paths are dropped is a setting of every fine-tuning, and 0 asks for nothing.
  const changes = Object.entries(overrides).filter(([key, value]) => key !== "dropPath" || Number(value) > 0);
  if (changes.length > 0 || resize)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "an imported graph stays as it is",
      evidence: `asked for ${[...changes.map(([key]) => key), ...(resize ? ["another size of image"] : [])].join(", ")}`,
      place: path,
      next: "leave these settings out, or export the model again with them",
    });
  const model = await readModelFile(path);
  const inFile = preprocessingIn(model.metadata, path);
  // In a folder of its own the file beside it can be corrected by hand; elsewhere it may be another model's.
  const found = named ? ((await preprocessingBeside(path)) ?? inFile) : (inFile ?? (await preprocessingBeside(path)));
  const preprocessing = found ?? unprepared(path);
  const own = named ?? labelsIn(model.metadata);
  if (own?.length === 0 && asked === undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a graph that gives features has no classes",
      evidence: "it was exported from a model without a head",
      place: path,
      next: "`vitrine train DATA --from` the model that it was exported from gives that one a head",
    });
  const { inputSize } = preprocessing;
  const made = (head: NewHead | undefined): OnnxClassifier =>
    new OnnxClassifier(model, { inputSize, newHead: head?.labels.length, place: path });
  let newHead = headFor(asked, own);
  let classifier = made(newHead);
  if (asked && !classifier.head) {
    // What a graph ends with is no head that could learn alone.
    newHead = asked;
    classifier = made(newHead);
  }
  if (newHead) classifier.head!.initialize(newHead.seed);
  // Naming starts from the root.
  classifier.variables();
  return {
    name,
    architecture: onnxType,
    model: classifier,
    preprocessing,
    ...(newHead ? { labels: newHead.labels } : await labelsFor(classifier.config.labels, labels ?? own, path)),
    freshHead: newHead !== undefined,
  };
}

async function preprocessingBeside(path: string): Promise<Preprocessing | undefined> {
  const file = join(dirname(path), processorFile);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return preprocessingFromHuggingFace(JSON.parse(text), file);
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be JSON",
      evidence: String(cause),
      place: file,
      cause,
    });
  }
}

function unprepared(path: string): never {
  throw new VitrineError("NOT_FOUND", {
    rule: `this .onnx file does not say how images are prepared: ${processorFile} must lie beside it`,
    place: join(dirname(path), processorFile),
    next: `write it, such as ${example}, with the numbers that the model was trained with`,
  });
}

const example =
  '{"size": {"height": 224, "width": 224}, "resample": 2, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}';

/** The labels that a folder's `config.json` names. */
export function onnxLabels({ id2label }: { readonly id2label?: unknown }): readonly string[] | undefined {
  return typeof id2label === "object" && id2label !== null ? Object.values(id2label).map(String) : undefined;
}

/**
 * Writes `model.onnx`, `config.json` with the labels, and `preprocessor_config.json`, over older ones; the graph last.
 * @throws {VitrineError} STORAGE_FAILURE
 */
export async function saveOnnx(folder: string, pretrained: Pretrained): Promise<void> {
  const { model, labels, unnamedLabels, preprocessing } = pretrained;
  const { channels, imageSize } = model.config;
  const images = input("images", [symbol("b"), channels, ...imageSize]);
  const { result } = trace(() => model.forward(images));
  await mkdir(folder, { recursive: true });
  const id2label = unnamedLabels ? {} : { id2label: Object.fromEntries(labels.map((label, i) => [i, label])) };
  const files = {
    "config.json": { model_type: onnxType, ...id2label },
    [processorFile]: preprocessingToHuggingFace(preprocessing),
  };
  for (const [name, json] of Object.entries(files))
    await writeFileAtomically(join(folder, name), [
      new TextEncoder().encode(`${JSON.stringify(json, undefined, 2)}\n`),
    ]);
  const graph = { inputs: [images.value], outputs: new Map([["logits", result.value]]), updates: new Map() };
  await saveModel(join(folder, onnxFile), graph, { metadata: onnxMetadata({ labels, preprocessing }) });
}
