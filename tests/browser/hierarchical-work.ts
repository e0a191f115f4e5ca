/** Small models of the hierarchical families, which both sides of `hierarchical.test.ts` run: Node on the processor, the page on its devices. */

import { compile, evaluatorFor, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { crossEntropy } from "../../src/losses/index.ts";
import { Swin } from "../../src/models/swin/swin.ts";
import { SwinV2 } from "../../src/models/swin/swin-v2.ts";
import { TNT } from "../../src/models/tnt/tnt.ts";
import { encodeModel, joinChunks } from "../../src/onnx/index.ts";
import { rewriteForInference } from "../../src/rewrite/index.ts";
import { type Runtime, toHost } from "../../src/runtime/runtime.ts";
import { ints, type Tensor } from "../../src/tensor/index.ts";
import { drawn } from "../models/drawn.ts";

const [batch, side, labels] = [2, 32, 5];

/** Two stages of 8 × 8 and 4 × 4 tokens: windows that shift under a mask, and patches that merge. */
const swin = { imageSize: side, windows: 4, width: 12, depths: [2, 2], heads: [2, 4], labels } as const;

/** Names of the models. */
export const hierarchical = ["swin", "swin-v2", "swin-filled", "tnt"] as const;

export type Hierarchical = (typeof hierarchical)[number];

const models: Readonly<Record<Hierarchical, () => Swin | SwinV2 | TNT>> = {
  swin: () => new Swin(swin),
  "swin-v2": () => new SwinV2(swin),
  // Maps that windows do not fit, so that zeros fill the last ones.
  "swin-filled": () => new Swin({ ...swin, windows: 3 }),
  tnt: () =>
    new TNT({
      ...{ imageSize: side, patchSize: 16, width: 24, innerWidth: 8, depth: 2, heads: 3, innerHeads: 2 },
      labels,
    }),
};

function model(name: Hierarchical): Swin | SwinV2 | TNT {
  const made = models[name]();
  for (const [path, variable] of made.variables()) variable.data = drawn(path, variable.shape);
  return made;
}

const images = (): NdArray => drawn("image", [batch, 3, side, side]);

/** Logits [b, labels], the batch being free. */
export async function forward(runtime: Runtime, name: Hierarchical): Promise<readonly number[]> {
  const made = model(name);
  const run = await compile(
    ({ images }) => ({ logits: made.forward(images) }),
    { images: ["b", 3, side, side] },
    { runtime },
  );
  const { logits } = await run.run({ images: images() });
  await run.dispose();
  return [...(logits!.data as Float32Array)];
}

/** The bytes of an ONNX file that makes the same logits, in the form that `vitrine export` writes. */
export async function exported(runtime: Runtime, name: Hierarchical): Promise<Uint8Array> {
  const made = model(name);
  const { graph } = traceGraph(({ images }) => ({ logits: made.forward(images) }), { images: ["b", 3, side, side] });
  const small = await rewriteForInference(graph, { evaluate: evaluatorFor(runtime), fuse: false });
  return joinChunks(encodeModel(small).chunks);
}

/** Logits that a file makes. */
export async function answer(runtime: Runtime, file: Uint8Array): Promise<readonly number[]> {
  const session = await runtime.createSession({ chunks: [file], files: [] });
  const results = await session.run(new Map([["images", images()]]));
  const { data } = await toHost(results.get("logits")!);
  await session.dispose();
  return [...(data as Float32Array)];
}

/** Gradients of the cross-entropy by name of the parameter, for a batch of known size. */
export async function gradients(
  runtime: Runtime,
  name: Hierarchical,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const made = model(name);
  const parameters = [...made.parameters()];
  const targets = ints([0, 1]);
  const lossOf = (images: Tensor): Tensor => crossEntropy(made.forward(images), targets);
  const run = await compile(
    ({ images }) => {
      const found = grad(
        lossOf(images),
        parameters.map(([, t]) => t),
      );
      return Object.fromEntries(parameters.map(([path], i) => [`grad.${path}`, found[i]!]));
    },
    { images: [batch, 3, side, side] },
    { runtime, variables: "live" },
  );
  const results = await run.run({ images: images() });
  await run.dispose();
  return Object.fromEntries(Object.entries(results).map(([path, { data }]) => [path, [...(data as Float32Array)]]));
}
