/** ONNX Runtime in Node: CPU, WebGPU (through Dawn) and CUDA. */

import type { InferenceSession } from "onnxruntime-common";
import { VitrineError } from "../errors.ts";
import { joinChunks } from "../onnx/encode.ts";
import { downloader } from "./download-node.ts";
import { engineError, OrtSession, type OrtTraits } from "./ort-session.ts";
import { probe } from "./probe.ts";
import type { RunnableModel, Runtime, Session, SessionOptions } from "./runtime.ts";
import { availableCores } from "./threads-node.ts";
import { webgpuProvider } from "./webgpu-faults.ts";

/** Devices that onnxruntime-node can offer. */
export type NodeDevice = "cpu" | "webgpu" | "cuda";

/** Which device of onnxruntime-node, and how many threads. */
export interface NodeRuntimeOptions {
  /** Default `cpu`. */
  readonly device?: NodeDevice;
  /** Threads that share one operator; default: the cores that this process may use. */
  readonly threads?: number;
  /** Whether idle threads wait in a loop: a little faster when nothing else runs, much slower otherwise. Default false. */
  readonly spinning?: boolean;
}

const remedies = {
  webgpu: "install a Vulkan, Metal or Direct3D 12 driver, or use the device cpu",
  cuda: "install CUDA 12 with cuDNN 9 and onnxruntime-node with its CUDA files, or use the device cpu",
} as const;

type Engine = typeof import("onnxruntime-node");

/**
 * The engine in this process.
 * @throws {VitrineError} NOT_AVAILABLE when the package or the device is missing. Never falls back to another device.
 */
export async function nodeRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const { device = "cpu", threads = availableCores(), spinning = false } = options;
  const engine = await loadEngine();
  const executionProviders = [device];
  const download =
    device === "webgpu"
      ? downloader((model) => engine.InferenceSession.create(model, { executionProviders, logSeverityLevel: 4 }))
      : undefined;
  const runtime: Runtime = {
    device,
    threads,
    createSession: (model, sessionOptions = {}) =>
      createSession(engine, model, { device, threads, spinning, download }, sessionOptions),
  };
  if (device !== "cpu") await probe(runtime, remedies[device]);
  return runtime;
}

async function loadEngine(): Promise<Engine> {
  // Read by the native library when it is loaded.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    const engine = await import("onnxruntime-node");
    engine.env.logLevel = "fatal";
    return engine;
  } catch (cause) {
    throw new VitrineError("NOT_AVAILABLE", {
      rule: "the package onnxruntime-node must be installed and have a build for this platform",
      evidence: `${process.platform}-${process.arch}: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      next: "run `npm install onnxruntime-node`, or use the device wasm",
      cause,
    });
  }
}

async function createSession(
  engine: Engine,
  model: RunnableModel,
  { device, threads, spinning, download }: Required<NodeRuntimeOptions> & Pick<OrtTraits, "download">,
  options: SessionOptions,
): Promise<Session> {
  const { memoryPattern = true, optimization = "all", profilePrefix, keepOnDevice = [] } = options;
  const bytes = joinChunks(model.chunks);
  const externalData = model.files.map((file) => ({ path: file.location, data: joinChunks(file.chunks) }));
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [device === "webgpu" ? webgpuProvider(bytes) : device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimization,
    enableMemPattern: memoryPattern,
    // The engine's errors are thrown; printing them as well would only repeat them.
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" } } },
    ...(externalData.length > 0 && { externalData }),
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    ...(device === "webgpu" &&
      keepOnDevice.length > 0 && {
        preferredOutputLocation: Object.fromEntries(keepOnDevice.map((name) => [name, "gpu-buffer" as const])),
      }),
  };
  try {
    const session = await engine.InferenceSession.create(bytes, settings);
    return new OrtSession(session, { Tensor: engine.Tensor, writesInPlace: device === "cpu", download });
  } catch (cause) {
    throw engineError("load", cause);
  }
}
