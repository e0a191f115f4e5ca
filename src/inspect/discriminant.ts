/**
 * A linear classifier in closed form: linear discriminant analysis with a shrunk covariance, on features that a frozen model makes.
 *
 * Classes are normal distributions with means μ_c and one covariance; the answer is Bayes' rule (Fisher 1936). With fewer pictures than features the covariance
 * is drawn towards a multiple of the identity, Σ = (1 − λ) S + λ (tr S / d) I (Friedman, "Regularized Discriminant Analysis", 1989, equation (18)), and λ is
 * the one with the least cross-validated loss. No learning rate, no epochs, no luck: the same data give the same head.
 */

import { VitrineError } from "../errors.ts";
import { stream } from "../graph/random.ts";

/** Pictures as vectors, with their labels. */
export interface LabelledFeatures {
  /** [n, d]. */
  readonly values: Float32Array;
  /** d. */
  readonly width: number;
  /** [n], each from 0 to `classes` − 1. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Features [d] → logits [k] = weight · x + bias. */
export interface LinearHead {
  /** [k, d]. */
  readonly weight: Float32Array;
  /** [k]; −∞ for a class without examples. */
  readonly bias: Float32Array;
}

/** What cross-validation found. */
export interface CrossValidation {
  /** [n, k]: for each picture, what a head says that has not seen it. */
  readonly probabilities: Float64Array;
  /** Share of pictures whose most probable class is their label. */
  readonly accuracy: number;
  /** Mean over the classes that have pictures of the same share among each class's: the larger classes do not drown the others. */
  readonly balancedAccuracy: number;
  /** Mean of −log p(label). */
  readonly loss: number;
  /** The λ of the least loss. */
  readonly shrinkage: number;
  /** What logits are divided by for the least loss: where it exceeds 1, the head alone is too sure of itself (Guo et al. 2017, arXiv:1706.04599). */
  readonly temperature: number;
}

/** How to cross-validate. */
export interface CrossValidationOptions {
  readonly seed: number;
  /** Parts that the pictures are divided into; default 5. */
  readonly folds?: number;
  /** λ to choose from, each in (0, 1]. */
  readonly shrinkages?: readonly number[];
  /** [n]: pictures of one group are always in the same part (copies of one picture would otherwise answer for each other). */
  readonly groups?: ArrayLike<number> | undefined;
  /** Positions of pictures that are judged and not learnt from. */
  readonly without?: ReadonlySet<number>;
}

const usualShrinkages: readonly number[] = [0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.85, 1];
const temperatures: readonly number[] = Array.from({ length: 16 }, (_, i) => 1.25 ** i);

/** Sums over pictures from which means and scatter follow, for all of them or for those of one part. */
interface Moments {
  /** [k]. */
  readonly counts: Float64Array;
  /** [k, d]. */
  readonly sums: Float64Array;
  /** [d, d], lower triangle: Σ x xᵀ. */
  readonly products: Float64Array;
}

/** The head from all pictures, with the shrinkage and temperature that cross-validation found. */
export function fitDiscriminant(
  features: LabelledFeatures,
  { shrinkage, temperature }: Pick<CrossValidation, "shrinkage" | "temperature">,
): LinearHead {
  const all = Array.from({ length: features.labels.length }, (_, i) => i);
  const centre = meanOf(features);
  const { weight, bias } = uncentred(headOf(momentsOf(features, all, centre), features.width, shrinkage), centre);
  return { weight: weight.map((value) => value / temperature), bias: bias.map((value) => value / temperature) };
}

/**
 * Out-of-fold predictions of the best shrinkage and temperature.
 * @throws {VitrineError} DATA_PROBLEM with fewer than two classes that have pictures.
 */
export function crossValidate(
  features: LabelledFeatures,
  { seed, folds = 5, shrinkages = usualShrinkages, groups, without = new Set() }: CrossValidationOptions,
): CrossValidation {
  const { width: d, labels, classes: k } = features;
  if (new Set(Array.from(labels)).size < 2)
    throw new VitrineError("DATA_PROBLEM", { rule: "there must be at least two classes with readable images" });
  const parts = foldsOf(labels, k, folds, seed, groups);
  const centre = meanOf(features);
  const learnt = parts.map((part) => part.filter((i) => !without.has(i)));
  const moments = learnt.map((part) => momentsOf(features, part, centre));
  const total = moments.reduce((sum, one) => added(sum, one));
  const tried = shrinkages.map((shrinkage): CrossValidation => {
    const logits = new Float64Array(labels.length * k);
    for (const [p, part] of parts.entries()) {
      const head = headOf(added(total, moments[p]!, -1), d, shrinkage);
      for (const i of part) logits.set(logitsOf(head, features, i, centre), i * k);
    }
    return { ...calibrated(logits, labels, k), shrinkage };
  });
  return tried.reduce((best, one) => (one.loss < best.loss ? one : best));
}

/** Probabilities at the temperature of the least loss. */
function calibrated(logits: Float64Array, labels: ArrayLike<number>, k: number): Omit<CrossValidation, "shrinkage"> {
  const n = labels.length;
  const counts = new Float64Array(k);
  for (let i = 0; i < n; i++) counts[labels[i]!]!++;
  const sum = (values: Iterable<number>): number => Array.from(values).reduce((total, value) => total + value, 0);
  const at = (temperature: number): Omit<CrossValidation, "shrinkage"> => {
    const probabilities = new Float64Array(n * k);
    const right = new Float64Array(k);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      const row = probabilities.subarray(i * k, (i + 1) * k);
      softmaxInto(logits.subarray(i * k, (i + 1) * k), temperature, row);
      loss -= Math.log(Math.max(row[labels[i]!]!, 1e-12));
      if (row.indexOf(row.reduce((a, b) => Math.max(a, b))) === labels[i]) right[labels[i]!]!++;
    }
    const recalls = Array.from(right, (times, c) => times / counts[c]!).filter((_, c) => counts[c]! > 0);
    return {
      probabilities,
      accuracy: sum(right) / n,
      balancedAccuracy: sum(recalls) / recalls.length,
      loss: loss / n,
      temperature,
    };
  };
  return temperatures.map(at).reduce((best, one) => (one.loss < best.loss ? one : best));
}

