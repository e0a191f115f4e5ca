/** Figures of a classifier from what it called what: pure functions of counts. */

/** One class, judged by a confusion matrix. */
export interface ClassMetrics {
  /** Share of the pictures called so that are so; NaN where none is called so. */
  readonly precision: number;
  /** Share of the pictures that are so that are called so; NaN where there is none. */
  readonly recall: number;
  /** Harmonic mean of both, 2·tp / (2·tp + fp + fn); NaN where no picture is so or called so. */
  readonly f1: number;
  /** Number of pictures that are so. */
  readonly support: number;
}

/**
 * Counts of what was called what.
 * @param labels right labels, each below `classes`
 * @param given labels that were given, in the same order
 * @returns row: right label; column: label given
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  given: ArrayLike<number>,
  classes: number,
): readonly (readonly number[])[] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]![given[i]!]!++;
  return counts;
}

/** Each class of a confusion matrix, in its order. @source scikit-learn `precision_recall_fscore_support`, with `zero_division=nan` */
export function classMetrics(confusion: readonly (readonly number[])[]): readonly ClassMetrics[] {
  return confusion.map((row, i) => {
    const hits = row[i]!;
    const support = row.reduce((sum, n) => sum + n, 0);
    const called = confusion.reduce((sum, other) => sum + other[i]!, 0);
    return { precision: hits / called, recall: hits / support, f1: (2 * hits) / (support + called), support };
  });
}

/** Mean of a figure over the classes that have one: the macro average. NaN where none has. */
export function meanOver(classes: readonly ClassMetrics[], figure: "precision" | "recall" | "f1"): number {
  const found = classes.map((one) => one[figure]).filter((value) => !Number.isNaN(value));
  return found.reduce((sum, value) => sum + value, 0) / found.length;
}

/** The standard normal's 97.5 % point. */
const z95 = 1.959963984540054;

/**
 * The interval that holds the true share with 95 % confidence when `hits` of `count` independent pictures were right.
 * @returns both ends, in [0, 1]
 * @source Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927)
 */
export function wilsonInterval(hits: number, count: number): readonly [low: number, high: number] {
  if (count === 0) return [0, 1];
  const share = hits / count;
  const middle = share + z95 ** 2 / (2 * count);
  const half = z95 * Math.sqrt((share * (1 - share)) / count + z95 ** 2 / (4 * count ** 2));
  const scale = 1 + z95 ** 2 / count;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
