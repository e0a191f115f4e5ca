import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { keyOf, stream } from "../../src/graph/random.ts";
import { Gru, GruCell, Lstm, LstmCell, Module, Rnn } from "../../src/nn/index.ts";
import { adam, weightDecayGroups } from "../../src/optim/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { mean, slice, sum, type Tensor } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });

function waves(...shape: readonly number[]): NdArray {
  const length = shape.reduce((product, size) => product * size, 1);
  return ndarray(
    "float32",
    shape,
    Array.from({ length }, (_, i) => Math.sin(2.3 * i + 1)),
  );
}

const networks = [
  { name: "RNN", make: (options = {}) => new Rnn(3, 4, options) },
  { name: "GRU", make: (options = {}) => new Gru(3, 4, options) },
  { name: "LSTM", make: (options = {}) => new Lstm(3, 4, options) },
] as const;

test("parameters have torch's names, shapes and order", () => {
  const network = new Lstm(3, 4, { layers: 2, bidirectional: true, projWidth: 2 });
  const layer = (k: number, end: string, read: number) => [
    [`weight_ih_l${k}${end}`, [16, read]],
    [`weight_hh_l${k}${end}`, [16, 2]],
    [`bias_ih_l${k}${end}`, [16]],
    [`bias_hh_l${k}${end}`, [16]],
    [`weight_hr_l${k}${end}`, [2, 4]],
  ];
  expect([...network.variables()].map(([name, { shape }]) => [name, shape])).toEqual([
    ...layer(0, "", 3),
    ...layer(0, "_reverse", 3),
    ...layer(1, "", 4),
    ...layer(1, "_reverse", 4),
  ]);
  expect([...new Gru(3, 4, { bias: false }).variables().keys()]).toEqual(["weight_ih_l0", "weight_hh_l0"]);
  const bound = 1 / Math.sqrt(4);
  const drawn = [...network.initialize(1).variables().values()].flatMap(({ data }) => Array.from(data.data, Number));
  expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(bound);
  expect(Math.max(...drawn)).toBeGreaterThan(0.95 * bound);
});

const broken: Readonly<Record<string, readonly [() => unknown, string]>> = {
  "no layer": [() => new Rnn(3, 4, { layers: 0 }), "layers is a whole number from 1 up, got 0"],
  "half a layer": [() => new Gru(3, 4, { layers: 1.5 }), "layers is a whole number from 1 up, got 1.5"],
  "no state": [() => new Lstm(3, 0), "hidden is a whole number from 1 up, got 0"],
  "no input": [() => new Gru(-1, 4), "width is a whole number from 1 up, got -1"],
  "a projection to nothing": [() => new Lstm(3, 4, { projWidth: 0 }), "projWidth is a whole number from 1 up, got 0"],
  "a projection to more": [() => new Lstm(3, 4, { projWidth: 4 }), "smaller than that of the state, got 4 of 4"],
  "a cell without a state": [() => new GruCell(3, Number.NaN), "hidden is a whole number from 1 up, got NaN"],
};

test.each(Object.entries(broken))("%s is refused", (_, [make, message]) => {
  expect(make).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
  );
});

test.each(networks)("$name: one executable serves every batch and every length", async ({ make }) => {
  const network = make({ layers: 2, bidirectional: true }).initialize(3);
  await using run = await compile(
    ({ x, lengths }) => ({ output: network.forward(x, { lengths }).output, whole: network.forward(x).output }),
    { x: ["b", "t", 3], lengths: { dtype: "int64", shape: ["b"] } },
    { runtime },
  );
  const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 }));
  await fc.assert(
    fc.asyncProperty(sizes, async ([b, t]) => {
      const lengths = ndarray("int64", [b], Array<number>(b).fill(t));
      const { output, whole } = await run.run({ x: waves(b, t, 3), lengths });
      expect(output!.shape).toEqual([b, t, 8]);
      expect(output!.data).toEqual(whole!.data);
    }),
    { numRuns: 12 },
  );
});

test.each(networks)("$name: a sequence in a padded batch gives what it gives alone", async ({ make }) => {
  const network = make({ bidirectional: true }).initialize(5);
  await using run = await compile(
    ({ x, lengths }) => ({ ...network.forward(x, { lengths }) }),
    { x: ["b", "t", 3], lengths: { dtype: "int64", shape: ["b"] } },
    { runtime },
  );
  const x = waves(2, 5, 3);
  const both = await run.run({ x, lengths: ndarray("int64", [2], [2, 5]) });
  const short = ndarray("float32", [1, 2, 3], Array.from(x.data.slice(0, 6), Number));
  const alone = await run.run({ x: short, lengths: ndarray("int64", [1], [2]) });
  const close = (a: NdArray, from: number, b: NdArray): void => {
    for (const [i, want] of Array.from(b.data, Number).entries()) expect(Number(a.data[from + i])).toBeCloseTo(want, 6);
  };
  close(both.output!, 0, alone.output!);
  expect(Array.from(both.output!.data.slice(16, 40), Number)).toEqual(Array(24).fill(0));
  for (const direction of [0, 1]) {
    const own = { ...alone.state!, data: alone.state!.data.slice(4 * direction, 4 * direction + 4) };
    close(both.state!, 8 * direction, own as NdArray);
  }
});