/** Divides pictures into parts, each class evenly, groups whole. */
function foldsOf(
  labels: ArrayLike<number>,
  k: number,
  folds: number,
  seed: number,
  groups: ArrayLike<number> | undefined,
): readonly (readonly number[])[] {
  const parts = Array.from({ length: folds }, (): number[] => []);
  const members = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const group = groups?.[i] ?? i;
    const others = members.get(group);
    if (others) others.push(i);
    else members.set(group, [i]);
  }
  for (let c = 0; c < k; c++) {
    const ours = [...members.values()].filter(([one]) => labels[one!] === c);
    const random = stream(seed, "folds", c);
    for (let i = ours.length - 1; i > 0; i--) {
      const j = random.integer(i + 1);
      [ours[i], ours[j]] = [ours[j]!, ours[i]!];
    }
    // Where the last class stopped the next begins: small classes do not all fill the first part.
    for (const [i, group] of ours.entries()) parts[(i + c) % folds]!.push(...group);
  }
  return parts.filter((part) => part.length > 0);
}

/** Features are centred before their products are summed: otherwise the scatter is a small difference of large numbers. */
function meanOf({ values, width: d, labels }: LabelledFeatures): Float64Array {
  const mean = new Float64Array(d);
  for (let i = 0; i < labels.length; i++) for (let j = 0; j < d; j++) mean[j]! += values[i * d + j]! / labels.length;
  return mean;
}

function momentsOf(
  { values, width: d, labels, classes }: LabelledFeatures,
  members: readonly number[],
  centre: Float64Array,
): Moments {
  const counts = new Float64Array(classes);
  const sums = new Float64Array(classes * d);
  const products = new Float64Array(d * d);
  const x = new Float64Array(d);
  for (const i of members) {
    const label = labels[i]!;
    counts[label]!++;
    for (let j = 0; j < d; j++) {
      x[j] = values[i * d + j]! - centre[j]!;
      sums[label * d + j]! += x[j]!;
    }
    for (let r = 0; r < d; r++) {
      const factor = x[r]!;
      for (let c = 0, at = r * d; c <= r; c++, at++) products[at]! += factor * x[c]!;
    }
  }
  return { counts, sums, products };
}

