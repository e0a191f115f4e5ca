/** A session of ONNX Runtime, the same in Node and browser. */

import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-common";
import { VitrineError } from "../errors.ts";
import { allocate, type DType, type NdArray, sizeOf, type TypedArray } from "../graph/dtype.ts";
import {
  checkNames,
  type DeviceTensor,
  type Fetches,
  fetchNames,
  isDeviceTensor,
  type RunArray,
  type Session,
} from "./runtime.ts";

/** What differs between the builds of the engine. */
export interface OrtTraits {
  readonly Tensor: TensorConstructor;
  /** Whether results can be written into given arrays; the WebAssembly build ignores them and leaves stale numbers. */
  readonly writesInPlace: boolean;
  /** Brings a device's tensor to the host, where the engine's own way is not to be used. */
  readonly download?: ((tensor: Tensor) => Promise<Tensor>) | undefined;
}

/** Wraps a loaded session of the engine. */
export class OrtSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: InferenceSession;
  readonly #traits: OrtTraits;

  constructor(session: InferenceSession, traits: OrtTraits) {
    this.#session = session;
    this.#traits = traits;
    this.inputNames = session.inputNames;
    this.outputNames = session.outputNames;
  }

  async run(feeds: ReadonlyMap<string, RunArray>, fetches?: Fetches): Promise<ReadonlyMap<string, RunArray>> {
    const wanted = fetches ?? this.outputNames;
    const names = fetchNames(wanted);
    checkNames(this, feeds, names);
    const given = wanted instanceof Map ? (wanted as ReadonlyMap<string, NdArray | undefined>) : undefined;
    const ortFeeds: Record<string, Tensor> = {};
    for (const [name, array] of feeds) ortFeeds[name] = this.#toTensor(name, array);
    const written = new Map<string, NdArray>();
    if (this.#traits.writesInPlace)
      for (const [name, target] of given ?? []) if (target && !isShared(target.data)) written.set(name, target);
    const ortFetches: Record<string, Tensor | null> = {};
    for (const name of names) {
      const target = written.get(name);
      ortFetches[name] = target ? this.#toTensor(name, target) : null;
    }
    let results: InferenceSession.ReturnType;
    try {
      // What goes wrong is thrown; the engine need not print it as well.
      results = await this.#session.run(ortFeeds, ortFetches, { logSeverityLevel: 4 });
    } catch (cause) {
      throw engineError("run", cause);
    }
    const arrays = new Map<string, RunArray>();
    for (const name of names)
      arrays.set(name, written.get(name) ?? this.#fromTensor(results[name] as Tensor, given?.get(name)));
    return arrays;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }

  #toTensor(name: string, array: RunArray): Tensor {
    if (isDeviceTensor(array)) {
      if (array instanceof OrtDeviceTensor) return array.tensor;
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "run: a device tensor can only be fed to the runtime that made it",
        place: name,
      });
    }
    if (array.dtype === "bfloat16")
      throw new VitrineError("DTYPE_MISMATCH", {
        rule: "run: the engine takes no bfloat16 inputs or outputs",
        place: name,
        next: "feed float32 and cast inside the graph",
      });
    if (array.data.length !== sizeOf(array.shape))
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: `run: shape [${array.shape.join(", ")}] has ${sizeOf(array.shape)} elements`,
        evidence: `got ${array.data.length}`,
        place: name,
      });
    const data = isShared(array.data) ? copyOf(array) : array.data;
    return new this.#traits.Tensor(array.dtype, halfBits(array.dtype, data), array.shape);
  }

  #fromTensor(tensor: Tensor, given: NdArray | undefined): RunArray {
    if (tensor.location === "gpu-buffer") return new OrtDeviceTensor(tensor, this.#traits.download);
    const data = tensor.data as TypedArray;
    if (!given) return hostArray(tensor, data);
    given.data.set(hostArray(tensor, data).data as never);
    return given;
  }
}

/** The engine refuses memory that threads share. */
function isShared({ buffer }: TypedArray): boolean {
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}

function copyOf({ dtype, data }: NdArray): TypedArray {
  const copy = allocate(dtype, data.length);
  copy.set(data as never);
  return copy;
}

/**
 * Where JavaScript has `Float16Array`, the engine takes and gives that instead of the bits; the memory is the same.
 * @source onnxruntime-common, lib/tensor-impl-type-mapping.ts.
 */
function halfBits(dtype: DType, data: TypedArray): Tensor.DataType {
  const Float16 = (globalThis as { Float16Array?: new (b: ArrayBufferLike, o: number, n: number) => Uint16Array })
    .Float16Array;
  if (dtype === "float16" && Float16 && data instanceof Uint16Array)
    return new Float16(data.buffer, data.byteOffset, data.length);
  return data as Tensor.DataType;
}

function hostArray(tensor: Tensor, data: TypedArray): NdArray {
  const dtype = tensor.type as DType;
  const bits =
    dtype === "float16" && !(data instanceof Uint16Array)
      ? new Uint16Array((data as TypedArray).buffer, (data as TypedArray).byteOffset, (data as TypedArray).length)
      : data;
  return { dtype, shape: tensor.dims, data: bits };
}

class OrtDeviceTensor implements DeviceTensor {
  readonly kind = "device";
  readonly tensor: Tensor;
  readonly #download: OrtTraits["download"];

  constructor(tensor: Tensor, download: OrtTraits["download"]) {
    this.tensor = tensor;
    this.#download = download;
  }

  get dtype(): DType {
    return this.tensor.type as DType;
  }

  get shape(): readonly number[] {
    return this.tensor.dims;
  }

  async download(): Promise<NdArray> {
    if (!this.#download) return hostArray(this.tensor, (await this.tensor.getData()) as TypedArray);
    const onHost = await this.#download(this.tensor);
    return hostArray(onHost, onHost.data as TypedArray);
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/** The engine's error with the node it names, whose name is the path of the module and the operator. */
export function engineError(action: "load" | "run", cause: unknown): VitrineError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const node = /Name: ?'([^']+)'/.exec(message)?.[1] ?? /Node ?\(([^)]+)\)/.exec(message)?.[1];
  return new VitrineError("RUNTIME_FAILURE", {
    rule: action === "load" ? "the engine could not load the graph" : "the engine failed while running the graph",
    evidence: withoutSource(message),
    place: node,
    cause,
  });
}

/** The engine's message without the place in its own source, the function there and the condition: `/…/x.cc:136 f() a == b was false. `. */
function withoutSource(message: string): string {
  return message
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\S+\.(?:cc|h):\d+ .*? was false\. /g, "")
    .trim();
}
