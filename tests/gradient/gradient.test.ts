import { expect, test } from "vitest";
import { evaluatorFor, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { symbol } from "../../src/graph/dim.ts";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import {
  apply,
  applyMany,
  conv,
  floor,
  gather,
  gatherNd,
  gelu,
  gridSample,
  input,
  layerNorm,
  linear,
  resize,
  softmax,
  sum,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";

const evaluate = evaluatorFor(await nodeRuntime({ threads: 1 }));

async function numbersOf(...tensors: readonly Tensor[]): Promise<number[][]> {
  return (await evaluate(tensors.map((t) => t.value))).map(({ data }) => Array.from(data as Float32Array));
}

test("a value used twice gets the sum of both gradients", async () => {
  const x = tensor([2, 3]);
  expect(await numbersOf(...grad(sum(x.mul(x).add(x)), [x]))).toEqual([[5, 7]]);
});

test("gradients of earlier parts are added", async () => {
  const x = tensor([2, 3]);
  const [before] = grad(sum(x.mul(10)), [x]);
  expect(await numbersOf(...grad(sum(x.mul(x)), [x], { accumulate: [before!] }))).toEqual([[14, 16]]);
});

test("a cotangent weighs a loss that is not a scalar", async () => {
  const x = tensor([2, 3]);
  expect(await numbersOf(...grad(x.mul(x), [x], { cotangent: tensor([1, 10]) }))).toEqual([[4, 60]]);
});

test("third derivatives follow from the same rules", async () => {
  const x = tensor([2]);
  const [first] = grad(sum(x.mul(x).mul(x)), [x]);
  const [second] = grad(sum(first!), [x]);
  const [third] = grad(sum(second!), [x]);
  expect(await numbersOf(first!, second!, third!)).toEqual([[12], [12], [6]]);
});

test("an operator differentiated through another form counts an input that depends on another one once", async () => {
  const picture = tensor([0.1, -0.4, 0.3, 0.6, 0.2, -0.5, 0.7, 0.15], [1, 2, 2, 2]);
  const gridOf = (x: Tensor): Tensor => x.transpose([0, 2, 3, 1]).mul(0.5);
  const sampled = (x: Tensor, grid: Tensor): Tensor => sum(gridSample(x, grid).mul(tensor([1, 2, 3, 4], [2, 2])));
  const separate = gridOf(tensor([0.1, -0.4, 0.3, 0.6, 0.2, -0.5, 0.7, 0.15], [1, 2, 2, 2]));
  const [toPicture, toGrid] = grad(sampled(picture, separate), [picture, separate]);
  const [whole] = grad(sampled(picture, gridOf(picture)), [picture]);
  const expected = toPicture!.add(toGrid!.transpose([0, 3, 1, 2]).mul(0.5));
  const [got, want] = await numbersOf(whole!, expected);
  for (const [i, value] of want!.entries()) expect(got![i]).toBeCloseTo(value, 5);
});

test("gradients that meet in one row of a table are all added, also by several threads", async () => {
  const threaded = evaluatorFor(await nodeRuntime({ threads: 2 }));
  const [rows, width] = [20_000, 16];
  const table = tensor(new Float32Array(3 * width), [3, width]);
  const indices = tensor(
    Array.from({ length: rows }, (_, i) => i % 3),
    [rows],
    "int64",
  );
  const pairs = tensor(
    Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? i % 3 : 5)),
    [rows, 2],
    "int64",
  );
  const found = [gather(table, indices, 0), gatherNd(table, pairs)].map((t) => grad(sum(t), [table])[0]!.value);
  for (let repeat = 0; repeat < 5; repeat++) {
    const totals = (await threaded(found)).map(({ data }) => (data as Float32Array).reduce((a, b) => a + b));
    expect(totals).toEqual([rows * width, rows]);
  }
  // The engine's ScatterND loses sums only now and then, so its absence is checked as well.
  const used = topologicalOrder(found).map(({ op }) => op);
  expect(used).not.toContain("ScatterND");
});

