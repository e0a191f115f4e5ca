/** What runs graphs: a runtime opens sessions on models, a session turns arrays into arrays. */

import { VitrineError } from "../errors.ts";
import type { DType, NdArray } from "../graph/dtype.ts";
import type { EncodedModel } from "../onnx/encode.ts";

/** Where numbers are computed. */
export type Device = "cpu" | "wasm" | "webgpu" | "cuda";

/** An array in a device's memory, as a session left it there; it can be fed to sessions of the same runtime. */
export interface DeviceTensor {
  readonly kind: "device";
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A copy on the host. */
  download(): Promise<NdArray>;
  /** Frees the device's memory; it cannot be used afterwards. */
  dispose(): void;
}

/** What a session takes and gives. */
export type RunArray = NdArray | DeviceTensor;

/** What to compute: names, or names with arrays that the results are written into where the device can (`undefined`: a new array). */
export type Fetches = readonly string[] | ReadonlyMap<string, NdArray | undefined>;

/** The part of an encoded model that an engine needs. */
export type RunnableModel = Pick<EncodedModel, "chunks" | "files">;

/** How a model is loaded. */
export interface SessionOptions {
  /**
   * Whether memory is planned ahead for the input sizes last seen (default). Off for training steps, where the plan costs more memory
   * than it saves time.
   */
  readonly memoryPattern?: boolean;
  /** Outputs that stay in the memory of a WebGPU device, as `DeviceTensor`s. Other devices have no such memory to keep them in. */
  readonly keepOnDevice?: readonly string[];
  /** How far the engine rewrites the graph when it loads it; default `all`. */
  readonly optimization?: "disabled" | "basic" | "extended" | "all";
  /** Writes the engine's time per node to `<prefix>_<date>.json` (Chrome's trace format) when the session is disposed. Node only. */
  readonly profilePrefix?: string;
}

/** A model that is loaded and ready. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Computes outputs; without `fetches`, all of them. A given array that was written in place is itself the result under its name.
   * @throws {VitrineError} INVALID_ARGUMENT for unknown names and missing feeds, RUNTIME_FAILURE when the engine fails.
   */
  run(feeds: ReadonlyMap<string, RunArray>, fetches?: Fetches): Promise<ReadonlyMap<string, RunArray>>;
  dispose(): Promise<void>;
}

/** An engine on one device. */
export interface Runtime {
  readonly device: Device;
  /** Worker threads of the engine, 1 where it has none. */
  readonly threads: number;
  /** @throws {VitrineError} RUNTIME_FAILURE when the engine refuses the model. */
  createSession(model: RunnableModel, options?: SessionOptions): Promise<Session>;
}

/** True for arrays in a device's memory. */
export function isDeviceTensor(array: RunArray): array is DeviceTensor {
  return "kind" in array;
}

/** The array on the host: itself, or a download. */
export function toHost(array: RunArray): NdArray | Promise<NdArray> {
  return isDeviceTensor(array) ? array.download() : array;
}

/** The names of what to compute. */
export function fetchNames(fetches: Fetches): readonly string[] {
  return fetches instanceof Map ? [...fetches.keys()] : (fetches as readonly string[]);
}

/**
 * Checks the names of feeds and fetches against a session.
 * @throws {VitrineError} INVALID_ARGUMENT naming what is missing or unknown.
 */
export function checkNames(
  session: Pick<Session, "inputNames" | "outputNames">,
  feeds: ReadonlyMap<string, unknown>,
  fetches: readonly string[],
): void {
  const list = (names: readonly string[]): string => names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
  const inputs = new Set(session.inputNames);
  const outputs = new Set(session.outputNames);
  const missing = session.inputNames.filter((name) => !feeds.has(name));
  const unknown = [...feeds.keys()].filter((name) => !inputs.has(name));
  const unknownOutputs = fetches.filter((name) => !outputs.has(name));
  if (missing.length > 0 || unknown.length > 0 || unknownOutputs.length > 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "run: every input must be fed, and only inputs and outputs of the model named",
      evidence: [
        missing.length > 0 ? `missing inputs ${list(missing)}` : "",
        unknown.length > 0 ? `unknown inputs ${list(unknown)}` : "",
        unknownOutputs.length > 0 ? `unknown outputs ${list(unknownOutputs)}` : "",
      ]
        .filter((text) => text !== "")
        .join("; "),
      next: `inputs are ${list(session.inputNames)}; outputs are ${list(session.outputNames)}`,
    });
}
