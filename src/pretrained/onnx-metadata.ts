/**
 * What our `.onnx` files say besides their graph, as entries of `metadata_props`: `labels`, and how images are prepared, in the words of Hugging Face
 * (`preprocessor_config`) or, where those have none for it, of timm (`pretrained_cfg`).
 */

import type { Preprocessing } from "../data/preprocess.ts";
import {
  preprocessingFromHuggingFace,
  preprocessingFromTimm,
  preprocessingToHuggingFace,
  preprocessingToTimm,
} from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import type { Pretrained } from "./pretrained.ts";

type Metadata = ReadonlyMap<string, string>;

const forms = [
  { key: "preprocessor_config", write: preprocessingToHuggingFace, read: preprocessingFromHuggingFace },
  { key: "pretrained_cfg", write: preprocessingToTimm, read: preprocessingFromTimm },
] as const;

/** The entries that `labelsIn` and `preprocessingIn` read. A preprocessing that neither form has words for is left out. */
export function onnxMetadata({
  labels,
  unnamedLabels,
  preprocessing,
}: Pick<Pretrained, "labels" | "unnamedLabels" | "preprocessing">): Metadata {
  const entries = new Map(unnamedLabels ? [] : [["labels", JSON.stringify(labels)]]);
  for (const { key, write } of forms) {
    const json = expressed(() => write(preprocessing));
    if (json) return entries.set(key, JSON.stringify(json));
  }
  return entries;
}

/** Labels, where the file names them. */
export function labelsIn(metadata: Metadata): readonly string[] | undefined {
  const found = parsed(metadata.get("labels"));
  return Array.isArray(found) && found.every((one) => typeof one === "string") ? found : undefined;
}

/**
 * How images are prepared, where the file says it.
 * @throws {VitrineError} INVALID_FILE for an entry with settings out of range
 */
export function preprocessingIn(metadata: Metadata, place: string): Preprocessing | undefined {
  for (const { key, read } of forms) {
    const found = parsed(metadata.get(key));
    if (found !== undefined) return read(found, `${place}: ${key}`);
  }
  return undefined;
}

/** An entry of somebody else's that is no JSON says nothing. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function expressed<T>(write: () => T): T | undefined {
  try {
    return write();
  } catch (error) {
    if (error instanceof VitrineError) return undefined;
    throw error;
  }
}
