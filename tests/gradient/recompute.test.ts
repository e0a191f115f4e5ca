import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accumulateGradients, compile, type LossFunction, type Specs, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/graph/dtype.ts";
import { consumersOf, type Graph, rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import { fillNormal, keyOf } from "../../src/graph/random.ts";
import { isWaiting } from "../../src/graph/waiting.ts";
import { crossEntropy, crossEntropySoft } from "../../src/losses/index.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { ResNet } from "../../src/models/resnet/resnet.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import type { Module } from "../../src/nn/module.ts";
import { sgd, weightDecayGroups } from "../../src/optim/index.ts";
import { rewriteForTraining } from "../../src/rewrite/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { cast, gelu, input, relu, square, sum, type Tensor } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });

interface Job {
  readonly model: Module;
  readonly lossOf: LossFunction;
  readonly batch: Readonly<Record<string, NdArray>>;
}

const normal = (seed: number, shape: readonly number[]): NdArray =>
  ndarray("float32", shape, fillNormal(keyOf(seed), new Float32Array(sizeOf(shape))));

const targets = ndarray(
  "float32",
  [6, 3],
  Float32Array.from({ length: 18 }, (_, i) => (i % 3 === i % 2 ? 1 : 0)),
);
const images = normal(1, [6, 3, 32, 32]);
const train = { train: true };

const jobs: Readonly<Record<string, () => Job>> = {
  ViT: () => {
    const options = { imageSize: 32, patchSize: 4, width: 32, depth: 3, heads: 2, labels: 3, dropPath: 0.2 };
    const model = new ViT(options).initialize(1);
    return {
      model,
      lossOf: (part) => ({ loss: crossEntropySoft(model.forward(part.images!, train), part.targets!) }),
      batch: { images, targets },
    };
  },
  "GPT with dropout": () => {
    const dropouts = { embedDropout: 0.1, dropout: 0.1, attnDropout: 0.1 };
    const model = new Gpt2({ words: 20, positions: 24, width: 32, depth: 2, heads: 2, ...dropouts }).initialize(2);
    const ids = (shift: number): NdArray =>
      ndarray(
        "int64",
        [6, 24],
        Array.from({ length: 144 }, (_, i) => ((i + shift) * 7) % 20),
      );
    return {
      model,
      lossOf: ({ ids, labels }) => {
        const logits = model.forward(ids!, train);
        const [b, n, v] = logits.shape;
        return { loss: crossEntropy(logits.reshape([(b as number) * (n as number), v!]), labels!.reshape([-1])) };
      },
      batch: { ids: ids(0), labels: ids(1) },
    };
  },
  ResNet: () => {
    const model = new ResNet({ blocks: "basic", depths: [2, 2], widths: [8, 16], labels: 3 }).initialize(3);
    return {
      model,
      lossOf: (part) => ({ loss: crossEntropySoft(model.forward(part.images!, train), part.targets!) }),
      batch: { images, targets },
    };
  },
};

function stepOf({ model, lossOf }: Job, batch: Readonly<Record<string, Tensor>>, recompute: boolean, parts: number) {
  const parameters = model.parameters();
  const { outputs, gradients } = accumulateGradients(lossOf, batch, [...parameters.values()], parts, { recompute });
  return { loss: outputs.loss, gradients };
}

const specsOf = ({ batch }: Job): Specs =>
  Object.fromEntries(Object.entries(batch).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));

/** The rewritten graph of a step of plain descent. */
function trainingGraph(job: Job, recompute: boolean): Graph {
  const optimizer = sgd(weightDecayGroups(job.model.parameters(), 0), {});
  const { graph } = traceGraph(
    (inputs: Readonly<Record<string, Tensor>>) => {
      const { loss, gradients } = stepOf(job, batchOf(job, inputs), recompute, 2);
      optimizer.update(gradients, inputs);
      return { loss };
    },
    { ...specsOf(job), ...optimizer.inputs },
  );
  return rewriteForTraining(graph);
}

const batchOf = ({ batch }: Job, inputs: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.keys(batch).map((name) => [name, inputs[name]!]));

