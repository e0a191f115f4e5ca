/**
 * Labels that are probably wrong, by confident learning.
 *
 * Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021), arXiv:1911.00068. A picture counts as one of class j
 * where its probability of j reaches t_j, the mean probability of j over the pictures labelled j (equation (2)), of several such j the most probable (equation (1)).
 * Those counted off the diagonal are the suspects ("C_confident joint" of section 3.2), in the order of their normalised margin.
 */

import {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidate,
  type LabelledFeatures,
} from "./discriminant.ts";

/** What a model that has not seen them says of labelled pictures. */
export interface JudgedLabels {
  /** [n, k], each row a distribution, from a model that was fitted without the row's picture. */
  readonly probabilities: Float64Array;
  /** [n]. */
  readonly labels: ArrayLike<number>;
  /** k. */
  readonly classes: number;
}

/** A label that is probably wrong. */
export interface LabelSuspect {
  /** Position of the picture. */
  readonly index: number;
  readonly label: number;
  /** The class that it is counted as. */
  readonly suggested: number;
  /** Probability of its label. */
  readonly own: number;
  /** Probability of the suggested class. */
  readonly other: number;
}

/** Label errors, and how well a linear head does on the features. */
export interface LabelJudgement {
  readonly suspects: readonly LabelSuspect[];
  /** Of a head that learnt from all labels, suspects included. */
  readonly probe: CrossValidation;
}

/**
 * Judges labels by the features of a frozen model: linear heads, cross-validated, twice. The second time nothing is learnt from the first time's suspects, so
 * that wrong labels do not defend each other.
 */
export function judgeLabels(features: LabelledFeatures, options: CrossValidationOptions): LabelJudgement {
  const probe = crossValidate(features, options);
  const judged = { labels: features.labels, classes: features.classes };
  const first = labelSuspects({ ...judged, probabilities: probe.probabilities });
  if (first.length === 0) return { suspects: [], probe };
  const without = new Set(first.map(({ index }) => index));
  const { probabilities } = crossValidate(features, { ...options, without });
  return { suspects: labelSuspects({ ...judged, probabilities }), probe };
}

/**
 * Suspects, the most suspicious first.
 * A class whose t_j no picture defines (none is labelled so) suggests nothing.
 */
export function labelSuspects({ probabilities, labels, classes: k }: JudgedLabels): readonly LabelSuspect[] {
  const thresholds = confidenceThresholds({ probabilities, labels, classes: k });
  const found: LabelSuspect[] = [];
  for (let i = 0; i < labels.length; i++) {
    const row = probabilities.subarray(i * k, (i + 1) * k);
    const label = labels[i]!;
    let suggested = -1;
    for (let j = 0; j < k; j++)
      if (row[j]! >= thresholds[j]! && (suggested < 0 || row[j]! > row[suggested]!)) suggested = j;
    if (suggested < 0 || suggested === label || row[suggested]! <= row[label]!) continue;
    found.push({ index: i, label, suggested, own: row[label]!, other: row[suggested]! });
  }
  return found.sort((a, b) => a.own - a.other - (b.own - b.other) || a.index - b.index);
}

/** t_j of each class; ∞ for a class that no picture has. */
export function confidenceThresholds({ probabilities, labels, classes: k }: JudgedLabels): Float64Array {
  const sums = new Float64Array(k);
  const counts = new Float64Array(k);
  for (let i = 0; i < labels.length; i++) {
    sums[labels[i]!]! += probabilities[i * k + labels[i]!]!;
    counts[labels[i]!]!++;
  }
  return sums.map((sum, j) => (counts[j]! > 0 ? sum / counts[j]! : Number.POSITIVE_INFINITY));
}
