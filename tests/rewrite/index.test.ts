import fc from "fast-check";
import { expect, test } from "vitest";
import { accumulateGradients, type LossFunction } from "../../src/compile/micro-batches.ts";
import { symbol } from "../../src/graph/dim.ts";
import { type Graph, makeVariable, rootsOf, topologicalOrder, variablesOf } from "../../src/graph/graph.ts";
import {
  accumulateInGemm,
  drop,
  foldKnown,
  fuseAttention,
  rewriteForInference,
  rewriteForTraining,
  selectEarly,
  share,
} from "../../src/rewrite/index.ts";
import {
  apply,
  at,
  concat,
  gather,
  gelu,
  input,
  ints,
  layerNorm,
  mean,
  slice,
  softmax,
  split,
  Tensor,
  tensor,
} from "../../src/tensor/index.ts";
import { evaluate, expectSameNumbers, graphOf, opsOf, randomArray, run } from "./run.ts";
import { Tower, traceTower } from "./tower.ts";

const b = symbol("b");

/** Steps from [b, 4, 6] to [b, 4, 6], drawn by a number. */
const weight = new Tensor(makeVariable("w", "float32", [12, 6], () => randomArray(11, [12, 6])).value);
const bias = new Tensor(makeVariable("c", "float32", [12], () => randomArray(12, [12])).value);
const gamma = new Tensor(makeVariable("gamma", "float32", [6], () => randomArray(13, [6])).value);
const rows = (x: Tensor): Tensor => x.reshape([-1, 6]);
const steps: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
  (x) => x.add(1).mul(1),
  (x, y) => x.add(y),
  (x, y) => x.mul(y).add(0),
  (x) => gelu(x),
  (x) => softmax(x),
  (x) => softmax(x, 1),
  (x) => layerNorm(x, gamma, gamma, 1e-5),
  (x) => x.sub(mean(x, { axes: [1], keepDims: true })),
  (x) => x.transpose([0, 2, 1]).reshape([-1, 4, 6]),
  (x) => x.transpose([0, 2, 1]).mul(2).transpose([0, 2, 1]),
  (x) => x.reshape([-1, 2, 2, 6]).transpose([0, 2, 1, 3]).reshape([-1, 4, 6]),
  (x, y) => concat([slice(x, 1, 0, 2), slice(y, 1, 2)], 1),
  (x, y) => concat([slice(x, 2, 0, 3), slice(y, 2, 3)], 2),
  (x) => slice(apply("Gemm", [rows(x), weight, bias], { transB: 1 }), 1, 3, 9).reshape([-1, 4, 6]),
  (x) => {
    const [p, q] = split(apply("Gemm", [rows(x), weight, bias], { transB: 1 }).reshape([-1, 4, 12]), 2, 2);
    return p!.add(gather(q!, ints([1]), 1));
  },
  (x, y) => y.add(apply("Gemm", [rows(x), slice(weight, 0, 0, 6).transpose()]).reshape([-1, 4, 6])),
  (x, y) => softmax(x.matmul(y.transpose([0, 2, 1])).mul(0.5)).matmul(y),
  (x, y) => {
    const apart = (t: Tensor): Tensor => t.reshape([-1, 4, 2, 3]).transpose([0, 2, 1, 3]);
    const weights = softmax(
      apart(x)
        .mul(0.3)
        .matmul(apart(y).transpose([0, 1, 3, 2])),
    );
    return weights.matmul(apart(x)).transpose([0, 2, 1, 3]).reshape([-1, 4, 6]);
  },
  (x) => x.add(tensor(randomArray(3, [1, 4, 1])).mul(tensor([1, 2, 3, 4, 5, 6]))),
];

/** What may be read of the result. */
const reads: readonly ((x: Tensor) => Tensor)[] = [
  (x) => x,
  (x) => at(x, 1, 0),
  (x) => at(x, 1, -1),
  (x) => at(x, 2, 3),
  (x) => slice(x, 1, 1, 3),
  (x) => gather(x, ints([2, 0, 2]), 2),
  (x) => apply("Gemm", [rows(x), weight, bias], { transB: 1 }),
];

