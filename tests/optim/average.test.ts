import { expect, test } from "vitest";
import { inPlaceVariables } from "../../src/compile/in-place.ts";
import { compile, traceGraph } from "../../src/compile/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { makeVariable } from "../../src/graph/graph.ts";
import { modelAverage } from "../../src/optim/average.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { recordUpdate, type Tensor } from "../../src/tensor/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

test.skipIf(!hasShared)("averages follow timm's ModelEmaV3", async () => {
  const golden = readGolden<{ readonly decay: number }>("ops-ema");
  const variables = [0, 1].map((i) => {
    const start = goldenTensor(golden, `input.value.0.${i}`);
    return makeVariable(`p${i}`, "float32", start.shape, () => start);
  });
  const average = modelAverage(variables, { decay: golden.config.decay });
  expect([...average.state.keys()]).toEqual(["p0/average", "p1/average"]);
  const step = (inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> => {
    for (const [i, variable] of variables.entries()) recordUpdate(variable, inputs[`v${i}`]!.add(0).value);
    average.update(inputs);
    return {};
  };
  const specs = { v0: variables[0]!.shape, v1: variables[1]!.shape, ...average.inputs };
  const inPlace = inPlaceVariables(traceGraph(step, specs).graph);
  for (const variable of average.state.values()) expect(inPlace).toContain(variable);
  await using run = await compile(step, specs, { runtime });
  for (let t = 1; t <= 4; t++) {
    const values = { v0: goldenTensor(golden, `input.value.${t}.0`), v1: goldenTensor(golden, `input.value.${t}.1`) };
    await run.run({ ...values, ...average.feeds(t - 1) });
    for (const i of [0, 1])
      expectClose(
        average.state.get(`p${i}/average`)!.data,
        goldenTensor(golden, `output.average.${t}.${i}`),
        golden.tolerance,
        `average ${i}, step ${t}`,
      );
  }
});

test("with a warm-up the first averages forget faster", () => {
  const average = modelAverage([], { decay: 0.9, warmup: { gamma: 1, power: 2 / 3 } });
  const shares = [0, 1, 2, 1000].map((step) => average.feeds(step).average_share!);
  // timm: decay 0, 1 − 2^(−2/3), 1 − 3^(−2/3), and no more than 0.9.
  const wanted = ndarray("float32", [4], [1, 2 ** (-2 / 3), 3 ** (-2 / 3), 0.1]);
  expect(shares.map(({ data }) => data[0])).toEqual([...(wanted.data as Float32Array)]);
});
