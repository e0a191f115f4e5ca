/** The script of a worker thread that holds one session. */

import { parentPort } from "node:worker_threads";
import type { NdArray } from "../graph/dtype.ts";
import { nodeRuntime } from "./node.ts";
import { type Session, toHost } from "./runtime.ts";
import { type Reply, type Request, toFailure } from "./worker-protocol.ts";

const port = parentPort!;
let session: Session | undefined;

// One after the other: a session is not closed while it runs.
let queue: Promise<void> = Promise.resolve();
port.on("message", (request: Request) => {
  queue = queue.then(() => serve(request));
});

async function serve(request: Request): Promise<void> {
  try {
    const { reply, transfer } = await answer(request);
    port.postMessage(reply, transfer);
  } catch (error) {
    port.postMessage({ kind: "failed", id: request.id, failure: toFailure(error) } satisfies Reply);
  }
}

async function answer(request: Request): Promise<{ readonly reply: Reply; readonly transfer: ArrayBuffer[] }> {
  const { id } = request;
  if (request.kind === "open") {
    session = await (await nodeRuntime(request.runtime)).createSession(request.model, request.session);
    const { inputNames: inputs, outputNames: outputs } = session;
    return { reply: { kind: "opened", id, inputs, outputs }, transfer: [] };
  }
  if (request.kind === "close") {
    await session?.dispose();
    session = undefined;
    return { reply: { kind: "closed", id }, transfer: [] };
  }
  const results = new Map<string, NdArray>();
  const transfer: ArrayBuffer[] = [];
  for (const [name, array] of await session!.run(request.feeds, request.fetches)) {
    const host = await toHost(array);
    results.set(name, host);
    transfer.push(host.data.buffer as ArrayBuffer);
  }
  return { reply: { kind: "results", id, results }, transfer };
}
