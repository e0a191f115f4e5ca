/** What each word of an answer is worth beside what was expected of it. */

/** The words of one answer, in their order. */
export interface AnswerSteps {
  /** Reward at each word. */
  readonly rewards: readonly number[];
  /** What the value function expected before each word. */
  readonly values: readonly number[];
}

/**
 * Rewards of the words of an answer: −β (log π − log π₀) each, which keeps the policy near the reference, and at the last word the answer's reward.
 * @source Ziegler et al., arXiv:1909.08593, equation 2; Ouyang et al., arXiv:2203.02155, section 3.5
 */
export function penalizedRewards(
  reward: number,
  {
    logP,
    referenceLogP,
    beta,
  }: { readonly logP: readonly number[]; readonly referenceLogP: readonly number[]; readonly beta: number },
): readonly number[] {
  return logP.map((ours, t) => (t === logP.length - 1 ? reward : 0) - beta * (ours - referenceLogP[t]!));
}

/**
 * Generalised advantage estimation: A_t = Σ_l (γλ)^l δ_{t+l} with δ_t = r_t + γ V_{t+1} − V_t, and V = 0 after the last word.
 * @returns advantages, and returns A + V that the values are to learn
 * @source Schulman et al., arXiv:1506.02438, equation 16
 */
export function generalizedAdvantages(
  { rewards, values }: AnswerSteps,
  { gamma, lambda }: { readonly gamma: number; readonly lambda: number },
): { readonly advantages: readonly number[]; readonly returns: readonly number[] } {
  const advantages = new Array<number>(rewards.length);
  let later = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const surprise = rewards[t]! + gamma * (values[t + 1] ?? 0) - values[t]!;
    later = surprise + gamma * lambda * later;
    advantages[t] = later;
  }
  return { advantages, returns: advantages.map((advantage, t) => advantage + values[t]!) };
}

/** The same numbers with mean 0 and deviation 1; with no deviation, 0. */
export function whitened(numbers: readonly number[]): readonly number[] {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const deviation = Math.sqrt(numbers.reduce((total, x) => total + (x - mean) ** 2, 0) / numbers.length);
  return numbers.map((x) => (x - mean) / (deviation + 1e-8));
}
