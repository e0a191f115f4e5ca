/** `vitrine/web` as a page uses it. */

import { classifier, type Prediction } from "../../src/tasks/index.ts";
import {
  decodeImage,
  type LoadWebOptions,
  loadPretrained,
  softmax,
  tensor,
  useRuntime,
  webRuntime,
} from "../../src/web.ts";

const wasm = webRuntime({ wasmUrl: "/ort/ort-wasm-simd-threaded.wasm" });

async function readTensor(): Promise<readonly number[]> {
  useRuntime(() => wasm);
  return [...((await softmax(tensor([0, Math.log(3)], [2])).array()).data as Float32Array)];
}

export interface Answers {
  readonly logits: readonly number[];
  readonly predictions: readonly (readonly Prediction[])[];
}

/** Answers of the model at an address to the pictures at others (a JSON list). */
async function classify(model: string, options: string, pictures: string): Promise<Answers> {
  const pretrained = await loadPretrained(model, JSON.parse(options) as LoadWebOptions);
  const images = await Promise.all(
    (JSON.parse(pictures) as readonly string[]).map(async (url) =>
      decodeImage(await (await fetch(url)).blob(), { orientation: "ignore" }),
    ),
  );
  const answering = await classifier(pretrained, await wasm);
  const { data } = await answering.logits(images);
  return { logits: [...(data as Float32Array)], predictions: await answering.classify(images) };
}

const refuse = (model: string, options: string): Promise<string> =>
  loadPretrained(model, JSON.parse(options) as LoadWebOptions).then(
    () => "loaded",
    (error: Error) => error.message,
  );

Object.assign(globalThis, { checks: { readTensor, classify, refuse } });
