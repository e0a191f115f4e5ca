/**
 * Sessions that live in worker threads of Node, one thread each: the engine's `run` blocks the thread it is called from, so a server
 * that answers requests keeps its own thread free this way.
 */

import { Worker } from "node:worker_threads";
import { VitrineError } from "../errors.ts";
import { allocate, type NdArray } from "../graph/dtype.ts";
import { joinChunks } from "../onnx/encode.ts";
import { workerEntry } from "../workers/worker-entry-node.ts";
import type { NodeRuntimeOptions } from "./node.ts";
import {
  checkNames,
  type Fetches,
  fetchNames,
  isDeviceTensor,
  type RunArray,
  type RunnableModel,
  type Runtime,
  type Session,
  type SessionOptions,
} from "./runtime.ts";
import { availableCores } from "./threads-node.ts";
import { fromFailure, type Reply, type Request } from "./worker-protocol.ts";

/** A runtime whose sessions each have a thread of their own; arrays are copied on the way in and handed over on the way out. */
export function workerRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const complete = { device: "cpu" as const, threads: availableCores(), spinning: false, ...options };
  return {
    device: complete.device,
    threads: complete.threads,
    createSession: (model, sessionOptions = {}) => WorkerSession.open(complete, model, sessionOptions),
  };
}

type Pending = { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void };

class WorkerSession implements Session {
  inputNames: readonly string[] = [];
  outputNames: readonly string[] = [];
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended: Error | undefined;

  private constructor(entry: URL) {
    this.#worker = new Worker(entry);
    this.#worker.on("message", (reply: Reply) => {
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      // An idle session does not keep the program from ending.
      if (this.#pending.size === 0) this.#worker.unref();
      if (reply.kind === "failed") pending?.reject(fromFailure(reply.failure));
      else pending?.resolve(reply);
    });
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", (code) => this.#end(new Error(`exit code ${code}`)));
  }

  static async open(runtime: NodeRuntimeOptions, model: RunnableModel, options: SessionOptions): Promise<Session> {
    if (options.keepOnDevice && options.keepOnDevice.length > 0)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "keepOnDevice: device memory cannot be shared between threads",
        next: "use a session of this thread",
      });
    const session = new WorkerSession(
      await workerEntry("session", new URL("./session-worker-node.ts", import.meta.url)),
    );
    // A view would be sent with all of the buffer behind it.
    const copy = (chunks: readonly Uint8Array[]): Uint8Array[] => [
      chunks.length === 1 ? new Uint8Array(chunks[0]!) : joinChunks(chunks),
    ];
    const chunks = copy(model.chunks);
    const files = model.files.map((file) => ({ ...file, chunks: copy(file.chunks) }));
    const transfer = [...chunks, ...files.flatMap((file) => file.chunks)].map((chunk) => chunk.buffer as ArrayBuffer);
    try {
      const reply = await session.#ask(
        { kind: "open", id: session.#nextId++, runtime, model: { chunks, files }, session: options },
        transfer,
      );
      if (reply.kind === "opened") {
        session.inputNames = reply.inputs;
        session.outputNames = reply.outputs;
      }
      return session;
    } catch (error) {
      await session.#worker.terminate();
      throw error;
    }
  }

  async run(feeds: ReadonlyMap<string, RunArray>, fetches?: Fetches): Promise<ReadonlyMap<string, RunArray>> {
    const wanted = fetches ?? this.outputNames;
    const names = fetchNames(wanted);
    checkNames(this, feeds, names);
    const copies = new Map<string, NdArray>();
    const transfer: ArrayBuffer[] = [];
    for (const [name, array] of feeds) {
      const { dtype, shape, data } = isDeviceTensor(array) ? await array.download() : array;
      const copy = allocate(dtype, data.length);
      copy.set(data as never);
      copies.set(name, { dtype, shape, data: copy });
      transfer.push(copy.buffer as ArrayBuffer);
    }
    const reply = await this.#ask({ kind: "run", id: this.#nextId++, feeds: copies, fetches: names }, transfer);
    if (reply.kind !== "results") throw new Error(`unexpected reply ${reply.kind}`);
    if (!(wanted instanceof Map)) return reply.results;
    const results = new Map<string, RunArray>();
    for (const [name, result] of reply.results) {
      const given = (wanted as ReadonlyMap<string, NdArray | undefined>).get(name);
      if (given) given.data.set(result.data as never);
      results.set(name, given ?? result);
    }
    return results;
  }

  async dispose(): Promise<void> {
    if (this.#ended) return;
    await this.#ask({ kind: "close", id: this.#nextId++ }, []);
    await this.#worker.terminate();
  }

  #ask(request: Request, transfer: ArrayBuffer[]): Promise<Reply> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request, transfer);
    });
  }

  #end(cause: Error): void {
    this.#ended ??= new VitrineError("RUNTIME_FAILURE", {
      rule: "the session's worker thread must be alive",
      evidence: `it ended: ${cause.message}`,
      next: "open a new session",
      cause,
    });
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}
