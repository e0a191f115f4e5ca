import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { calibration, fitTemperature } from "../../src/tasks/calibration.ts";
import { classMetrics, confusionMatrix, meanOver, wilsonInterval } from "../../src/tasks/metrics.ts";

interface Golden {
  readonly classes: number;
  readonly bins: number;
  readonly labels: readonly number[];
  readonly logits: readonly number[];
  readonly confusion: readonly (readonly number[])[];
  readonly precision: readonly (number | null)[];
  readonly recall: readonly (number | null)[];
  readonly f1: readonly (number | null)[];
  readonly support: readonly number[];
  readonly interval: readonly [number, number];
  readonly nll: number;
  readonly ece: number;
  readonly temperature: number;
  readonly nllAtTemperature: number;
  readonly eceAtTemperature: number;
}

/** By tools/metrics-golden.py. */
const golden = JSON.parse(readFileSync(new URL("golden/metrics.json", import.meta.url), "utf8")) as Golden;
const answers = { logits: Float32Array.from(golden.logits), labels: golden.labels, classes: golden.classes };
const given = golden.labels.map((_, i) => {
  const row = golden.logits.slice(i * golden.classes, (i + 1) * golden.classes);
  return row.indexOf(Math.max(...row));
});

test("confusion, precision, recall, F1 and support equal scikit-learn's", () => {
  const confusion = confusionMatrix(golden.labels, given, golden.classes);
  expect(confusion).toEqual(golden.confusion);
  const classes = classMetrics(confusion);
  expect(classes.map(({ support }) => support)).toEqual(golden.support);
  for (const figure of ["precision", "recall", "f1"] as const)
    for (const [i, expected] of golden[figure].entries())
      if (expected === null) expect(classes[i]![figure]).toBeNaN();
      else expect(classes[i]![figure]).toBeCloseTo(expected, 12);
});

test("a macro average passes over classes that have no figure", () => {
  const classes = classMetrics([
    [3, 1, 0],
    [0, 2, 0],
    [0, 0, 0],
  ]);
  expect(meanOver(classes, "recall")).toBeCloseTo((0.75 + 1) / 2, 15);
  expect(meanOver(classes, "f1")).toBeCloseTo((6 / 7 + 4 / 5) / 2, 15);
});

test("Wilson's interval equals scipy's, and holds at no picture, none right and all right", () => {
  const hits = given.filter((label, i) => label === golden.labels[i]).length;
  const [low, high] = wilsonInterval(hits, given.length);
  expect(low).toBeCloseTo(golden.interval[0], 12);
  expect(high).toBeCloseTo(golden.interval[1], 12);
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  expect(wilsonInterval(0, 10)[0]).toBeCloseTo(0, 14);
  expect(wilsonInterval(10, 10)[1]).toBeCloseTo(1, 14);
});

test("calibration error and cross-entropy equal the definition's", () => {
  const { ece, nll, bins } = calibration(answers, golden.bins);
  expect(nll).toBeCloseTo(golden.nll, 10);
  expect(ece).toBeCloseTo(golden.ece, 10);
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(golden.labels.length);
});

test("the temperature is the one that scipy finds", () => {
  const { temperature, atBound } = fitTemperature(answers, golden.bins);
  expect(atBound).toBe(false);
  expect(temperature).toBeCloseTo(golden.temperature, 5);
  const { nll, ece } = calibration(answers, golden.bins, temperature);
  expect(nll).toBeCloseTo(golden.nllAtTemperature, 10);
  expect(ece).toBeCloseTo(golden.eceAtTemperature, 5);
});

test("the temperature of logits that are k times too large is k times as large", () => {
  const twice = { ...answers, logits: answers.logits.map((x) => 2 * x) };
  expect(fitTemperature(twice).temperature).toBeCloseTo(2 * fitTemperature(answers).temperature, 6);
});

test("a temperature is judged by pictures that it was not chosen by", () => {
  const whole = calibration(answers, 15, fitTemperature(answers).temperature).nll;
  const { nll } = fitTemperature(answers).heldOut;
  expect(nll).toBeGreaterThan(whole);
  expect(nll).toBeLessThan(golden.nll);
});

test("a model without a mistake has no best temperature, and it is said so", () => {
  const sure = { logits: Float32Array.of(3, 0, 0, 4, 2, 1), labels: [0, 1, 0], classes: 2 };
  expect(fitTemperature(sure)).toMatchObject({ temperature: 0.01, atBound: true });
});

test("probabilities of one class alone are one, and calibrated", () => {
  expect(calibration({ logits: Float32Array.of(1, -2), labels: [0, 0], classes: 1 }, 5)).toMatchObject({
    ece: 0,
    nll: 0,
  });
});