/** Networks beside the cells that make their steps. */
class Both extends Module {
  readonly gru = new Gru(3, 4);
  readonly lstm = new Lstm(3, 4);
  readonly gruCell = new GruCell(3, 4);
  readonly lstmCell = new LstmCell(3, 4);

  forward({ x, h, c }: Readonly<Record<"x" | "h" | "c", Tensor>>): Record<string, Tensor> {
    const sequence = x.reshape([2, 1, 3]);
    const initial = { state: h.reshape([1, 2, 4]), cell: c.reshape([1, 2, 4]) };
    const whole = this.lstm.forward(sequence, initial);
    const step = this.lstmCell.forward(x, { state: h, cell: c });
    const gru = this.gru.forward(sequence, { state: initial.state });
    return {
      gru: gru.state.reshape([2, 4]).sub(this.gruCell.forward(x, { state: h }).state),
      state: whole.state.reshape([2, 4]).sub(step.state),
      cell: whole.cell.reshape([2, 4]).sub(step.cell!),
    };
  }
}

test("cells make the steps of the networks", async () => {
  const both = new Both().initialize(4);
  const variables = both.variables();
  for (const name of variables.keys())
    if (name.includes("_cell.")) variables.get(name)!.data = variables.get(`${name.replace("_cell.", ".")}_l0`)!.data;
  await using run = await compile((given) => both.forward(given), { x: [2, 3], h: [2, 4], c: [2, 4] }, { runtime });
  const differences = await run.run({ x: waves(2, 3), h: waves(2, 4), c: waves(2, 4) });
  for (const { data } of Object.values(differences))
    for (const difference of data) expect(Math.abs(Number(difference))).toBeLessThan(1e-6);
});

test("dropout between the layers acts in training only", async () => {
  const network = new Gru(3, 4, { layers: 2, dropout: 0.5 }).initialize(1);
  const compiled = (train: boolean) =>
    compile(({ x }) => ({ y: network.forward(x, { mode: { train } }).output }), { x: [1, 3, 3] }, { runtime });
  await using used = await compiled(false);
  await using trained = await compiled(true);
  const x = waves(1, 3, 3);
  const still = (await used.run({ x })).y!.data;
  const first = (await trained.run({ x }, { key: keyOf(1) })).y!.data;
  const second = (await trained.run({ x }, { key: keyOf(2) })).y!.data;
  expect(first).not.toEqual(still);
  expect(first).not.toEqual(second);
});

test("a gradient needs a known number of steps, and says so", () => {
  const network = new Lstm(3, 4);
  const attempt = compile(
    ({ x }) => ({ g: grad(sum(network.forward(x).output), [x])[0]! }),
    { x: ["b", "t", 3] },
    { runtime },
  );
  return expect(attempt).rejects.toThrow(
    /LSTM: the number of time steps must be a number.*compile once for each length/,
  );
});

test.each(networks)("$name learns to say at the end what it heard at the start", async ({ make }) => {
  const network = make().initialize(7);
  const optimizer = adam(weightDecayGroups(network.parameters(), 0, []));
  await using step = await compile(
    (inputs) => {
      const { state } = network.forward(inputs.x!, { mode: { train: true } });
      // The first unit is to hold half the first number.
      const difference = slice(state, 2, 0, 1).sub(
        slice(slice(inputs.x!, 1, 0, 1), 2, 0, 1)
          .transpose([1, 0, 2])
          .mul(0.5),
      );
      const loss = mean(difference.mul(difference));
      optimizer.update(grad(loss, [...network.parameters().values()]), inputs);
      return { loss };
    },
    { x: ["b", 5, 3], ...optimizer.inputs },
    { runtime },
  );
  const random = stream(11);
  const losses: number[] = [];
  for (let i = 0; i < 150; i++) {
    const x = ndarray(
      "float32",
      [32, 5, 3],
      Array.from({ length: 480 }, () => (random.uniform() < 0.5 ? -1 : 1)),
    );
    const { loss } = await step.run({ x, ...optimizer.feeds(i, 0.02) });
    losses.push(Number(loss!.data[0]));
  }
  expect(losses[0]).toBeGreaterThan(0.15);
  expect(Math.max(...losses.slice(-10))).toBeLessThan(0.03);
});
