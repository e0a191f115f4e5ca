/** `vitrine export MODEL OUT`: the model in a form that others load. */

import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { evaluatorFor, traceGraph } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import type { EncodedModel } from "../../onnx/encode.ts";
import { saveModel } from "../../onnx/save-node.ts";
import { copyCard } from "../../pretrained/card-node.ts";
import { isMae } from "../../pretrained/mae-node.ts";
import { OnnxClassifier } from "../../pretrained/onnx-classifier.ts";
import { onnxMetadata } from "../../pretrained/onnx-metadata.ts";
import type { Pretrained } from "../../pretrained/pretrained.ts";
import { type Layout, layoutFor, savePretrained } from "../../pretrained/save-node.ts";
import { rewriteForInference } from "../../rewrite/index.ts";
import { inHalf } from "../../weights/half.ts";
import { saveSafetensors } from "../../weights/safetensors-node.ts";
import { type Context, stopIfTold } from "../context.ts";
import { loadModel, type ModelOptions } from "../model.ts";
import { byteSize, grouped } from "../numbers.ts";
import { checkOutputs, savedFiles } from "../output-files.ts";
import { wordsFolder } from "../words.ts";
import { exportWords, exportWordsFolder } from "./export-words.ts";

export interface ExportOptions extends ModelOptions {
  readonly layout?: Layout | undefined;
  readonly force: boolean;
  readonly half: boolean;
}

/** Writes OUT: a graph for `.onnx`, weights for `.safetensors`, a folder for a name without an ending. */
export async function exportVerb(
  context: Context,
  [reference, out]: readonly [string, string],
  { arch, layout, force, half }: ExportOptions,
): Promise<undefined> {
  const form = formOf(out);
  if (layout !== undefined && form !== "folder")
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--layout is for folders only",
      evidence: `got ${layout} for ${out}`,
    });
  if (half && form === "onnx")
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--half is for weights alone and for folders",
      evidence: `got ${out}`,
    });
  if (form !== "folder") await checkOutputs(form === "onnx" ? [out, `${out}.data`] : [out], force);
  const words = arch === undefined ? await wordsFolder(context, reference) : undefined;
  if (words) {
    if (form === "folder" && layout === undefined)
      return exportWordsFolder(context, words, out, { half, replace: force });
    if (form !== "onnx") throw noWordsForm(words.name, out);
    return exportWords(context, words, out);
  }
  const pretrained = await loadModel(context, reference, { arch });
  stopIfTold(context);
  const { model, preprocessing } = pretrained;
  let document: Record<string, unknown> = { model: pretrained.name, path: out, form };
  let written = out;
  let next: string;
  if (form === "onnx") {
    const encoded = await writeOnnx(context, pretrained, out);
    const files = await savedFiles(out, encoded);
    const { name, shape: sizes } = encoded.outputs[0]!;
    const shape = sizes.map((size) => (typeof size === "number" ? size : "b"));
    document = {
      ...document,
      input: { images: ["b", ...preprocessing.inputSize] },
      output: { [name]: shape },
      files: files.list,
    };
    written = files.text;
    next = `input images [b, ${preprocessing.inputSize.join(", ")}] float32, output ${name} [${shape.join(", ")}]; any ONNX engine runs it`;
  } else if (form === "safetensors") {
    const tensors = new Map([...model.variables()].map(([name, { data }]) => [name, data]));
    await saveSafetensors(out, half ? inHalf(tensors) : tensors, [["format", "pt"]]);
    written = `${out} (${byteSize((await stat(out)).size)})`;
    const names = model instanceof OnnxClassifier ? "the names that the graph has for them" : "timm's names";
    next = `weights alone, under ${names}; a folder (\`vitrine export MODEL DIR\`) says the architecture as well`;
  } else if (model instanceof OnnxClassifier) {
    await savePretrained(out, pretrained, { layout, replace: force, half });
    next = "an imported graph: model.onnx is for any ONNX engine, the folder for this package";
  } else {
    const chosen = layoutFor(pretrained, layout);
    await savePretrained(out, pretrained, { layout: chosen, replace: force, half });
    await copyCard(reference, out, pretrained, chosen);
    document = { ...document, layout: chosen };
    next =
      chosen === "timm"
        ? `timm loads it: timm.create_model("local-dir:${out}", pretrained=True)`
        : `transformers loads it: AutoModelForImageClassification.from_pretrained("${out}")`;
  }
  if (await isMae(reference, { arch })) next = `the encoder of the autoencoder, without its decoder\n${next}`;
  context.terminal.result(
    { ...document, parameters: model.parameterCount() },
    `${written}: ${pretrained.name}, ${grouped(model.parameterCount())} parameters\n${next}`,
  );
  return undefined;
}

function noWordsForm(name: string, out: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "a model of words is exported as .onnx or into a folder, which has one form only",
    evidence: `got ${out} for ${name}`,
  });
}

type Form = "onnx" | "safetensors" | "folder";

function formOf(out: string): Form {
  const ending = extname(out);
  if (ending === ".onnx") return "onnx";
  if (ending === ".safetensors") return "safetensors";
  // A version in a folder's name (`model-1.2`) is no ending.
  if (ending === "" || /^\.\d+$/.test(ending)) return "folder";
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "a model is exported as .onnx, .safetensors, or into a folder",
    evidence: `got ${out}`,
  });
}

/** Without operators that only ONNX Runtime has, so that any engine runs it. A model without a head ends with `features`, others with `logits`. */
async function writeOnnx(context: Context, pretrained: Pretrained, path: string): Promise<EncodedModel> {
  const { model, name } = pretrained;
  const { channels, imageSize, labels } = model.config;
  const output = labels > 0 ? "logits" : "features";
  const { graph } = traceGraph(({ images }) => ({ [output]: model.forward(images) }), {
    images: ["b", channels, ...imageSize],
  });
  const small = await rewriteForInference(graph, { evaluate: evaluatorFor(await context.runtime()), fuse: false });
  const metadata = new Map([["model", name], ...onnxMetadata(pretrained)]);
  stopIfTold(context);
  return saveModel(path, small, { metadata });
}
