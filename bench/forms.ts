/**
 * Pieces of a graph in two forms each, before and after `rewriteForProcessor` or the change that the row names: milliseconds of the engine on two threads, in turns, medians.
 *
 *     node tools/run.mjs bench/forms.ts [REPETITIONS]
 */

import { type NdArray, ndarray, sizeOf } from "../src/graph/dtype.ts";
import type { Graph } from "../src/graph/graph.ts";
import { fillUniform, keyOf } from "../src/graph/random.ts";
import { encodeModel } from "../src/onnx/encode.ts";
import { rewriteForProcessor } from "../src/rewrite/index.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Session } from "../src/runtime/runtime.ts";
import {
  apply,
  gelu,
  greater,
  input,
  linear,
  max,
  relu,
  softmax,
  type Tensor,
  tensor,
  where,
} from "../src/tensor/index.ts";
import { median } from "./contestant.ts";

const repetitions = Number(process.argv[2] ?? 30);
const runtime = await nodeRuntime({ threads: 2 });

/** A piece of work on one input, and its other form: another piece, or what the rewrite makes of it. */
interface Piece {
  readonly name: string;
  readonly shape: readonly number[];
  readonly before: (x: Tensor) => Tensor;
  readonly after?: (x: Tensor) => Tensor;
}

const uniform = (seed: number, shape: readonly number[]): NdArray =>
  ndarray(
    "float32",
    shape,
    fillUniform(keyOf(seed), new Float32Array(sizeOf(shape))).map((u) => u - 0.5),
  );
const constant = (seed: number, shape: readonly number[]): Tensor =>
  tensor(uniform(seed, shape).data as Float32Array, shape);

/** Between a `Gemm` and what follows a `Reshape` stands for three axes; for two the engine makes one operator of it and a ReLU. */
function map(shape: readonly number[], out: number, activation: (x: Tensor) => Tensor): Piece {
  const [weight, bias] = [constant(1, [out, shape.at(-1)!]), constant(2, [out])];
  return {
    name: `linear map [${shape}] → ${out}, bias, ${activation === relu ? "ReLU" : "GELU"}`,
    shape,
    before: (x) => activation(linear(x, weight, bias)),
  };
}

function scores(batch: number, tokens: number, heads: number, width: number): Piece {
  const shape = [batch, tokens, heads, width];
  return {
    name: `queries times keysᵀ, [${shape}]`,
    shape,
    before: (x) => x.transpose([0, 2, 1, 3]).matmul(x.transpose([0, 2, 3, 1])),
  };
}

/** Half of each row of scores is masked by `apart`, as in a shifted window. */
const weighted =
  (apart: number) =>
  (v: Tensor): Tensor => {
    const n = v.shape[2] as number;
    const mask = Float32Array.from({ length: n * n }, (_, i) => ((i % n) * 2 < n ? 0 : apart));
    return softmax(v.matmul(v.transpose([0, 1, 3, 2])).add(tensor(mask, [n, n]))).matmul(v);
  };

const pieces: readonly Piece[] = [
  map([1, 25088, 96], 384, gelu),
  map([1, 6272, 192], 768, gelu),
  map([1, 1576, 384], 1536, gelu),
  map([1, 768, 256], 1024, gelu),
  map([1576, 384], 1536, relu),
  map([256, 784], 512, relu),
  map([1, 768], 3072, relu),
  scores(32, 24, 4, 64),
  scores(4, 197, 6, 64),
  scores(1568, 16, 4, 6),
  {
    name: "ReLU's slope, [8, 256, 56, 56]",
    shape: [8, 256, 56, 56],
    before: (y) => where(greater(y, 0), y, 0),
    after: (y) => y.mul(apply("HardSigmoid", [y], { alpha: 3e38, beta: 0 })),
  },
  {
    name: "attention in 192 windows of 49, half of each masked: by −100, by −150",
    shape: [8, 24, 49, 32],
    before: weighted(-100),
    after: weighted(-150),
  },
];

const graphOf = (x: Tensor, y: Tensor): Graph => ({
  inputs: [x.value],
  // One number comes back: the engine copies what it gives back.
  outputs: new Map([["largest", max(y).value]]),
  updates: new Map(),
});

async function timed(session: Session, feeds: ReadonlyMap<string, NdArray>): Promise<number> {
  const start = performance.now();
  await session.run(feeds);
  return performance.now() - start;
}

process.stdout.write("| piece | before ms | after ms | times as fast |\n|---|---|---|---|\n");
for (const { name, shape, before, after } of pieces) {
  const x = input("x", shape);
  const graph = graphOf(x, before(x));
  const other = after ? graphOf(x, after(x)) : rewriteForProcessor(graph);
  const sessions = await Promise.all([graph, other].map((one) => runtime.createSession(encodeModel(one))));
  const feeds = new Map([["x", uniform(3, shape)]]);
  const times = sessions.map((): number[] => []);
  for (let i = 0; i < repetitions; i++)
    for (const [which, session] of sessions.entries()) times[which]!.push(await timed(session, feeds));
  const [slow, fast] = times.map(median) as [number, number];
  process.stdout.write(`| ${name} | ${slow.toFixed(2)} | ${fast.toFixed(2)} | ${(slow / fast).toFixed(2)} |\n`);
  for (const session of sessions) await session.dispose();
}
