/** A model ready for use from an address: what `loadPretrained` is where there is no disk. */

import { VitrineError } from "../errors.ts";
import { memoryBytes } from "../weights/byte-source.ts";
import { safetensorsSource } from "../weights/safetensors.ts";
import type { WeightSource } from "../weights/source.ts";
import { assemble, assembleNamed, folderPreprocessing, type ModelChanges, requireArchitecture } from "./assemble.ts";
import { readConfigFile } from "./config-file.ts";
import type { Pretrained } from "./pretrained.ts";

/** What the address alone does not say. */
export interface LoadWebOptions extends ModelChanges {
  /** The architecture of a weights file, in timm's name; folders say it themselves. */
  readonly arch?: string | undefined;
  /** Stops the download, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A model with its weights, preprocessing and labels.
 * @param address of a folder with `config.json` (timm's or Hugging Face's keys) and `model.safetensors`, as `vitrine train` and the hub have
 * them (`https://huggingface.co/REPOSITORY/resolve/main`), or of a safetensors file, then with `arch`; may be relative to the page
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSAFE_FILE, WEIGHTS_MISMATCH or DOWNLOAD_FAILURE, saying what to do.
 */
export async function loadPretrained(address: string | URL, options: LoadWebOptions = {}): Promise<Pretrained> {
  const url = new URL(address, globalThis.location?.href);
  if (url.pathname.endsWith(".safetensors")) {
    const arch = requireArchitecture(options.arch, url.href, "give the option arch");
    return assembleNamed(arch, await weights(url, options), options);
  }
  const folder = url.pathname.replace(/\/$/, "");
  const beside = (file: string): URL => new URL(`${folder}/${file}`, url);
  const [configUrl, preprocessorUrl] = [beside("config.json"), beside("preprocessor_config.json")];
  const config = await readConfigFile(await json(configUrl, options), configUrl.href);
  const prepared = await json(preprocessorUrl, options, "optional");
  const preprocessing = folderPreprocessing(prepared, preprocessorUrl.href, config);
  const source = await weights(beside("model.safetensors"), options);
  return assemble(folder.split("/").at(-1)!, config, preprocessing, source, options);
}

async function weights(url: URL, options: LoadWebOptions): Promise<WeightSource> {
  const bytes = (await download(url, options, (answer) => answer.arrayBuffer()))!;
  return safetensorsSource(memoryBytes(new Uint8Array(bytes), url.href));
}

/** A parsed file; undefined where an optional one is not there. */
async function json(url: URL, options: LoadWebOptions, needed?: "optional"): Promise<unknown> {
  const text = await download(url, options, (answer) => answer.text(), needed);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be JSON",
      evidence: (cause as Error).message,
      place: url.href,
      cause,
    });
  }
}

async function download<T>(
  url: URL,
  { signal }: LoadWebOptions,
  read: (answer: Response) => Promise<T>,
  needed?: "optional",
): Promise<T | undefined> {
  try {
    const answer = await fetch(url, signal ? { signal } : {});
    if (answer.ok) return await read(answer);
    if (answer.status === 404 && needed === "optional") return undefined;
    throw new VitrineError(answer.status === 404 ? "NOT_FOUND" : "DOWNLOAD_FAILURE", {
      rule: "the address must serve the file",
      evidence: `the server answered ${answer.status}`,
      place: url.href,
      next: "a model's folder has config.json and model.safetensors",
    });
  } catch (cause) {
    if (cause instanceof VitrineError || signal?.aborted) throw cause;
    throw new VitrineError("DOWNLOAD_FAILURE", {
      rule: "the file must be downloaded whole",
      evidence: (cause as Error).message,
      place: url.href,
      next: "check the address, and that its server lets this page read it (CORS)",
      cause,
    });
  }
}