test.each<[string, () => unknown, string]>([
  ["a loss that is no scalar", () => gradOf((x) => x), "grad: the loss must be a scalar"],
  [
    "a value that the loss does not use",
    () => grad(sum(tensor([1])), [input("x", [2])]),
    "does not depend on a value, got x [2]",
  ],
  ["a loss behind a step function", () => gradOf((x) => sum(floor(x))), "does not depend on a value"],
  [
    "an operator for inference only",
    () => gradOf((x) => sum(apply("SkipLayerNormalization", [x, x, tensor([1, 1])]))),
    "SkipLayerNormalization has no gradient (it is fused for inference",
  ],
  [
    "resizing a picture of free size",
    () => {
      const x = input("x", [1, 1, symbol("h"), 4]);
      return grad(sum(resize(x, [8, 8], { mode: "linear" })), [x]);
    },
    "Resize: sizes of axis 2 must be numbers, got h",
  ],
  [
    "dropout that draws its own mask",
    () => gradOf((x) => sum(apply("Dropout", [x, tensor([0.5], []), tensor([1], [], "bool")]))),
    "Dropout: in training mode it hides its mask",
  ],
])("says why there is no gradient: %s", (_, ask, message) => {
  expect(ask).toThrow(message);
});

function gradOf(f: (x: Tensor) => Tensor): unknown {
  const x = input("x", [2, 2]);
  return grad(f(x), [x]);
}

/** The gradient graph of a layer, given the gradient of its result. */
function gradientText(
  specs: Readonly<Record<string, readonly (number | string)[]>>,
  layer: (t: Readonly<Record<string, Tensor>>) => Tensor,
): string {
  const { graph } = traceGraph((t) => {
    const { dy, ...leaves } = t;
    const found = grad(layer(t), Object.values(leaves), { cotangent: dy! });
    return Object.fromEntries(Object.keys(leaves).map((key, i) => [`d${key}`, found[i]!]));
  }, specs);
  return printGraph(graph);
}

test("a linear layer: two products, neither over a transposed copy", () => {
  const text = gradientText({ x: ["b", 7, 4], w: [3, 4], bias: [3], dy: ["b", 7, 3] }, ({ x, w, bias }) =>
    linear(x!, w!, bias),
  );
  expect(text).toMatchInlineSnapshot(`
    "x: float32 [b, 7, 4]
    w: float32 [3, 4]
    bias: float32 [3]
    dy: float32 [b, 7, 3]
    %0 = Reshape(dy, (-1, 3)) float32 [7*b, 3]
    %1 = Gemm(%0, w) {alpha: 1, beta: 1} float32 [7*b, 4]
    %2 = Reshape(%1, (-1, 7, 4)) float32 [b, 7, 4]
    %3 = Reshape(x, (-1, 4)) float32 [7*b, 4]
    %4 = Gemm(%0, %3) {alpha: 1, beta: 1, transA: 1} float32 [3, 4]
    %5 = ReduceSum(%0, (0)) float32 [3]
    dx -> %2
    dw -> %4
    dbias -> %5"
  `);
});

test("softmax: P ∘ (dP − rowsum(dP ∘ P))", () => {
  expect(gradientText({ x: ["b", 5], dy: ["b", 5] }, ({ x }) => softmax(x!))).toMatchInlineSnapshot(`
    "x: float32 [b, 5]
    dy: float32 [b, 5]
    %0 = Softmax(x) {axis: -1} float32 [b, 5]
    %1 = Mul(dy, %0) float32 [b, 5]
    %2 = ReduceSum(%1, (-1)) {keepdims: 1} float32 [b, 1]
    %3 = Sub(dy, %2) float32 [b, 5]
    %4 = Mul(%3, %0) float32 [b, 5]
    dx -> %4"
  `);
});

test("GELU: in another form than the forward operator", () => {
  expect(gradientText({ x: ["b", 5], dy: ["b", 5] }, ({ x }) => gelu(x!))).toMatchInlineSnapshot(`
    "x: float32 [b, 5]
    dy: float32 [b, 5]
    %0 = Mul(0.7071067690849304, x) float32 [b, 5]
    %1 = Erf(%0) float32 [b, 5]
    %2 = Mul(%1, 0.5) float32 [b, 5]
    %3 = Add(%2, 0.5) float32 [b, 5]
    %4 = Mul(%0, %0) float32 [b, 5]
    %5 = Sub(-0.5723649263381958, %4) float32 [b, 5]
    %6 = Exp(%5) float32 [b, 5]
    %7 = Mul(%0, %6) float32 [b, 5]
    %8 = Add(%3, %7) float32 [b, 5]
    %9 = Mul(dy, %8) float32 [b, 5]
    dx -> %9"
  `);
});

