/** `vitrine export MODEL OUT` for a model of words: of a GPT one step with its cache as `.onnx`, as other engines feed it; any into a folder. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { evaluatorFor } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { saveModel } from "../../onnx/save-node.ts";
import { type CopyOptions, copyLanguage } from "../../pretrained/copy-language-node.ts";
import { loadLanguageModel } from "../../pretrained/language-node.ts";
import { rewriteForInference } from "../../rewrite/index.ts";
import { gpt2OnnxGraph } from "../../tasks/decode/gpt2-onnx.ts";
import { type Context, stopIfTold } from "../context.ts";
import { byteSize, grouped } from "../numbers.ts";
import { savedFiles } from "../output-files.ts";

/**
 * Writes the graph and says how it is fed.
 * @throws {VitrineError} INVALID_ARGUMENT for a model of words that is no GPT; whatever loading and writing throw.
 */
export async function exportWords(
  context: Context,
  { name, folder }: { readonly name: string; readonly folder: string },
  out: string,
): Promise<undefined> {
  const model = await loadLanguageModel(folder);
  if (!(model instanceof Gpt2))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "of the models of words a GPT can be exported as .onnx",
      evidence: `got a ${model.constructor.name}`,
      place: name,
    });
  const evaluate = evaluatorFor(await context.runtime());
  // Without operators that only ONNX Runtime has, so that any engine runs it.
  const graph = await rewriteForInference(gpt2OnnxGraph(model), { evaluate, fuse: false });
  stopIfTold(context);
  const files = await savedFiles(out, await saveModel(out, graph, { metadata: new Map([["model", name]]) }));
  const { words, depth, heads, width } = model.config;
  const past = ["b", heads, "c", width / heads];
  const input = {
    input_ids: ["b", "n"],
    attention_mask: ["b", "c + n"],
    "past_key_values.I.key": past,
    "past_key_values.I.value": past,
  };
  const present = ["b", heads, "c + n", width / heads];
  const output = { logits: ["b", 1, words], "present.I.key": present, "present.I.value": present };
  const parameters = model.parameterCount();
  context.terminal.result(
    { model: name, path: out, form: "onnx", input, output, layers: depth, parameters, files: files.list },
    [
      `${files.text}: ${name}, ${grouped(parameters)} parameters`,
      `inputs   input_ids [b, n], attention_mask [b, c + n] int64; past_key_values.I.key and .value [${past.join(", ")}] float32, I from 0 to ${depth - 1}`,
      `outputs  logits [b, 1, ${words}] of the word after the last; present.I.key and .value [${present.join(", ")}]`,
      "begin with c = 0; then feed present as past_key_values, and one word at a time",
    ].join("\n"),
  );
  return undefined;
}

/** Writes the model with its tokenizer and card into another folder. */
export async function exportWordsFolder(
  context: Context,
  { name, folder }: { readonly name: string; readonly folder: string },
  out: string,
  options: CopyOptions,
): Promise<undefined> {
  const parameters = await copyLanguage(folder, out, options);
  const { size } = await stat(join(out, "model.safetensors"));
  context.terminal.result(
    { model: name, path: out, form: "folder", parameters },
    `${out} (weights ${byteSize(size)}): ${name}, ${grouped(parameters)} parameters`,
  );
  return undefined;
}
