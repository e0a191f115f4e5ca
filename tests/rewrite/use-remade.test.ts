import { expect, test } from "vitest";
import { compile, traceGraph } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import { Gru, Lstm } from "../../src/nn/index.ts";
import { useRemade } from "../../src/rewrite/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sum, type Tensor } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });
const options = { layers: 2, bidirectional: true };
const networks = { Gru: new Gru(3, 4, options).initialize(1), Lstm: new Lstm(3, 4, options).initialize(2) };
const specs = { x: [2, 5, 3], lengths: { dtype: "int64", shape: [2] } } as const;

/** All results of a network; `y` is read by the loss and by the caller. */
function results(
  network: Gru | Lstm,
  { x, lengths }: Readonly<Record<"x" | "lengths", Tensor>>,
  differentiate: boolean,
) {
  const { output, ...last } = network.forward(x, { lengths });
  if (!differentiate) return { output, ...last };
  const loss = [output, ...Object.values(last)].map((t) => sum(t.mul(t))).reduce((a, b) => a.add(b));
  return { output, ...last, loss, slope: grad(loss, [x])[0]! };
}

test.each(Object.entries(networks))(
  "%s: where the gradient makes the states again, no operator is left",
  (_, network) => {
    const operators = (differentiate: boolean): readonly string[] => {
      const { graph } = traceGraph((given) => results(network, given, differentiate), specs);
      return topologicalOrder(rootsOf(useRemade(graph))).map(({ op }) => op);
    };
    const fused = network instanceof Gru ? "GRU" : "LSTM";
    expect(operators(false).filter((op) => op === fused)).toHaveLength(2);
    expect(operators(true).filter((op) => op === fused)).toEqual([]);
  },
);

test.each(Object.entries(networks))(
  "%s: the results are those of the operator, padding and last states too",
  async (_, network) => {
    await using used = await compile((given) => results(network, given, false), specs, { runtime });
    await using trained = await compile((given) => results(network, given, true), specs, { runtime });
    const x = ndarray(
      "float32",
      [2, 5, 3],
      Array.from({ length: 30 }, (_, i) => Math.sin(3 * i)),
    );
    const feeds = { x, lengths: ndarray("int64", [2], [3, 5]) };
    const [want, got] = [await used.run(feeds), await trained.run(feeds)];
    for (const [name, array] of Object.entries(want))
      for (const [i, number] of Array.from(array.data, Number).entries())
        expect(Number(got[name]!.data[i]), `${name} ${i}`).toBeCloseTo(number, 6);
  },
);
