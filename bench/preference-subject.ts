/** One seed of bench/preference.ts: all steps on the built-in instructions, each measured. */

import {
  comparisonNoise,
  drawDemonstration,
  drawInstruction,
  drawPreference,
  endOfAnswer,
  instructionLength,
  instructionWords,
  longestDemonstration,
  succeeds,
} from "../src/data/text/instructions.ts";
import { stream } from "../src/graph/random.ts";
import { Gpt2, Gpt2Scorer } from "../src/models/index.ts";
import type { Runtime } from "../src/runtime/runtime.ts";
import { Gpt2Writer } from "../src/tasks/index.ts";
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
} from "../src/train/preference/index.ts";

/** What one model does on instructions that are held back. */
export interface Measured {
  readonly name: string;
  /** Shares of right answers: drawn at temperature 1, and of the likeliest words. */
  readonly sampled: number;
  readonly likeliest: number;
  /** Mean of the reward model on the drawn answers. */
  readonly reward: number;
  /** Mean of log π/π₀ of the drawn answers, in nats. */
  readonly divergence: number;
  /** Mean number of words of the drawn answers, their ends included. */
  readonly words: number;
  /** The first of the drawn answers, with their instructions. */
  readonly examples: readonly string[];
}

/** One iteration of PPO, before it learnt. */
export interface Iteration {
  readonly reward: number;
  readonly divergence: number;
  /** Share of right answers among the new instructions of the iteration. */
  readonly success: number;
}

/** Everything of one seed. */
export interface SeedResult {
  readonly seed: number;
  readonly measured: readonly Measured[];
  readonly guarded: readonly Iteration[];
  readonly unguarded: readonly Iteration[];
  /** Share of pairs with one right answer, drawn anew, in which the reward model prefers that one. */
  readonly rewardAgreement: number;
}

/** Most words that are written; more than any demonstration has, so that a policy can go beyond them. */
const mostWords = longestDemonstration + 2;
const length = instructionLength + mostWords;
const shape = { words: instructionWords.length, positions: length, width: 64, depth: 2, heads: 4 } as const;
const size = { ...shape, embedDropout: 0, dropout: 0, attnDropout: 0 };

/** How much of everything. */
const demonstrations = { count: 16_000, steps: 600, learningRate: 4e-3 } as const;
const compared = { count: 2000, steps: 120, rewardRate: 5e-4, dpoRate: 3e-4 } as const;
/** DPO knows how noisy the comparisons are. */
const dpo = { beta: 0.5, labelSmoothing: comparisonNoise } as const;
/** How PPO is run. */
export const ppo = { iterations: 50, texts: 64, passes: 2, batchSize: 32, learningRate: 5e-4, beta: 0.1 } as const;
const testCount = 500;

type Prompt = readonly number[];