/** Losses of three steps, and the parameters after them. */
async function trained(make: () => Job, recompute: boolean, parts: number): Promise<readonly Float32Array[]> {
  const job = make();
  const optimizer = sgd(weightDecayGroups(job.model.parameters(), 0), {});
  await using step = await compile(
    (inputs: Readonly<Record<string, Tensor>>) => {
      const { loss, gradients } = stepOf(job, batchOf(job, inputs), recompute, parts);
      optimizer.update(gradients, inputs);
      return { loss };
    },
    { ...specsOf(job), ...optimizer.inputs },
    { runtime },
  );
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { loss } = await step.run({ ...job.batch, ...optimizer.feeds(i, 0.01) }, { key: keyOf(i) });
    losses.push(Number(loss!.data[0]));
  }
  const variables = [...job.model.parameters().values()].map(({ variable }) => variable.data.data as Float32Array);
  return [Float32Array.from(losses), ...variables];
}

test.each(Object.entries(jobs).flatMap(([name, make]) => [1, 2].map((parts) => [name, parts, make] as const)))(
  "%s in %i parts: training with and without recomputation comes to the same bits",
  async (_, parts, make) => {
    const kept = await trained(make, false, parts);
    const again = await trained(make, true, parts);
    for (const [i, numbers] of kept.entries()) expect(again[i]).toEqual(numbers);
  },
);

const count = (graph: Graph, op: string): number =>
  topologicalOrder(rootsOf(graph)).filter((node) => node.op === op).length;

test("activations, normalisations and attention's weights stand in the graph twice, after all rewrites", () => {
  const job = jobs.ViT!();
  const [kept, again] = [trainingGraph(job, false), trainingGraph(job, true)];
  // Two parts of three blocks each; behind the keys of the last block there is one row for each image, which is not worth it.
  for (const [op, more] of Object.entries({ Gelu: 4, Softmax: 4, LayerNormalization: 10 }))
    expect(count(again, op), op).toBe(count(kept, op) + more);
});

test("each of the two has one reader: what the forward pass makes is not kept for the backward pass", () => {
  const graph = trainingGraph(jobs.ViT!(), true);
  const consumers = consumersOf(graph);
  const shapes = topologicalOrder(rootsOf(graph)).filter(
    ({ op, outputs }) => op === "Gelu" && outputs[0]!.shape[1] !== 1,
  );
  expect(shapes).toHaveLength(8);
  for (const { outputs } of shapes) expect(consumers.get(outputs[0]!)).toHaveLength(1);
});

test("the engine computes both, the second one in the backward pass", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-"));
  const job = jobs.ViT!();
  const optimizer = sgd(weightDecayGroups(job.model.parameters(), 0), {});
  const step = await compile(
    (inputs: Readonly<Record<string, Tensor>>) => {
      const { loss, gradients } = stepOf(job, batchOf(job, inputs), true, 1);
      optimizer.update(gradients, inputs);
      return { loss };
    },
    { ...specsOf(job), ...optimizer.inputs },
    { runtime, session: { profilePrefix: join(folder, "profile") } },
  );
  await step.run({ ...job.batch, ...optimizer.feeds(0, 0.01) }, { key: keyOf(0) });
  await step.dispose();
  const [file] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file!), "utf8")) as readonly {
    readonly name: string;
    readonly ts: number;
    readonly args?: { readonly op_name?: string };
  }[];
  rmSync(folder, { recursive: true });
  const order = events
    .filter(({ name }) => name.endsWith("_kernel_time"))
    .sort((a, b) => a.ts - b.ts)
    .map(({ args }) => args?.op_name);
  const loss = order.indexOf("LogSoftmax");
  const before = (op: string): number => order.slice(0, loss).filter((name) => name === op).length;
  for (const [op, all] of Object.entries({ Gelu: 6, Softmax: 5 })) {
    expect(before(op), op).toBe(3);
    expect(
      order.filter((name) => name === op),
      op,
    ).toHaveLength(all);
  }
});