test("layer normalisation: from the operator's own row statistics", () => {
  const text = gradientText({ x: ["b", 7, 4], scale: [4], bias: [4], dy: ["b", 7, 4] }, ({ x, scale, bias }) =>
    layerNorm(x!, scale!, bias, 1e-6),
  );
  expect(text).toMatchInlineSnapshot(`
    "x: float32 [b, 7, 4]
    scale: float32 [4]
    bias: float32 [4]
    dy: float32 [b, 7, 4]
    %0 = Mul(dy, scale) float32 [b, 7, 4]
    %1 = ReduceMean(%0, (2)) {keepdims: 1} float32 [b, 7, 1]
    %2 = Sub(%0, %1) float32 [b, 7, 4]
    %3, %4, %5 = LayerNormalization(x, scale, bias) {axis: -1, epsilon: 0.000001} float32 [b, 7, 4], float32 [b, 7, 1], float32 [b, 7, 1]
    %6 = Sub(x, %4) float32 [b, 7, 4]
    %7 = Mul(%6, %5) float32 [b, 7, 4]
    %8 = Mul(%0, %7) float32 [b, 7, 4]
    %9 = ReduceMean(%8, (2)) {keepdims: 1} float32 [b, 7, 1]
    %10 = Mul(%7, %9) float32 [b, 7, 4]
    %11 = Sub(%2, %10) float32 [b, 7, 4]
    %12 = Mul(%11, %5) float32 [b, 7, 4]
    %13 = Mul(dy, %7) float32 [b, 7, 4]
    %14 = ReduceSum(%13, (0, 1)) float32 [4]
    %15 = ReduceSum(dy, (0, 1)) float32 [4]
    dx -> %12
    dscale -> %14
    dbias -> %15"
  `);
});

test("convolution: its transpose for the input, batch and channels exchanged for the weight", () => {
  const text = gradientText({ x: ["b", 3, 32, 32], w: [8, 3, 16, 16], dy: ["b", 8, 2, 2] }, ({ x, w }) =>
    conv(x!, w!, undefined, { stride: 16 }),
  );
  expect(text).toMatchInlineSnapshot(`
    "x: float32 [b, 3, 32, 32]
    w: float32 [8, 3, 16, 16]
    dy: float32 [b, 8, 2, 2]
    %0 = ConvTranspose(dy, w) {auto_pad: NOTSET, dilations: [1, 1], group: 1, kernel_shape: [16, 16], output_padding: [0, 0], pads: [0, 0, 0, 0], strides: [16, 16]} float32 [b, 3, 32, 32]
    %1 = Transpose(x) {perm: [1, 0, 2, 3]} float32 [3, b, 32, 32]
    %2 = Transpose(dy) {perm: [1, 0, 2, 3]} float32 [8, b, 2, 2]
    %3 = Conv(%1, %2) {auto_pad: NOTSET, dilations: [16, 16], group: 1, pads: [0, 0, 0, 0], strides: [1, 1]} float32 [3, 8, 16, 16]
    %4 = Transpose(%3) {perm: [1, 0, 2, 3]} float32 [8, 3, 16, 16]
    dx -> %0
    dw -> %4"
  `);
});

test("an unused part of a split has gradient 0", () => {
  const text = gradientText(
    { x: ["b", 6], dy: ["b", 2] },
    ({ x }) => applyMany("Split", [x!, tensor([2, 4], [2], "int64")], { axis: 1 })[0]!,
  );
  expect(text).toMatchInlineSnapshot(`
    "x: float32 [b, 6]
    dy: float32 [b, 2]
    %0 = ConstantOfShape((b, 4)) {to: 1} float32 [b, 4]
    %1 = Concat(dy, %0) {axis: 1} float32 [b, 6]
    dx -> %1"
  `);
});
