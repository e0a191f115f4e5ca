import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { stream } from "../../src/graph/random.ts";
import { crossEntropy } from "../../src/losses/index.ts";
import { Seq2Seq, type Seq2SeqConfig } from "../../src/models/seq2seq.ts";
import { adam, clipByGlobalNorm, weightDecayGroups } from "../../src/optim/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { Seq2SeqWriter } from "../../src/tasks/decode/seq2seq.ts";

const runtime = await nodeRuntime({ threads: 1 });

const config: Seq2SeqConfig = {
  sourceWords: 9,
  targetWords: 9,
  embed: 12,
  hidden: 20,
  layers: 1,
  cell: "gru",
  attention: "additive",
  dropout: 0,
  pad: 0,
  begin: 1,
  end: 2,
};

const ids = (rows: readonly (readonly number[])[]) => ndarray("int64", [rows.length, rows[0]!.length], rows.flat());

/** Sentences of 3 words with their reversals. */
function reversals(random: ReturnType<typeof stream>, count: number) {
  const sources = Array.from({ length: count }, () => Array.from({ length: 3 }, () => 3 + random.integer(6)));
  const targets = sources.map((words) => [...words].reverse());
  return {
    source: ids(sources),
    lengths: ndarray("int64", [count], Array<number>(count).fill(3)),
    target: ids(targets.map((words) => [config.begin, ...words])),
    labels: ids(targets.map((words) => [...words, config.end])),
  };
}

describe.each([
  { cell: "gru", attention: "additive" },
  { cell: "lstm", attention: "general" },
  { cell: "gru", attention: "dot" },
] as const)("$cell with $attention attention", (kind) => {
  test("learns to reverse, and writes what it has learnt, with weights that say where it looked", async () => {
    const model = new Seq2Seq({ ...config, ...kind }).initialize(2);
    const optimizer = adam(weightDecayGroups(model.parameters(), 0, []));
    await using step = await compile(
      (inputs) => {
        const { source, lengths, target, labels } = inputs;
        const { logits } = model.forward({ source: source!, lengths: lengths!, target: target! }, { train: true });
        const loss = crossEntropy(logits, labels!, { ignoreIndex: config.pad });
        const { gradients } = clipByGlobalNorm(grad(loss, [...model.parameters().values()]), 1);
        optimizer.update(gradients, inputs);
        return { loss };
      },
      {
        source: { dtype: "int64", shape: ["b", 3] },
        lengths: { dtype: "int64", shape: ["b"] },
        target: { dtype: "int64", shape: ["b", 4] },
        labels: { dtype: "int64", shape: ["b", 4] },
        ...optimizer.inputs,
      },
      { runtime },
    );
    const random = stream(4);
    let loss = Number.NaN;
    for (let i = 0; i < 220; i++) {
      const results = await step.run({ ...reversals(random, 32), ...optimizer.feeds(i, 0.015) });
      loss = Number(results.loss!.data[0]);
    }
    expect(loss).toBeLessThan(0.2);

    await using writer = await Seq2SeqWriter.open(model, runtime);
    const sources = Array.from({ length: 12 }, () => Array.from({ length: 3 }, () => 3 + random.integer(6)));
    for (const beams of [1, 3]) {
      const written = await writer.write(sources, { beams });
      const right = written.filter(([best], i) => best!.words.join() === [...sources[i]!].reverse().join());
      expect(right.length).toBeGreaterThanOrEqual(11);
      const best = written[0]![0]!;
      expect(best.alignment.shape).toEqual([best.words.length + 1, 3]);
      for (let row = 0; row < best.alignment.shape[0]!; row++) {
        const weights = Array.from(best.alignment.data.slice(3 * row, 3 * row + 3), Number);
        expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      }
    }
  });
});

test("steps written one by one are those that are forced all at once, whatever the padding", async () => {
  const model = new Seq2Seq({ ...config, cell: "lstm", attention: "general" }).initialize(3);
  await using forced = await compile(
    ({ source, lengths, target }) => model.forward({ source, lengths, target }),
    {
      source: { dtype: "int64", shape: ["b", "s"] },
      lengths: { dtype: "int64", shape: ["b"] },
      target: { dtype: "int64", shape: ["b", 5] },
    },
    { runtime },
  );
  await using writer = await Seq2SeqWriter.open(model, runtime);
  const sources = [
    [3, 4, 5, 6, 7],
    [8, 3],
  ];
  const written = await writer.write(sources, { beams: 1, maxWords: 4 });
  for (const [i, [best]] of written.entries()) {
    const target = ids([[config.begin, ...best!.words, ...Array<number>(4 - best!.words.length).fill(0)]]);
    const source = ids([sources[i]!]);
    const { alignment } = await forced.run({ source, lengths: ndarray("int64", [1], [sources[i]!.length]), target });
    const s = sources[i]!.length;
    for (const [step] of best!.rows.entries())
      for (let place = 0; place < 5; place++) {
        const want = place < s ? Number(alignment!.data[step * s + place]) : 0;
        expect(Number(best!.alignment.data[step * 5 + place])).toBeCloseTo(want, 5);
      }
  }
});

test("without attention the decoder reads one code of the whole source", async () => {
  const model = new Seq2Seq({ ...config, attention: "none" });
  expect([...model.variables().keys()].filter((name) => name.startsWith("attention"))).toEqual([]);
  await using writer = await Seq2SeqWriter.open(model.initialize(1), runtime);
  const written = await writer.write([[3, 4]], { beams: 2, maxWords: 3 });
  expect(written[0]![0]!.words.length).toBeLessThanOrEqual(3);
});

test("empty sources and strange ids are refused, and so is dot attention of unequal widths", async () => {
  await using writer = await Seq2SeqWriter.open(new Seq2Seq(config).initialize(1), runtime);
  await expect(writer.write([[3], []], { beams: 1 })).rejects.toThrow(
    "write: a source is one or more ids from 0 to 8, got none in source 1",
  );
  await expect(writer.write([[9]], { beams: 1 })).rejects.toThrow("got 9 in source 0");
  expect(await writer.write([], { beams: 1 })).toEqual([]);
  expect(() => new Seq2Seq({ ...config, attention: "dot", decoderHidden: 20 })).toThrow("got 20 and 2 · 20");
});
