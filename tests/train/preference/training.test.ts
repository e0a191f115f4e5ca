import { expect, test } from "vitest";
import { stream } from "../../../src/graph/random.ts";
import { Gpt2, Gpt2Scorer } from "../../../src/models/index.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { Gpt2Writer } from "../../../src/tasks/index.ts";
import {
  type AnsweredText,
  type Comparison,
  copyWeights,
  divergenceFrom,
  fineTune,
  openLogProbabilities,
  openRewarder,
  optimizeDirectly,
  optimizePolicy,
  trainRewardModel,
} from "../../../src/train/preference/index.ts";

const runtime = await nodeRuntime({ threads: 1 });
const size = { words: 6, positions: 6, width: 16, depth: 1, heads: 2, embedDropout: 0, dropout: 0, attnDropout: 0 };
const training = { runtime, seed: 1, batchSize: 8, steps: 40, learningRate: 0.01, length: 6 };
const ids = { end: 0, bad: 1, good: 2, prompts: [3, 4, 5] } as const;

/** Answers of two words and the end; `good` is what people like, whatever the prompt. */
const comparisons: readonly Comparison[] = Array.from({ length: 40 }, (_, i) => ({
  prompt: [ids.prompts[i % 3]!],
  chosen: [i % 2 ? ids.good : ids.bad, ids.good, ids.end],
  rejected: [ids.bad, ids.bad, ids.end],
}));
const shown: readonly AnsweredText[] = comparisons.flatMap(({ prompt, chosen, rejected }) => [
  { prompt, answer: chosen },
  { prompt, answer: rejected },
]);

async function all<T>(steps: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const step of steps) found.push(step);
  return found;
}

async function imitator(): Promise<Gpt2> {
  const model = new Gpt2(size).initialize(7);
  await all(fineTune(model, shown, training));
  return model;
}

async function writtenBy(writer: Gpt2Writer, seed: number): Promise<readonly AnsweredText[]> {
  const prompts = Array.from({ length: 16 }, (_, i) => [ids.prompts[stream(seed, i).integer(3)]!]);
  const texts = await writer.write(prompts, { end: [ids.end], maxWords: 4, seed });
  return texts.map(({ words, ended }, i) => ({ prompt: prompts[i]!, answer: ended ? [...words, ids.end] : words }));
}

test("imitation comes near the entropy of what is shown, and is the same from the same seed", async () => {
  const runs = [];
  for (let run = 0; run < 2; run++) {
    const model = new Gpt2(size).initialize(7);
    const steps = await all(fineTune(model, shown, { ...training, steps: 60 }));
    runs.push({ steps, weights: [...model.variables().values()].map(({ data }) => [...data.data]) });
  }
  expect(runs[0]).toEqual(runs[1]);
  // An answer is (good, good) in 1 of 4 cases, (bad, good) in 1, (bad, bad) in 2: 1.04 nats in three words.
  expect(runs[0]!.steps.at(-1)!.loss).toBeLessThan(0.45);
});

test("dropout draws from the seed", async () => {
  const losses = [];
  for (const seed of [1, 1, 2]) {
    const model = new Gpt2({ ...size, dropout: 0.5 }).initialize(7);
    losses.push(await all(fineTune(model, shown, { ...training, seed, steps: 2 })));
  }
  expect(losses[0]).toEqual(losses[1]);
  expect(losses[0]).not.toEqual(losses[2]);
});

test("a reward model orders answers as people do, and gives 0 to what is shown", async () => {
  const model = copyWeights(new Gpt2Scorer(size).initialize(2), new Gpt2Scorer(size).initialize(3));
  const steps = await all(trainRewardModel(model, comparisons, training));
  expect(steps[0]!.loss).toBeCloseTo(Math.LN2, 1);
  expect(steps.at(-1)!.agreement).toBe(1);
  await using rewarder = await openRewarder(model, shown, training);
  const [chosen, rejected] = await rewarder.rewardsOf(shown.slice(0, 2));
  expect(chosen!).toBeGreaterThan(rejected!);
  const rewards = await rewarder.rewardsOf(shown);
  expect(rewards.reduce((a, b) => a + b, 0) / rewards.length).toBeCloseTo(0, 5);
});

test("DPO begins at log 2 and moves probability to what people chose", async () => {
  const before = await imitator();
  const model = copyWeights(new Gpt2(size), before);
  const steps = await all(optimizeDirectly(model, comparisons, { ...training, beta: 0.5 }));
  expect(steps[0]!.loss).toBeCloseTo(Math.LN2, 5);
  expect(steps.at(-1)!.loss).toBeLessThan(0.5);
  await using old = await openLogProbabilities(before, training);
  await using now = await openLogProbabilities(model, training);
  const pair = shown.slice(2, 4);
  const [oldChosen, oldRejected] = await old.ofAnswers(pair);
  const [chosen, rejected] = await now.ofAnswers(pair);
  expect(chosen! - oldChosen!).toBeGreaterThan(rejected! - oldRejected!);
});

test("PPO raises the reward, and the penalty keeps it nearer to where it began", async () => {
  const before = await imitator();
  await using reference = await openLogProbabilities(before, training);
  const rewardsOf = async (texts: readonly AnsweredText[]) =>
    Float32Array.from(texts, ({ answer }) => answer.filter((word) => word === ids.good).length);
  const final: { readonly reward: number; readonly divergence: number }[] = [];
  for (const beta of [1, 0]) {
    const policy = copyWeights(new Gpt2(size), before);
    await using writer = await Gpt2Writer.open(policy, runtime, { variables: "live" });
    const write = (iteration: number) => writtenBy(writer, iteration);
    const players = { policy, value: new Gpt2Scorer(size).initialize(4), reference, rewardsOf, write };
    const how = { runtime, seed: 1, length: 6, iterations: 25, passes: 2, batchSize: 8, learningRate: 0.01, beta };
    const reports = await all(optimizePolicy(players, how));
    expect(reports[0]!.divergence).toBeCloseTo(0, 5);
    expect(reports.at(-1)!.reward).toBeGreaterThan(reports[0]!.reward + 0.3);
    await using logs = await openLogProbabilities(policy, training);
    const written = await writtenBy(writer, 1000);
    final.push({ reward: reports.at(-1)!.reward, divergence: await divergenceFrom(reference, logs, written) });
  }
  expect(final[0]!.divergence).toBeLessThan(final[1]!.divergence);
  expect(final[0]!.reward).toBeLessThan(final[1]!.reward);
});

test("weights of another shape are refused", () => {
  expect(() => copyWeights(new Gpt2(size), new Gpt2({ ...size, width: 32 }))).toThrow(/wte.weight is \[6, 16\]/);
});
