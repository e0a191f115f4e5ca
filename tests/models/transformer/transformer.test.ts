import { describe, expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../../src/graph/dtype.ts";
import { stream } from "../../../src/graph/random.ts";
import { crossEntropy } from "../../../src/losses/index.ts";
import { marianFromHuggingFace } from "../../../src/models/transformer/marian-config.ts";
import { Transformer } from "../../../src/models/transformer/transformer.ts";
import { WordTransformer, type WordTransformerOptions } from "../../../src/models/transformer/word-transformer.ts";
import { adam, noamSchedule, weightDecayGroups } from "../../../src/optim/index.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { wuPenalty } from "../../../src/tasks/decode/beam-search.ts";
import { WordTransformerWriter } from "../../../src/tasks/decode/word-transformer.ts";
import { logSoftmax } from "../../../src/tensor/index.ts";
import { marianRules } from "../../../src/weights/marian-rules.ts";
import { applyRules, invertRules } from "../../../src/weights/rules.ts";
import { memorySource } from "../../../src/weights/source.ts";

const runtime = await nodeRuntime({ threads: 1 });

const stack = { layers: 1, heads: 2, mlpWidth: 32 } as const;
const tiny = {
  sourceWords: 9,
  targetWords: 9,
  width: 16,
  encoder: stack,
  decoder: stack,
  maxWords: 12,
  dropout: 0,
} as const satisfies WordTransformerOptions;

const ids = (rows: readonly (readonly number[])[]): NdArray =>
  ndarray("int64", [rows.length, rows[0]!.length], rows.flat());

/** Sentences of one to four words, padded, with their reversals. */
function reversals(random: ReturnType<typeof stream>, count: number) {
  const sources = Array.from({ length: count }, () =>
    Array.from({ length: 1 + random.integer(4) }, () => 3 + random.integer(6)),
  );
  const padded = (words: readonly number[], length: number) => [
    ...words,
    ...Array<number>(length - words.length).fill(0),
  ];
  const targets = sources.map((words) => [...words].reverse());
  return {
    sources,
    feeds: {
      source: ids(sources.map((words) => padded(words, 4))),
      target: ids(targets.map((words) => padded([1, ...words], 5))),
      labels: ids(targets.map((words) => padded([...words, 2], 5))),
    },
  };
}

describe.each([
  { name: "the paper's arrangement", normFirst: false, finalNorm: false },
  {
    name: "norms first, learned positions and tables apart",
    normFirst: true,
    positions: "learned",
    shared: false,
    tied: false,
  },
] as const)("$name", ({ name: _, ...options }) => {
  test("learns to reverse with smoothed labels and the paper's schedule, and writes it with beams", async () => {
    const model = new WordTransformer({ ...tiny, ...options }).initialize(2);
    const optimizer = adam(weightDecayGroups(model.parameters(), 0, []), { betas: [0.9, 0.98], epsilon: 1e-9 });
    const words = { dtype: "int64", shape: ["b", "n"] } as const;
    await using step = await compile(
      (inputs) => {
        const { logits } = model.forward({ source: inputs.source!, target: inputs.target! }, { train: true });
        const loss = crossEntropy(logits, inputs.labels!, { ignoreIndex: 0, labelSmoothing: 0.1 });
        optimizer.update(grad(loss, [...model.parameters().values()]), inputs);
        return { loss };
      },
      {
        source: words,
        target: { dtype: "int64", shape: ["b", "t"] },
        labels: { dtype: "int64", shape: ["b", "t"] },
        ...optimizer.inputs,
      },
      { runtime },
    );
    const rate = noamSchedule({ width: 16, warmup: 60, factor: 0.6 });
    const random = stream(4);
    for (let i = 0; i < 300; i++) await step.run({ ...reversals(random, 48).feeds, ...optimizer.feeds(i, rate(i)) });

    await using writer = await WordTransformerWriter.open(model, runtime);
    const { sources } = reversals(random, 40);
    for (const how of [{ beams: 1 }, { beams: 4, penalty: wuPenalty(0.6) }]) {
      const written = await writer.write(sources, how);
      const right = written.filter(([best], i) => best!.words.join() === [...sources[i]!].reverse().join());
      expect(right.length).toBeGreaterThanOrEqual(38);
    }
  });
});

test("words written one by one have the probabilities of those forced all at once, whatever the padding", async () => {
  const kinds = [
    {},
    { positions: "learned", normFirst: true },
    { positions: "halves", outputBias: true, scaled: false },
  ];
  for (const options of kinds as readonly Partial<WordTransformerOptions>[]) {
    const model = new WordTransformer({ ...tiny, ...options }).initialize(5);
    await using forced = await compile(
      ({ source, target }) => ({ logs: logSoftmax(model.forward({ source, target }).logits) }),
      { source: { dtype: "int64", shape: ["b", "s"] }, target: { dtype: "int64", shape: ["b", "t"] } },
      { runtime },
    );
    await using writer = await WordTransformerWriter.open(model, runtime);
    const sources = [[3, 4, 5, 6, 7], [8], [5, 5]];
    const written = await writer.write(sources, { beams: 3, maxWords: 4 });
    for (const [i, sentences] of written.entries())
      for (const { words, ended, logProbability } of sentences) {
        const { logs } = await forced.run({ source: ids([sources[i]!]), target: ids([[1, ...words]]) });
        const total = [...words, ...(ended ? [2] : [])].reduce(
          (sum, word, place) => sum + Number(logs!.data[place * 9 + word]),
          0,
        );
        expect(logProbability).toBeCloseTo(total, 4);
      }
  }
});

test("a sentence that must end does, and banned words are not written", async () => {
  const model = new WordTransformer(tiny).initialize(6);
  await using writer = await WordTransformerWriter.open(model, runtime);
  const banned = [3, 4, 5, 6, 7];
  const [sentences] = await writer.write([[3, 4]], { beams: 3, maxWords: 3, mustEnd: true, banned });
  expect(sentences!.every(({ ended, words }) => ended && words.length <= 3)).toBe(true);
  expect(sentences!.flatMap(({ words }) => words).filter((word) => banned.includes(word))).toEqual([]);
});

test("the base model has the paper's number of parameters without its tables", () => {
  // 6 (4 d² + 2 d e + 9 d + e) and 6 (8 d² + 2 d e + 15 d + e), and two last normalisations.
  const [d, e] = [512, 2048];
  const layers = 6 * (4 * d * d + 2 * d * e + 9 * d + e) + 6 * (8 * d * d + 2 * d * e + 15 * d + e);
  expect(new Transformer().parameterCount()).toBe(layers + 4 * d);
  expect(new Transformer({ finalNorm: false }).parameterCount()).toBe(layers);
});

test("MarianMT's names lead to ours and back, and what older files carry is dropped", async () => {
  const model = new WordTransformer(
    marianFromHuggingFace({
      ...{ vocab_size: 9, d_model: 8, encoder_layers: 1, decoder_layers: 2, pad_token_id: 8 },
      ...{ encoder_attention_heads: 2, decoder_attention_heads: 2, encoder_ffn_dim: 6, decoder_ffn_dim: 6 },
      ...{ max_position_embeddings: 8, decoder_start_token_id: 8, activation_function: "swish" },
    }),
  );
  const own = [...model.variables()].map(([name, { data }]) => [name, data] as const);
  const theirs = applyRules(memorySource(own), invertRules(marianRules()));
  const names = [...theirs.names()];
  // 16 tensors in an encoder's layer, 26 in a decoder's; the table and the bias of the logits.
  expect(names).toHaveLength(16 + 2 * 26 + 2);
  expect(names).toContain("model.decoder.layers.1.encoder_attn.v_proj.bias");
  const older = ["model.encoder.embed_tokens.weight", "model.decoder.embed_positions.weight", "lm_head.weight"];
  const extra = older.map((name) => [name, ndarray("float32", [1], [0])] as const);
  const written = await Promise.all(names.map(async (name) => [name, await theirs.read(name)] as const));
  const whole = memorySource([...written, ...extra]);
  expect([...applyRules(whole, marianRules()).names()].sort()).toEqual(own.map(([name]) => name).sort());
});

test("sentences and configurations that cannot be are refused", async () => {
  await using writer = await WordTransformerWriter.open(new WordTransformer(tiny).initialize(1), runtime);
  await expect(writer.write([[3], []], { beams: 1 })).rejects.toThrow("1 to 12 ids from 0 to 8, got 0 ids in source 1");
  await expect(writer.write([[9]], { beams: 1 })).rejects.toThrow("got 9 in source 0");
  await expect(writer.write([Array<number>(13).fill(3)], { beams: 1 })).rejects.toThrow("got 13 ids");
  expect(await writer.write([], { beams: 1 })).toEqual([]);
  expect(() => new WordTransformer({ ...tiny, targetWords: 8, shared: true })).toThrow("got 9 and 8");
  expect(() => marianFromHuggingFace({ normalize_before: true }, "c.json")).toThrow(
    '"normalize_before" false, got true in c.json',
  );
  expect(() => marianFromHuggingFace({ d_model: "wide" })).toThrow('"d_model" must be a number, got "wide"');
});
