/** A small report, made by hand. */

import type { ReportContent } from "../../src/report/content.ts";
import { calibration, fitTemperature } from "../../src/tasks/calibration.ts";
import { classMetrics } from "../../src/tasks/metrics.ts";

const classes = ["ant", "bee & co", "cat"];
const logits = Float32Array.of(4, 0, 0, 3, 1, 0, 0, 2, 1, 0, 5, 0, 1, 4, 0, 0, 1, 3);
const labels = [0, 0, 1, 1, 0, 2];
const answers = { logits, labels, classes: 3 };
const confusion = [
  [2, 1, 0],
  [0, 2, 0],
  [0, 0, 1],
];
const mistake = { name: "ants/<4>.jpg", index: 4, is: 0, given: 1, confidence: 0.936, rightProbability: 0.0466 };

/** Six pictures of three classes, one of them called wrongly. */
export const content: ReportContent = {
  title: "insects <&> cats",
  model: { name: "run", architecture: "vit_tiny_patch16_224", parameters: 5_500_000, inputSize: [3, 224, 224] },
  data: {
    classes,
    trainCounts: [30, 20, 5],
    judged: "validation images",
    chosenBy: true,
    findings: [{ text: "2 near-duplicates", serious: true, files: ["a.jpg", "b.jpg"] }],
    unreadable: [{ file: "broken.jpg", reason: "it ends too early" }],
  },
  choices: [{ what: "method", value: "linear probe", reason: "55 images are few" }],
  settings: { epochs: 2, learningRate: 0.001, clipNorm: 1, labelSmoothing: 0.1, cropScale: [0.4, 1], seed: 0 },
  history: {
    steps: [1, 2, 3, 4].map((step) => ({
      step,
      loss: 2 / step,
      accuracy: step / 4,
      learningRate: 1e-3,
      gradientNorm: 3,
    })),
    epochs: [
      { epoch: 0, train: { loss: 1.5, accuracy: 0.4 }, validation: { loss: 1.2, accuracy: 0.5 }, seconds: 3 },
      { epoch: 1, train: { loss: 0.6, accuracy: 0.9 }, validation: { loss: 0.7, accuracy: 5 / 6 }, seconds: 3 },
    ],
    stepsPerEpoch: 2,
    plannedEpochs: 2,
    best: { epoch: 1, by: "accuracy", accuracy: 5 / 6 },
    seconds: 6,
  },
  evaluation: {
    count: 6,
    correct: 5,
    accuracy: 5 / 6,
    top5: 1,
    loss: 0.7,
    classes: classMetrics(confusion).map((metrics, i) => ({ label: classes[i]!, ...metrics })),
    confusion,
  },
  calibration: calibration(answers, 10),
  temperature: fitTemperature(answers, 10),
  mistakes: [mistake],
  shown: [
    {
      ...mistake,
      photo: "data:image/jpeg;base64,AAAA",
      why: {
        picture: "data:image/jpeg;base64,BBBB",
        method: "relevance",
        quantity: "relevance",
        low: 0.001,
        high: 0.25,
      },
    },
  ],
  environment: { vitrine: "0.1.0" },
};