const programs = fc.record({
  steps: fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 }),
  reads: fc.array(fc.tuple(fc.nat(reads.length - 1), fc.nat(2)), { minLength: 1, maxLength: 3 }),
});

test("random graphs keep their numbers through every rewrite and both sequences", async () => {
  const feeds = { x: randomArray(21, [3, 4, 6]) };
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const x = input("x", [b, 4, 6]);
      const values = [x];
      for (const [step, i, j] of program.steps)
        values.push(steps[step]!(values.at(-1 - (i % Math.min(3, values.length)))!, values[j % values.length]!));
      const read = program.reads.map(
        ([how, back], i) => [`y${i}`, reads[how]!(values.at(-1 - Math.min(back, values.length - 1))!)] as const,
      );
      const graph = graphOf([x], Object.fromEntries(read));
      const everyNumber = Object.values(await run(graph, feeds)).every(({ data }) =>
        (data as Float32Array).every((v) => Math.abs(v) < 1e4),
      );
      fc.pre(everyNumber);
      const all = [
        selectEarly(graph),
        accumulateInGemm(graph),
        drop(graph),
        share(graph),
        foldKnown(graph),
        fuseAttention(graph),
        rewriteForTraining(graph),
        await rewriteForInference(graph, { evaluate }),
        await rewriteForInference(graph, { evaluate, fuse: false }),
      ];
      await expectSameNumbers(graph, all, feeds, 2e-4);
    }),
    { numRuns: 50, seed: 7 },
  );
}, 120_000);

test("for inference, a tower on one row has folded weights, fused attention and no moves", async () => {
  const { graph } = traceTower(2, b, (y) => ({ y: at(y, 1, 0) }));
  const better = await rewriteForInference(graph, { evaluate });
  expect(opsOf(better).length).toBeLessThan(opsOf(graph).length * 0.75);
  for (const op of ["Transpose", "Softmax", "MatMul"]) expect(opsOf(better)).not.toContain(op);
  const names = variablesOf(better).map((variable) => variable.name);
  expect(names).toContain("blocks.1.attn.qkv.weight/Split.0");
  expect(names).not.toContain("blocks.1.attn.qkv.weight");
  await expectSameNumbers(graph, better, { x: randomArray(1, [3, 7, 8]) });
});

test("variables that may change stay as they are", async () => {
  const { graph, tower } = traceTower(2, b, (y) => ({ y: at(y, 1, 0) }));
  const better = await rewriteForInference(graph, { evaluate, variables: "live" });
  expect(new Set(variablesOf(better))).toEqual(new Set(tower.variables().values()));
  expect(opsOf(better)).toContain("MultiHeadAttention");
});

test("without operators of the engine's own, every operator is ONNX's", async () => {
  const { graph } = traceTower(2, b, (y) => ({ y }));
  const better = await rewriteForInference(graph, { evaluate, fuse: false });
  expect(opsOf(better)).not.toContain("MultiHeadAttention");
});

test("gradients of a batch in parts add up inside the products that make them", async () => {
  const tower = new Tower(2);
  const x = input("x", [6, 7, 8]);
  const parameters = [...tower.parameters().values()];
  const gradientsIn = (parts: number) => {
    const lossOf: LossFunction = ({ x: part }) => {
      const y = at(tower.forward(part!), 1, 0);
      return { loss: mean(y.mul(tensor(randomArray(4, [8])))) };
    };
    const { outputs, gradients } = accumulateGradients(lossOf, { x }, parameters, parts);
    return graphOf([x], {
      ...outputs,
      ...Object.fromEntries(parameters.map(({ name }, i) => [`d ${name}`, gradients[i]!])),
    });
  };
  const [whole, parted] = [gradientsIn(1), gradientsIn(3)];
  const better = rewriteForTraining(parted);
  const sums = (graph: Graph): number =>
    topologicalOrder(rootsOf(graph)).filter(({ op, outputs }) => op === "Add" && outputs[0]!.shape.length === 2).length;
  expect(sums(better)).toBe(0);
  expect(sums(parted)).toBeGreaterThan(10);
  await expectSameNumbers(whole, [parted, better, rewriteForTraining(whole)], { x: randomArray(3, [6, 7, 8]) }, 1e-5);
});
