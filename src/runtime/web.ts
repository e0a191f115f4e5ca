/** ONNX Runtime as WebAssembly, with or without WebGPU: in browsers, and the former in Node too. */

import type { InferenceSession } from "onnxruntime-common";
import { VitrineError } from "../errors.ts";
import { joinChunks } from "../onnx/encode.ts";
import { engineError, OrtSession } from "./ort-session.ts";
import { probe } from "./probe.ts";
import type { RunnableModel, Runtime, Session, SessionOptions } from "./runtime.ts";
import { webgpuProvider } from "./webgpu-faults.ts";

/** Devices that onnxruntime-web can offer. */
export type WebDevice = "wasm" | "webgpu";

/** Which device of onnxruntime-web, and where its binary is served. */
export interface WebRuntimeOptions {
  /** Default `wasm`. */
  readonly device?: WebDevice;
  /** Threads of the WebAssembly engine, counted once per page; default: all cores where the page is cross-origin isolated, else 1. */
  readonly threads?: number;
  /** Where the engine's `.wasm` file is served; default: beside the engine's script. */
  readonly wasmUrl?: string;
}

type Engine = typeof import("onnxruntime-web");

/**
 * The engine in this page or process.
 * @throws {VitrineError} NOT_AVAILABLE when the package or the device is missing. Never falls back to another device.
 */
export async function webRuntime(options: WebRuntimeOptions = {}): Promise<Runtime> {
  const { device = "wasm", threads = defaultThreads(), wasmUrl } = options;
  if (device === "webgpu") await requireAdapter();
  const engine = await loadEngine(device);
  engine.env.logLevel = "fatal";
  engine.env.wasm.numThreads = threads;
  if (wasmUrl !== undefined) engine.env.wasm.wasmPaths = { wasm: wasmUrl };
  const runtime: Runtime = {
    device,
    threads: device === "wasm" ? threads : 1,
    createSession: (model, sessionOptions = {}) => createSession(engine, model, device, sessionOptions),
  };
  await probe(
    runtime,
    device === "webgpu"
      ? "use a browser with WebGPU on, or the device wasm"
      : "check that the engine's .wasm file is served (option wasmUrl)",
  );
  return runtime;
}

function isNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}

function defaultThreads(): number {
  return !isNode() && globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}

async function requireAdapter(): Promise<void> {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(): Promise<object | null> } } | undefined)?.gpu;
  if ((await gpu?.requestAdapter()) ?? null) return;
  throw new VitrineError("NOT_AVAILABLE", {
    rule: "the device webgpu must be offered by the browser",
    evidence: gpu ? "there is no adapter" : "navigator.gpu is missing",
    next: "use a browser with WebGPU on a page served over https or from localhost, or the device wasm",
  });
}

async function loadEngine(device: WebDevice): Promise<Engine> {
  try {
    // In Node only the package's main entry reads its files from the disk.
    if (isNode()) return await import("onnxruntime-web");
    return (
      device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm")
    ) as Engine;
  } catch (cause) {
    throw new VitrineError("NOT_AVAILABLE", {
      rule: "the package onnxruntime-web must be installed",
      evidence: cause instanceof Error ? cause.message : String(cause),
      next: "run `npm install onnxruntime-web`",
      cause,
    });
  }
}

async function createSession(
  engine: Engine,
  model: RunnableModel,
  device: WebDevice,
  options: SessionOptions,
): Promise<Session> {
  const { memoryPattern = true, optimization = "all", keepOnDevice = [] } = options;
  const bytes = joinChunks(model.chunks);
  const externalData = model.files.map((file) => ({ path: file.location, data: joinChunks(file.chunks) }));
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [device === "webgpu" ? webgpuProvider(bytes) : device],
    graphOptimizationLevel: optimization,
    enableMemPattern: memoryPattern,
    logSeverityLevel: 4,
    ...(externalData.length > 0 && { externalData }),
    ...(device === "webgpu" &&
      keepOnDevice.length > 0 && {
        preferredOutputLocation: Object.fromEntries(keepOnDevice.map((name) => [name, "gpu-buffer" as const])),
      }),
  };
  try {
    const session = await engine.InferenceSession.create(bytes, settings);
    return new OrtSession(session, { Tensor: engine.Tensor, writesInPlace: false });
  } catch (cause) {
    throw engineError("load", cause);
  }
}
