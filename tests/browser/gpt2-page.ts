/** What runs in the browser for gpt2.test.ts: an exported GPT, fed by its names as any program would. */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

env.wasm.wasmPaths = { wasm: "/ort/ort-wasm-simd-threaded.wasm" };
env.wasm.numThreads = 1;

const ids = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(rows.flat().map(BigInt)), [rows.length, rows[0]!.length]);

/**
 * Reads prompts, then further words one by one, and keeps what came out as `present`.
 * @param file the model's bytes in base 64
 * @param calls JSON: of each call the new ids of each text and the whole mask; and the sizes of what is kept
 * @returns logits of each call
 */
async function writeOn(file: string, calls: string): Promise<readonly (readonly number[])[]> {
  const session = await InferenceSession.create(Uint8Array.from(atob(file), (c) => c.charCodeAt(0)));
  const { steps, layers, heads, headWidth } = JSON.parse(calls) as {
    readonly steps: readonly { readonly ids: number[][]; readonly mask: number[][] }[];
    readonly layers: number;
    readonly heads: number;
    readonly headWidth: number;
  };
  const empty = new Tensor("float32", new Float32Array(0), [steps[0]!.ids.length, heads, 0, headWidth]);
  let past: Record<string, Tensor> = {};
  for (let i = 0; i < layers; i++) for (const part of ["key", "value"]) past[`past_key_values.${i}.${part}`] = empty;
  const logits: number[][] = [];
  for (const step of steps) {
    const results = await session.run({ input_ids: ids(step.ids), attention_mask: ids(step.mask), ...past });
    logits.push(Array.from(results.logits!.data as Float32Array));
    past = Object.fromEntries(
      Object.entries(results)
        .filter(([name]) => name !== "logits")
        .map(([name, value]) => [name.replace("present", "past_key_values"), value as Tensor]),
    );
  }
  await session.release();
  return logits;
}

Object.assign(globalThis, { checks: { writeOn } });
