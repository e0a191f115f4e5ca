import { expect, test } from "vitest";
import type { ReportContent } from "../../src/report/content.ts";
import { nextSteps, rules } from "../../src/report/next-steps.ts";
import { content } from "./content.ts";

/** The content with few reasons for advice. */
const calm: ReportContent = {
  ...content,
  model: { ...content.model, from: "somewhere" },
  data: { ...content.data, trainCounts: [30, 30, 30], unreadable: [] },
  mistakes: [],
  evaluation: { ...content.evaluation, count: 10_000, correct: 9_500, accuracy: 0.95 },
  calibration: { ...content.calibration, ece: 0.01 },
  history: {
    ...content.history,
    epochs: [
      { epoch: 0, train: { loss: 0.2, accuracy: 0.95 }, validation: { loss: 0.2, accuracy: 0.95 }, seconds: 1 },
      { epoch: 1, train: { loss: 0.2, accuracy: 0.96 }, validation: { loss: 0.2, accuracy: 0.96 }, seconds: 1 },
    ],
  },
};

const epoch = (index: number, train: number, validation: number, loss: number) => ({
  epoch: index,
  train: { loss: 0, accuracy: train },
  validation: { loss, accuracy: validation },
  seconds: 60,
});

/** A run whose best epoch has these accuracies. */
const learnt = (train: number, validation: number, images: number): ReportContent => ({
  ...calm,
  data: { ...calm.data, validationImages: images },
  history: {
    ...calm.history,
    best: { epoch: 0, by: "accuracy", accuracy: validation },
    epochs: [epoch(0, train, validation, 0.5)],
  },
});

test.each([
  ["a gap that 20 images explain by chance", 0.91, 0.8, 20, false],
  ["the same gap on 500 images", 0.91, 0.8, 500, true],
  ["a large gap on few images", 1, 0.5, 20, true],
  ["training images that it does not know either", 0.7, 0.5, 500, false],
])("learned by heart: %s", (_, train, validation, images, expected) => {
  const found = nextSteps(learnt(train, validation, images)).some(({ rule }) => rule === "learned by heart");
  expect(found).toBe(expected);
});

/** What makes each rule speak, and what it must then say. */
const cases: Readonly<Record<string, readonly [Partial<ReportContent>, RegExp]>> = {
  "enough images to judge by": [
    { evaluation: { ...calm.evaluation, count: 60, correct: 55 } },
    /with 60 images .* 81\.9 % and 96\.4 %/,
  ],
  "labels that may be wrong": [{ mistakes: content.mistakes }, /1 mistake with .* ants\/<4>\.jpg \(93\.6 %\)/],
  "two classes that are mixed up": [
    {
      mistakes: new Array(6).fill({ ...content.mistakes[0]!, confidence: 0.5 }),
      evaluation: {
        ...calm.evaluation,
        confusion: [
          [9, 3, 0],
          [2, 9, 0],
          [1, 0, 9],
        ],
      },
    },
    /5 of 6 mistakes/,
  ],
  "classes with few pictures": [
    {
      data: { ...calm.data, trainCounts: [30, 30, 5] },
      evaluation: {
        ...calm.evaluation,
        classes: calm.evaluation.classes.map((one, i) => (i === 2 ? { ...one, recall: 0.4 } : one)),
      },
    },
    /5 pictures to learn from, the largest class has 30; its recall is 40\.0 %/,
  ],
  "learned by heart": [
    {
      history: {
        ...calm.history,
        best: { epoch: 0, by: "accuracy", accuracy: 0.8 },
        epochs: [epoch(0, 0.99, 0.8, 0.5), epoch(1, 1, 0.79, 0.5)],
      },
    },
    /training accuracy 99\.0 % .* validation 80\.0 % in epoch 1/,
  ],
  "trained too long": [
    {
      history: {
        ...calm.history,
        best: { epoch: 1, by: "accuracy", accuracy: 0.95 },
        epochs: [0.4, 0.3, 0.35, 0.4, 0.5].map((loss, i) => epoch(i, 0.95, i === 1 ? 0.95 : 0.94, loss)),
      },
    },
    /best in epoch 2 of 5; .* from 0\.300 to 0\.500/,
  ],
  "not yet done": [
    {
      history: {
        ...calm.history,
        seconds: 120,
        best: { epoch: 1, by: "accuracy", accuracy: 0.95 },
        epochs: [epoch(0, 0.9, 0.9, 0.5), epoch(1, 0.95, 0.95, 0.4)],
      },
    },
    /from 0\.500 to 0\.400/,
  ],
  "learned too little": [
    {
      history: {
        ...calm.history,
        best: { epoch: 1, by: "accuracy", accuracy: 0.5 },
        epochs: [epoch(0, 0.4, 0.45, 0.5), epoch(1, 0.48, 0.5, 0.5)],
      },
    },
    /training accuracy 48\.0 % .* validation 50\.0 %/,
  ],
  "weights of others": [{ model: content.model }, /random weights, 90 images/],
  "probabilities that can be believed": [
    {
      calibration: { ...content.calibration, ece: 0.1, nll: 0.5 },
      temperature: { temperature: 1.8, atBound: false, heldOut: { ece: 0.04, nll: 0.4 } },
    },
    /from 10\.0 % to 4\.0 % and the loss from 0\.500 to 0\.400/,
  ],
  "files that cannot be read": [
    { data: { ...calm.data, unreadable: content.data.unreadable } },
    /1 file, the first broken\.jpg/,
  ],
};

test("a good run gets no advice", () => {
  expect(nextSteps(calm)).toEqual([]);
});

test("every rule has a case", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(rules).sort());
});

test.each(Object.entries(cases))("%s: it speaks, alone, with its numbers", (rule, [change, evidence]) => {
  const found = nextSteps({ ...calm, ...change });
  expect(found.map((step) => step.rule)).toEqual([rule]);
  expect(found[0]!.evidence).toMatch(evidence);
});
