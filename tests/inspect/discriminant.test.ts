import { expect, test } from "vitest";
import { stream } from "../../src/graph/random.ts";
import { crossValidate, fitDiscriminant, type LabelledFeatures } from "../../src/inspect/discriminant.ts";
import golden from "./golden/discriminant.json" with { type: "json" };

const example: LabelledFeatures = { ...golden, values: Float32Array.from(golden.values) };

function logProbabilities(
  { values, width: d, classes: k, labels }: LabelledFeatures,
  head: { weight: Float32Array; bias: Float32Array },
) {
  return Array.from({ length: labels.length }, (_, i) => {
    const logits = Array.from(head.bias, (value, c) =>
      Array.from({ length: d }, (_, j) => head.weight[c * d + j]! * values[i * d + j]!).reduce((a, b) => a + b, value),
    );
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return logits.map((logit) => logit - total);
  })
    .flat()
    .slice(0, labels.length * k);
}

test.each(golden.heads)(
  "a head with shrinkage $shrinkage says what NumPy's does",
  ({ shrinkage, logProbabilities: expected }) => {
    const head = fitDiscriminant(example, { shrinkage, temperature: 1 });
    const found = logProbabilities(example, head);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
  },
);

test("temperature divides the logits", () => {
  const one = fitDiscriminant(example, { shrinkage: 0.5, temperature: 1 });
  const two = fitDiscriminant(example, { shrinkage: 0.5, temperature: 2 });
  expect(Array.from(two.weight)).toEqual(Array.from(one.weight, (value) => Math.fround(value / 2)));
});

/** Normal clouds around two means, `gap` standard deviations apart. */
function clouds(n: number, gap: number, seed: number, d = 8): LabelledFeatures {
  const random = stream(seed, "clouds");
  const labels = Int32Array.from({ length: n }, (_, i) => i % 2);
  const values = Float32Array.from(
    { length: n * d },
    (_, i) => random.normal() + (i % d === 0 ? gap * labels[Math.floor(i / d)]! : 0),
  );
  return { values, width: d, labels, classes: 2 };
}

test("cross-validation reaches the accuracy that two normal clouds allow", () => {
  // Φ(gap / 2) = 0.8413 for a gap of two standard deviations.
  const { accuracy } = crossValidate(clouds(4000, 2, 1), { seed: 0 });
  expect(Math.abs(accuracy - 0.8413)).toBeLessThan(0.02);
});

test("labels that mean nothing give no better than chance and honest probabilities", () => {
  const { accuracy, loss } = crossValidate(clouds(60, 0, 2, 100), { seed: 0 });
  expect(accuracy).toBeLessThan(0.7);
  expect(loss).toBeLessThan(Math.log(2) + 0.1);
});

test("copies in one group do not answer for each other", () => {
  const { values, width, labels } = clouds(40, 0, 3, 60);
  const twice: LabelledFeatures = {
    values: Float32Array.from([...values, ...values]),
    width,
    labels: [...Array.from(labels), ...Array.from(labels)],
    classes: 2,
  };
  const groups = Int32Array.from({ length: 80 }, (_, i) => i % 40);
  const blind = crossValidate(twice, { seed: 0 }).accuracy;
  const aware = crossValidate(twice, { seed: 0, groups }).accuracy;
  expect(blind).toBeGreaterThan(0.8);
  expect(aware).toBeLessThan(0.7);
});

test("the same seed gives the same folds, and one class alone is refused", () => {
  const features = clouds(50, 1, 4);
  expect(crossValidate(features, { seed: 5 })).toEqual(crossValidate(features, { seed: 5 }));
  expect(() => crossValidate({ ...features, labels: new Int32Array(50) }, { seed: 0 })).toThrow(/at least two classes/);
});

test("a class with a single picture is no obstacle", () => {
  const features = clouds(41, 2, 6);
  const labels = Array.from(features.labels);
  labels[40] = 2;
  const { probabilities } = crossValidate({ ...features, labels, classes: 3 }, { seed: 0 });
  expect(probabilities.every((value) => value >= 0 && value <= 1)).toBe(true);
});

test("meaningless labels of uneven classes: the accuracy is the larger class's share, the balanced one is chance", () => {
  const { values, width } = clouds(52, 0, 7, 20);
  const labels = Int32Array.from({ length: 52 }, (_, i) => (i < 50 ? 0 : 1));
  const found = crossValidate({ values, width, labels, classes: 2 }, { seed: 0 });
  expect(found.accuracy).toBeGreaterThan(0.9);
  expect(found.balancedAccuracy).toBeLessThan(0.6);
  const even = crossValidate(clouds(400, 2, 1), { seed: 0 });
  expect(even.balancedAccuracy).toBeCloseTo(even.accuracy, 5);
});

test("one picture a class: the head is finite and of the size of the features, whatever the shrinkage", () => {
  const { values, width } = clouds(4, 1, 8, 16);
  const single: LabelledFeatures = { values, width, labels: [0, 1, 2, 3], classes: 4 };
  for (const shrinkage of [0.01, 0.5, 1]) {
    const { weight, bias } = fitDiscriminant(single, { shrinkage, temperature: 1 });
    for (const value of [...weight, ...bias]) expect(Math.abs(value)).toBeLessThan(1e3);
    const rows = logProbabilities(single, { weight, bias });
    for (const [i, value] of rows.entries()) if (i % 5 === 0) expect(value).toBeGreaterThan(-Math.log(4));
  }
  const twice = { ...single, values: Float32Array.from([...values, ...values]), labels: [0, 1, 2, 3, 0, 1, 2, 3] };
  expect(Math.max(...fitDiscriminant(twice, { shrinkage: 0.01, temperature: 1 }).weight)).toBeLessThan(1e3);
});
