import { expect, test } from "vitest";
import { evaluatorFor, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/losses/index.ts";
import { rewriteForTraining } from "../../src/rewrite/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { logSoftmax, sum, tensor } from "../../src/tensor/index.ts";

const evaluate = evaluatorFor(await nodeRuntime({ threads: 1 }));

test("the gradient of a cross-entropy is softmax less smoothed one-hot, and writes out neither zeros nor a one-hot", async () => {
  const { graph } = traceGraph(
    ({ logits, labels }) => {
      const loss = crossEntropy(logits!, labels!, { labelSmoothing: 0.1 });
      return { gradient: grad(loss, [logits!])[0]! };
    },
    { logits: ["b", 5, 7], labels: { dtype: "int64", shape: ["b", 5] } },
  );
  const ops = topologicalOrder(rewriteForTraining(graph).outputs.values())
    .filter(({ outputs: [y] }) => y!.shape.length === 3 && y!.shape[2] === 7)
    .map(({ op }) => op);
  expect(ops).toEqual(["LogSoftmax", "Exp", "Mul", "Add", "ScatterElements"]);

  const logits = tensor([0.5, -1, 2, 3, 0, -2], [2, 3]);
  const loss = crossEntropy(logits, tensor([2, 0], [2], "int64"), { labelSmoothing: 0.3 });
  const [gradient] = await evaluate(grad(loss, [logits]).map(({ value }) => value));
  const rows: readonly (readonly [row: readonly number[], label: number])[] = [
    [[0.5, -1, 2], 2],
    [[3, 0, -2], 0],
  ];
  const want = rows.flatMap(([row, label]) => {
    const all = row.reduce((total, x) => total + Math.exp(x), 0);
    return row.map((x, i) => (Math.exp(x) / all - 0.1 - (i === label ? 0.7 : 0)) / 2);
  });
  for (const [i, value] of gradient!.data.entries()) expect(Number(value)).toBeCloseTo(want[i]!, 6);
});

test("terms that repeat along other axes, too, and sums of several shapes, are added up as they are", async () => {
  const x = tensor([0.5, -1, 2, 3, 0, -2], [2, 3]);
  const y = logSoftmax(x, 0);
  const weights = tensor([1, 2, 3], [3]);
  const f = sum(y.mul(2))
    .add(sum(y.mul(weights)))
    .add(sum(sum(y, { axes: [1] })));
  const [gradient] = await evaluate(grad(f, [x]).map(({ value }) => value));
  const [above, below] = [
    [0.5, -1, 2],
    [3, 0, -2],
  ] as const;
  for (const [i, a] of above.entries()) {
    const b = below[i]!;
    const weight = 3 + [1, 2, 3][i]!;
    const p = 1 / (1 + Math.exp(b - a));
    expect(Number(gradient!.data[i])).toBeCloseTo(weight * (1 - 2 * p), 5);
    expect(Number(gradient!.data[3 + i])).toBeCloseTo(weight * (1 - 2 * (1 - p)), 5);
  }
});