function added(a: Moments, b: Moments, factor = 1): Moments {
  const add = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + factor * y[i]!);
  return { counts: add(a.counts, b.counts), sums: add(a.sums, b.sums), products: add(a.products, b.products) };
}

/** W = Σ⁻¹ μ_c, b = −½ μ_cᵀ Σ⁻¹ μ_c + log π_c. */
function headOf({ counts, sums, products }: Moments, d: number, shrinkage: number): LinearHead {
  const k = counts.length;
  const n = counts.reduce((sum, count) => sum + count, 0);
  const means = new Float64Array(k * d);
  for (let c = 0; c < k; c++)
    for (let j = 0; j < d; j++) means[c * d + j] = counts[c]! > 0 ? sums[c * d + j]! / counts[c]! : 0;
  const covariance = products.map((sum) => sum / n);
  const total = diagonalSum(covariance, d);
  for (let c = 0; c < k; c++)
    for (let r = 0; r < d; r++) {
      const factor = (counts[c]! / n) * means[c * d + r]!;
      for (let j = 0; j <= r; j++) covariance[r * d + j]! -= factor * means[c * d + j]!;
    }
  const trace = diagonalSum(covariance, d);
  // Where no class varies (it has a single picture, or copies of one), the spread of all pictures says how large features are; where these do not vary either,
  // any positive number will do.
  const floor = (trace > 1e-3 * total ? shrinkage * trace : total) / d || 1e-12;
  for (let i = 0; i < covariance.length; i++) covariance[i]! *= 1 - shrinkage;
  for (let j = 0; j < d; j++) covariance[j * d + j]! += floor;
  choleskyInPlace(covariance, d);
  const weight = new Float32Array(k * d);
  const bias = new Float32Array(k);
  for (let c = 0; c < k; c++) {
    const w = means.slice(c * d, (c + 1) * d);
    solveInPlace(covariance, w, d);
    let quadratic = 0;
    for (let j = 0; j < d; j++) quadratic += w[j]! * means[c * d + j]!;
    weight.set(w, c * d);
    bias[c] = counts[c]! > 0 ? -quadratic / 2 + Math.log(counts[c]! / n) : Number.NEGATIVE_INFINITY;
  }
  return { weight, bias };
}

function diagonalSum(matrix: Float64Array, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += matrix[j * d + j]!;
  return sum;
}

/** The head of centred features as one of plain features. */
function uncentred({ weight, bias }: LinearHead, centre: Float64Array): LinearHead {
  const d = centre.length;
  const moved = bias.map((value, c) => {
    let shift = 0;
    for (let j = 0; j < d; j++) shift += weight[c * d + j]! * centre[j]!;
    return value - shift;
  });
  return { weight, bias: moved };
}

function logitsOf(
  { weight, bias }: LinearHead,
  { values, width: d }: LabelledFeatures,
  i: number,
  centre: Float64Array,
): Float64Array {
  return Float64Array.from(bias, (value, c) => {
    let sum = value;
    for (let j = 0; j < d; j++) sum += weight[c * d + j]! * (values[i * d + j]! - centre[j]!);
    return sum;
  });
}

function softmaxInto(logits: Float64Array, temperature: number, out: Float64Array): void {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let c = 0; c < logits.length; c++) {
    out[c] = Math.exp((logits[c]! - largest) / temperature);
    total += out[c]!;
  }
  for (let c = 0; c < logits.length; c++) out[c]! /= total;
}

/** A = L Lᵀ, L in place of A's lower triangle. */
function choleskyInPlace(a: Float64Array, d: number): void {
  for (let j = 0; j < d; j++) {
    for (let i = j; i < d; i++) {
      let sum = a[i * d + j]!;
      for (let m = 0; m < j; m++) sum -= a[i * d + m]! * a[j * d + m]!;
      a[i * d + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / a[j * d + j]!;
    }
  }
}

/** x ← (L Lᵀ)⁻¹ x. */
function solveInPlace(l: Float64Array, x: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    let sum = x[i]!;
    for (let m = 0; m < i; m++) sum -= l[i * d + m]! * x[m]!;
    x[i] = sum / l[i * d + i]!;
  }
  for (let i = d - 1; i >= 0; i--) {
    let sum = x[i]!;
    for (let m = i + 1; m < d; m++) sum -= l[m * d + i]! * x[m]!;
    x[i] = sum / l[i * d + i]!;
  }
}
