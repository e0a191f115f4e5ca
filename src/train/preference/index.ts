/** Learning from demonstrations and comparisons: the three steps that led to ChatGPT. */

export { type AnswerSteps, generalizedAdvantages, penalizedRewards, whitened } from "./advantages.ts";
export { copyWeights } from "./copy-weights.ts";
export { optimizeDirectly } from "./dpo.ts";
export { fineTune } from "./fine-tuning.ts";
export { divergenceFrom, type LogProbabilities, openLogProbabilities } from "./log-probabilities.ts";
export type { PreferenceTraining } from "./loss-step.ts";
export { optimizePolicy, type PolicyPlayers, type PolicyReport, type PolicyTraining } from "./ppo.ts";
export { type Comparison, openRewarder, type Rewarder, type RewardFunction, trainRewardModel } from "./reward-model.ts";
export type { AnsweredText } from "./texts.ts";