/** Runs all steps of one seed, and tells what it does. */
export async function runSeed(seed: number, runtime: Runtime, tell: (line: string) => void): Promise<SeedResult> {
  const common = { runtime, seed, length, batchSize: 64 };
  const prompts = (name: string, count: number, heldBack = false): readonly Prompt[] =>
    Array.from({ length: count }, (_, i) => drawInstruction(stream(seed, name, i), heldBack));

  const imitator = new Gpt2(size).initialize(seed);
  const shown = prompts("shown", demonstrations.count).map((prompt, i) => ({
    prompt,
    answer: drawDemonstration(stream(seed, "demonstration", i), prompt),
  }));
  const shownLength = instructionLength + longestDemonstration;
  for await (const { loss } of every(
    150,
    fineTune(imitator, shown, { ...common, ...demonstrations, length: shownLength }),
  ))
    tell(`imitation: loss ${loss.toFixed(3)}`);
  await using reference = await openLogProbabilities(imitator, { runtime, length });

  await using writer = await Gpt2Writer.open(imitator, runtime);
  const pairsOf = async (texts: readonly Prompt[], first: number) =>
    [await answered(writer, texts, first), await answered(writer, texts, first + 1)] as const;
  const [a, b] = await pairsOf(prompts("compared", compared.count), 1);
  const comparisons = a.flatMap(({ prompt, answer }, i): readonly Comparison[] => {
    const other = b[i]!.answer;
    // Nobody is asked which of two equal answers is better.
    if (answer.join() === other.join()) return [];
    const first = drawPreference(stream(seed, "preference", i), prompt, answer, other);
    return [first ? { prompt, chosen: answer, rejected: other } : { prompt, chosen: other, rejected: answer }];
  });

  tell(`${comparisons.length} comparisons`);

  const rewardModel = new Gpt2Scorer(size).initialize(seed);
  copyWeights(rewardModel.transformer, imitator);
  const rewardTraining = { ...common, steps: compared.steps, learningRate: compared.rewardRate };
  for await (const { loss, agreement } of every(40, trainRewardModel(rewardModel, comparisons, rewardTraining)))
    tell(`reward model: loss ${loss.toFixed(3)}, agrees with people on ${percent(agreement)}`);
  await using rewarder = await openRewarder(rewardModel, shown.slice(0, 500), { runtime, length });
  const rewardAgreement = await agreementOf(rewarder.rewardsOf, ...(await pairsOf(prompts("judged", 400, true), 3)));

  const test = prompts("test", testCount, true);
  const measure = async (name: string, model: Gpt2): Promise<Measured> => {
    await using its = await Gpt2Writer.open(model, runtime);
    await using logs = await openLogProbabilities(model, { runtime, length });
    const drawn = await answered(its, test, 5);
    const measured = {
      name,
      sampled: successOf(drawn),
      likeliest: successOf(await answered(its, test, 5, 0)),
      reward: meanOf(await rewarder.rewardsOf(drawn)),
      divergence: await divergenceFrom(reference, logs, drawn),
      words: meanOf(drawn.map(({ answer }) => answer.length)),
      examples: drawn.slice(0, 3).map(({ prompt, answer }) => wordsOf([...prompt, ...answer])),
    };
    tell(
      `${name}: right ${percent(measured.sampled)} drawn, ${percent(measured.likeliest)} likeliest; reward ${measured.reward.toFixed(2)}, KL ${measured.divergence.toFixed(2)}`,
    );
    return measured;
  };

  const measured = [await measure("imitation", imitator)];

  const direct = copyWeights(new Gpt2(size), imitator);
  const directly = { ...common, steps: compared.steps, learningRate: compared.dpoRate };
  for await (const { loss, agreement } of every(40, optimizeDirectly(direct, comparisons, { ...directly, ...dpo })))
    tell(`DPO: loss ${loss.toFixed(3)}, agrees with people on ${percent(agreement)}`);
  measured.push(await measure("DPO", direct));

  const byPolicy = async (name: string, beta: number): Promise<readonly Iteration[]> => {
    const policy = copyWeights(new Gpt2(size), imitator);
    const value = copyWeights(new Gpt2Scorer(size), rewardModel);
    await using its = await Gpt2Writer.open(policy, runtime, { variables: "live" });
    const write = (iteration: number): Promise<readonly AnsweredText[]> =>
      answered(its, prompts(`ppo.${iteration}`, ppo.texts), 100 + iteration);
    const players = { policy, value, reference, rewardsOf: rewarder.rewardsOf, write };
    const iterations: Iteration[] = [];
    for await (const { texts, reward, divergence, words } of optimizePolicy(players, { ...common, ...ppo, beta })) {
      const success = successOf(texts);
      iterations.push({ reward, divergence, success });
      if (iterations.length % 10 === 0)
        tell(
          `${name}: reward ${reward.toFixed(2)}, KL ${divergence.toFixed(2)}, ${words.toFixed(1)} words, right ${percent(success)}`,
        );
    }
    measured.push(await measure(name, policy));
    return iterations;
  };
  const guarded = await byPolicy(`PPO, β = ${ppo.beta}`, ppo.beta);
  const unguarded = await byPolicy("PPO, β = 0", 0);
  return { seed, measured, guarded, unguarded, rewardAgreement };
}

/** What a writer answers. */
async function answered(
  writer: Gpt2Writer,
  prompts: readonly Prompt[],
  seed: number,
  temperature = 1,
): Promise<readonly AnsweredText[]> {
  const texts = await writer.write(prompts, { end: [endOfAnswer], maxWords: mostWords, seed, temperature });
  return texts.map(({ words, ended }, i) => ({ prompt: prompts[i]!, answer: ended ? [...words, endOfAnswer] : words }));
}

/** Of pairs of which one is right: the share in which it has the higher reward. */
async function agreementOf(
  rewardsOf: (texts: readonly AnsweredText[]) => Promise<Float32Array>,
  a: readonly AnsweredText[],
  b: readonly AnsweredText[],
): Promise<number> {
  const [first, second] = [await rewardsOf(a), await rewardsOf(b)];
  const right = (texts: readonly AnsweredText[], i: number): boolean => succeeds(texts[i]!.prompt, texts[i]!.answer);
  const decided = a.flatMap((_, i) => (right(a, i) !== right(b, i) ? [first[i]! > second[i]! === right(a, i)] : []));
  return meanOf(decided.map(Number));
}

const successOf = (texts: readonly AnsweredText[]): number =>
  meanOf(texts.map(({ prompt, answer }) => Number(succeeds(prompt, answer))));

function meanOf(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length;
}

const wordsOf = (ids: readonly number[]): string => ids.map((id) => instructionWords[id]).join(" ");

/** A share as people read it. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Means of each so many steps. */
async function* every<T extends Readonly<Record<string, number>>>(
  count: number,
  steps: AsyncIterable<T>,
): AsyncGenerator<T> {
  let recent: T[] = [];
  for await (const step of steps) {
    recent.push(step);
    if (recent.length < count) continue;
    const names = Object.keys(step) as (keyof T)[];
    yield Object.fromEntries(names.map((name) => [name, meanOf(recent.map((one) => one[name]!))])) as T;
    recent = [];
  }
}
