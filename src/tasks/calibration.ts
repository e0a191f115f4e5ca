/**
 * Whether a classifier's probabilities can be believed, and the one number that mends most of it.
 *
 * Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
 */

/** Answers to labelled pictures. */
export interface Answers {
  /** [n, classes], row by row. */
  readonly logits: Float32Array;
  /** [n]. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Pictures whose best probability lies in (low, high]. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean of the best probability; NaN where the bin is empty. */
  readonly confidence: number;
  /** Share that is right; NaN where the bin is empty. */
  readonly accuracy: number;
}

/** How far probabilities are from frequencies. */
export interface Calibration {
  /** Expected calibration error: mean of |accuracy − confidence| over the bins, weighted by their counts; in [0, 1]. (3) */
  readonly ece: number;
  /** Mean of −log of the right label's probability. */
  readonly nll: number;
  readonly bins: readonly ReliabilityBin[];
}

/**
 * Compares the best probability with how often it is right.
 * @param bins number of bins of equal width
 * @param temperature divides the logits; default 1
 */
export function calibration(answers: Answers, bins = 15, temperature = 1): Calibration {
  const [counts, confidences, hits] = [new Float64Array(bins), new Float64Array(bins), new Float64Array(bins)];
  let nll = 0;
  const n = answers.labels.length;
  for (let i = 0; i < n; i++) {
    const { given, confidence, surprise } = judge(answers, i, 1 / temperature);
    const bin = Math.min(Math.max(Math.ceil(confidence * bins) - 1, 0), bins - 1);
    counts[bin]!++;
    confidences[bin]! += confidence;
    if (given === answers.labels[i]) hits[bin]!++;
    nll += surprise;
  }
  const table = Array.from(counts, (count, i) => ({
    low: i / bins,
    high: (i + 1) / bins,
    count,
    confidence: confidences[i]! / count,
    accuracy: hits[i]! / count,
  }));
  const ece = table.reduce((sum, bin, i) => sum + (bin.count > 0 ? Math.abs(hits[i]! - confidences[i]!) / n : 0), 0);
  return { ece, nll: nll / n, bins: table };
}

/** A temperature, and what it does to pictures that it was not chosen by. */
export interface Temperature {
  /** Divide the logits by it; above 1 the model was too sure. */
  readonly temperature: number;
  /** Whether the best one lies beyond the range that was searched: a model without a mistake wants ever larger logits. */
  readonly atBound: boolean;
  /** Each half of the pictures under the temperature of the other half. */
  readonly heldOut: Pick<Calibration, "ece" | "nll">;
}

/** Least and largest factor on the logits that is tried. */
const factors = { least: 0.01, most: 100 } as const;

/**
 * The temperature T > 0 under which logits / T have the least mean cross-entropy. That is convex in 1 / T, so the zero of its slope is found by bisection.
 * @param bins of the calibration error in `heldOut`
 */
export function fitTemperature(answers: Answers, bins = 15): Temperature {
  const all = Array.from({ length: answers.labels.length }, (_, i) => i);
  const factor = bestFactor(answers, all);
  const halves = [all.filter((i) => i % 2 === 0), all.filter((i) => i % 2 === 1)];
  const scaled = answers.logits.slice();
  for (const [h, half] of halves.entries()) {
    const other = bestFactor(answers, halves[1 - h]!);
    for (const i of half)
      for (let j = i * answers.classes; j < (i + 1) * answers.classes; j++) scaled[j] = scaled[j]! * other;
  }
  const { ece, nll } = calibration({ ...answers, logits: scaled }, bins);
  return {
    temperature: 1 / factor,
    atBound: factor === factors.least || factor === factors.most,
    heldOut: { ece, nll },
  };
}

/** 1 / T for some of the answers; 1 for none. */
function bestFactor(answers: Answers, which: readonly number[]): number {
  if (which.length === 0) return 1;
  const slope = (factor: number): number => which.reduce((sum, i) => sum + judge(answers, i, factor).slope, 0);
  if (slope(factors.most) <= 0) return factors.most;
  if (slope(factors.least) >= 0) return factors.least;
  let [low, high] = [Math.log(factors.least), Math.log(factors.most)];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (slope(Math.exp(middle)) < 0) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

interface Judged {
  readonly given: number;
  /** Probability of the label given. */
  readonly confidence: number;
  /** −log of the right label's probability. */
  readonly surprise: number;
  /** Its derivative by the factor: the mean logit under the probabilities, minus the right label's. */
  readonly slope: number;
}

function judge({ logits, labels, classes }: Answers, i: number, factor: number): Judged {
  const at = i * classes;
  let given = 0;
  for (let j = 1; j < classes; j++) if (logits[at + j]! > logits[at + given]!) given = j;
  const largest = logits[at + given]!;
  let [total, weighted] = [0, 0];
  for (let j = 0; j < classes; j++) {
    const distance = logits[at + j]! - largest;
    const part = Math.exp(factor * distance);
    total += part;
    weighted += part * distance;
  }
  const right = logits[at + labels[i]!]! - largest;
  return {
    given,
    confidence: 1 / total,
    surprise: Math.log(total) - factor * right,
    slope: weighted / total - right,
  };
}