test("a value that a mask alone reads is made again before the mask", async () => {
  const shape = [64, 64] as const;
  const lossOf = (x: Tensor, w: Tensor): Tensor => {
    const y = x.matmul(w);
    return sum(gelu(relu(y.mul(2)).matmul(w)).matmul(w)).add(sum(square(y)));
  };
  const results = (recompute: boolean) =>
    compile(({ x, w }) => ({ slope: grad(lossOf(x, w), [w], { recompute })[0]! }), { x: shape, w: shape }, { runtime });
  await using kept = await results(false);
  await using again = await results(true);
  const feeds = { x: normal(4, shape), w: normal(5, shape) };
  expect((await again.run(feeds)).slope).toEqual((await kept.run(feeds)).slope);
  const x = input("x", shape);
  const w = input("w", shape);
  const nodes = topologicalOrder(grad(lossOf(x, w), [w], { recompute: true }).map(({ value }) => value));
  expect(nodes.filter(({ op }) => op === "Relu")).toHaveLength(2);
  expect(nodes.some(isWaiting)).toBe(true);
});

test("a value that inputs alone make is made again too", async () => {
  const lossOf = ({ x, w, ids }: Readonly<Record<"x" | "w" | "ids", Tensor>>): Tensor =>
    sum(
      gelu(
        x
          .matmul(w)
          .mul(cast(ids.reshape([64, 64]), "float32").mul(0.1))
          .matmul(w),
      ).matmul(w),
    );
  const results = (recompute: boolean) =>
    compile(
      (given) => ({ slope: grad(lossOf(given), [given.w], { recompute })[0]! }),
      { x: [64, 64], w: [64, 64], ids: { dtype: "int64", shape: [4096] } },
      { runtime },
    );
  await using kept = await results(false);
  await using again = await results(true);
  const ids = ndarray(
    "int64",
    [4096],
    Array.from({ length: 4096 }, (_, i) => i % 11),
  );
  const feeds = { x: normal(4, [64, 64]), w: normal(5, [64, 64]), ids };
  expect((await again.run(feeds)).slope).toEqual((await kept.run(feeds)).slope);
  const given = { x: input("x", [64, 64]), w: input("w", [64, 64]), ids: input("ids", [4096], "int64") };
  const nodes = topologicalOrder(grad(lossOf(given), [given.w], { recompute: true }).map(({ value }) => value));
  expect(nodes.filter(({ op }) => op === "Cast").length).toBeGreaterThanOrEqual(2);
  expect(
    nodes.filter(({ op, inputs }) => op === "Cast" && isWaiting(topologicalOrder([inputs[0]!]).at(-1)!)),
  ).toHaveLength(1);
});

test("a gradient that is no number spoils nothing that does not depend on it", async () => {
  const shape = [32, 64] as const;
  const slopes = (recompute: boolean) =>
    compile(
      ({ x, w, dy }) => ({ slope: grad(gelu(gelu(x.matmul(w)).matmul(w)), [x], { recompute, cotangent: dy })[0]! }),
      { x: shape, w: [64, 64], dy: shape },
      { runtime },
    );
  await using kept = await slopes(false);
  await using again = await slopes(true);
  const dy = normal(7, shape);
  dy.data[0] = Number.NaN;
  const feeds = { x: normal(8, shape), w: normal(9, [64, 64]), dy };
  const [want, got] = [(await kept.run(feeds)).slope!, (await again.run(feeds)).slope!];
  expect(got).toEqual(want);
  expect([...(got.data as Float32Array)].filter(Number.isNaN)).toHaveLength(64);
});

test("what costs too much to make again, or is small, is kept", () => {
  const copies = (shape: readonly [number, number]): number => {
    const x = input("x", shape);
    const w = input("w", [shape[1], shape[1]]);
    const made = grad(sum(gelu(gelu(x.matmul(w)).matmul(w))), [w], { recompute: true })[0]!;
    return topologicalOrder([made.value]).filter(({ op }) => op === "Gelu" || op === "MatMul").length;
  };
  expect(copies([512, 64])).toBe(copies([2, 4]) + 1);
});
