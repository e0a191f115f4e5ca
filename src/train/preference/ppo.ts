/** Proximal policy optimisation: the GPT writes, a reward model judges, and what was judged well becomes more probable, near the reference. */

import { compile } from "../../compile/index.ts";
import { ndarray } from "../../graph/dtype.ts";
import { foldIn, keyOf, permutation } from "../../graph/random.ts";
import { clippedPolicyLoss, clippedValueLoss, wordLogProbabilities } from "../../losses/index.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import type { Gpt2Scorer } from "../../models/gpt2/scorer.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { generalizedAdvantages, penalizedRewards, whitened } from "./advantages.ts";
import type { LogProbabilities } from "./log-probabilities.ts";
import { compileLossStep } from "./loss-step.ts";
import type { RewardFunction } from "./reward-model.ts";
import { type AnsweredText, textArrays, textSpecs } from "./texts.ts";

/** Who takes part. */
export interface PolicyPlayers {
  /** The GPT that is trained. */
  readonly policy: Gpt2;
  /** Expects, after each word, what the answer will bring; trained beside the policy. Begins best as the reward model. */
  readonly value: Gpt2Scorer;
  /** The GPT that the policy is to stay near: itself, before. */
  readonly reference: LogProbabilities;
  readonly rewardsOf: RewardFunction;
  /** New prompts and the policy's answers to them, drawn at temperature 1 from the weights that it has now. */
  readonly write: (iteration: number) => Promise<readonly AnsweredText[]>;
}

/** How it is done. */
export interface PolicyTraining {
  readonly runtime: Runtime;
  readonly seed: number;
  /** n: words of the longest text that there can be. */
  readonly length: number;
  readonly iterations: number;
  /** Passes over the texts that `write` gave. */
  readonly passes: number;
  /** Texts of one update; what `write` gives is a multiple of it. */
  readonly batchSize: number;
  /** The first; falls to 0 in a line. */
  readonly learningRate: number;
  /** β of the penalty for leaving the reference; 0 is no guard at all. */
  readonly beta: number;
}

/** What one iteration found, before it learnt from it. */
export interface PolicyReport {
  /** Mean of what the reward model gave. */
  readonly reward: number;
  /** Mean of log π/π₀ of the answers, in nats. */
  readonly divergence: number;
  /** Mean number of words of the answers. */
  readonly words: number;
  readonly texts: readonly AnsweredText[];
}

/** No discount: answers are short, and only their ends are judged. λ and ε are those of Ziegler et al. */
const [gamma, lambda, range] = [1, 0.95, 0.2];

/** Weight of the value function's loss. */
const valueWeight = 0.5;

/**
 * Trains policy and value function; yields what each iteration found.
 * @throws {VitrineError} INVALID_ARGUMENT for a text that is longer than `length`.
 * @source Schulman et al., arXiv:1707.06347; Ziegler et al., arXiv:1909.08593, section 2.2; Ouyang et al., arXiv:2203.02155, section 3.5
 */
