/** Numbers from the memory of a WebGPU device, in Node. */

import type { InferenceSession, Tensor } from "onnxruntime-common";
import { symbol } from "../graph/dim.ts";
import type { DType } from "../graph/dtype.ts";
import { inputValue, makeNode } from "../graph/graph.ts";
import { encodeModel, joinChunks } from "../onnx/encode.ts";

/**
 * Brings tensors to the host by graphs that do nothing: what a session returns, the engine copies there. Its own `Tensor.getData` would end the
 * process (onnxruntime-node 1.30: a C++ exception that nobody catches), and with it a training that has not been saved.
 * @param open makes a session on the device
 */
export function downloader(
  open: (model: Uint8Array) => Promise<InferenceSession>,
): (tensor: Tensor) => Promise<Tensor> {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const sessionFor = ({ type, dims }: Tensor): Promise<InferenceSession> => {
    const kind = `${type} ${dims.length}`;
    const session = sessions.get(kind) ?? open(identity(type as DType, dims.length));
    sessions.set(kind, session);
    return session;
  };
  return async (tensor) => (await (await sessionFor(tensor)).run({ x: tensor })).y!;
}

/** y = x, for arrays of any size. */
function identity(dtype: DType, rank: number): Uint8Array {
  const x = inputValue(
    "x",
    dtype,
    Array.from({ length: rank }, (_, i) => symbol(`n${i}`)),
  );
  const y = makeNode("Identity", [x], {}, "").outputs[0]!;
  return joinChunks(encodeModel({ inputs: [x], outputs: new Map([["y", y]]), updates: new Map() }).chunks);
}