export async function* optimizePolicy(
  { policy, value, reference, rewardsOf, write }: PolicyPlayers,
  training: PolicyTraining,
): AsyncGenerator<PolicyReport> {
  const { runtime, seed, length, iterations, passes, batchSize, learningRate, beta } = training;
  const { ids, labels } = textSpecs(batchSize, length);
  const perWord = [batchSize, length] as const;
  await using step = await compileLossStep(
    [policy, value],
    { ids, labels, oldLogP: perWord, oldValues: perWord, advantages: perWord, returns: perWord, counted: perWord },
    ({ ids, labels, oldLogP, oldValues, advantages, returns, counted }) => {
      const logP = wordLogProbabilities(policy.forward(ids), labels);
      const policyLoss = clippedPolicyLoss(logP, { oldLogP, advantages, counted }, range);
      const valueLoss = clippedValueLoss(value.forward(ids), { oldValues, returns, counted }, range);
      return { loss: policyLoss.add(valueLoss.mul(valueWeight)), policyLoss, valueLoss };
    },
    training,
  );
  await using now = await compile(
    (inputs) => ({
      logP: wordLogProbabilities(policy.forward(inputs.ids), inputs.labels),
      values: value.forward(inputs.ids),
    }),
    textSpecsOf(length),
    { runtime, variables: "live" },
  );
  for (let iteration = 0; iteration < iterations; iteration++) {
    const texts = await write(iteration);
    const { ids, labels } = textArrays(texts, length);
    const { logP, values } = await now.run({ ids, labels });
    const found = judged(texts, {
      length,
      beta,
      rewards: await rewardsOf(texts),
      logP: logP!.data as Float32Array,
      referenceLogP: await reference.ofWords(texts),
      values: values!.data as Float32Array,
    });
    yield { ...found.report, texts };
    const rate = learningRate * (1 - iteration / iterations);
    for (let pass = 0; pass < passes; pass++) {
      const order = permutation(foldIn(keyOf(seed), "order", iteration, pass), texts.length);
      for (let first = 0; first + batchSize <= texts.length; first += batchSize) {
        const rows = order.subarray(first, first + batchSize);
        const { ids, labels } = textArrays(
          [...rows].map((row) => texts[row]!),
          length,
        );
        const picked = Object.entries(found.perWord).map(
          ([name, data]) => [name, ndarray("float32", perWord, rowsOf(data, rows, length))] as const,
        );
        await step.take({ ids, labels, ...Object.fromEntries(picked) }, rate);
      }
    }
  }
}

function textSpecsOf(length: number): Pick<ReturnType<typeof textSpecs<"b">>, "ids" | "labels"> {
  const { ids, labels } = textSpecs("b", length);
  return { ids, labels };
}

interface Written {
  readonly length: number;
  readonly beta: number;
  /** [b] */
  readonly rewards: Float32Array;
  /** [b · n] each */
  readonly logP: Float32Array;
  readonly referenceLogP: Float32Array;
  readonly values: Float32Array;
}

type PerWord = Readonly<Record<"oldLogP" | "oldValues" | "advantages" | "returns" | "counted", Float32Array>>;

/** Turns rewards of answers into what each word is worth. */
function judged(
  texts: readonly AnsweredText[],
  { length, beta, rewards, logP, referenceLogP, values }: Written,
): { readonly perWord: PerWord; readonly report: Omit<PolicyReport, "texts"> } {
  const blank = (): Float32Array => new Float32Array(logP.length);
  const perWord = { oldLogP: logP, oldValues: values, advantages: blank(), returns: blank(), counted: blank() };
  const all: { readonly place: number; readonly advantage: number }[] = [];
  let divergence = 0;
  for (const [row, { prompt, answer }] of texts.entries()) {
    const begin = row * length + prompt.length - 1;
    const part = (numbers: Float32Array): number[] => [...numbers.subarray(begin, begin + answer.length)];
    const ours = part(logP);
    const theirs = part(referenceLogP);
    divergence += ours.reduce((total, log, t) => total + log - theirs[t]!, 0);
    const wordRewards = penalizedRewards(rewards[row]!, { logP: ours, referenceLogP: theirs, beta });
    const { advantages, returns } = generalizedAdvantages(
      { rewards: wordRewards, values: part(values) },
      { gamma, lambda },
    );
    for (const [t, advantage] of advantages.entries()) {
      all.push({ place: begin + t, advantage });
      perWord.returns[begin + t] = returns[t]!;
      perWord.counted[begin + t] = 1;
    }
  }
  for (const [i, advantage] of whitened(all.map(({ advantage }) => advantage)).entries())
    perWord.advantages[all[i]!.place] = advantage;
  const report = {
    reward: rewards.reduce((a, b) => a + b, 0) / texts.length,
    divergence: divergence / texts.length,
    words: all.length / texts.length,
  };
  return { perWord, report };
}

/** Some rows of [b · n]. */
function rowsOf(data: Float32Array, rows: Uint32Array, length: number): Float32Array {
  const picked = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) picked.set(data.subarray(row * length, (row + 1) * length), i * length);
  return picked;
}
