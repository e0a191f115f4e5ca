import { expect, test } from "vitest";
import { historyOf, thinned } from "../../src/report/history.ts";
import { withoutCommonFolder } from "../../src/report/text.ts";
import type { TrainEvent } from "../../src/train/events.ts";

const step = (number: number, loss: number): TrainEvent => ({
  ...{ type: "step", step: number, epoch: 0, loss, accuracy: 0.5, learningRate: 0.1 },
  ...{ gradientNorm: 1, examplesPerSecond: 1, secondsLeft: 1 },
});
const start = (resumedAt: number): TrainEvent => ({
  ...{ type: "run.start", parameters: 1, steps: 4, stepsPerEpoch: 2, resumedAt },
});

test("steps that were done again count as they were the last time", () => {
  const means = { loss: 1, accuracy: 0.5 };
  const history = historyOf([
    start(0),
    step(1, 3),
    step(2, 2),
    start(1),
    step(2, 1.5),
    { type: "epoch.end", epoch: 0, train: means, validation: means, best: true, seconds: 4 },
  ]);
  expect(history.steps.map(({ step: number, loss }) => [number, loss])).toEqual([
    [1, 3],
    [2, 1.5],
  ]);
  expect(history).toMatchObject({ stepsPerEpoch: 2, plannedEpochs: 2, best: { epoch: 0, accuracy: 0.5 }, seconds: 4 });
});

test("the best epoch was chosen by what the log says, by accuracy where it says nothing", () => {
  const means = { loss: 1, accuracy: 0.5, balancedAccuracy: 0.25 };
  const end = { type: "epoch.end", epoch: 0, train: means, validation: means, best: true, seconds: 4 } as const;
  expect(historyOf([start(0), end]).best).toMatchObject({ by: "accuracy", accuracy: 0.5 });
  expect(historyOf([start(0), { ...end, criterion: "balanced accuracy" }]).best).toMatchObject({
    by: "balanced accuracy",
    balancedAccuracy: 0.25,
  });
});

test("thinning takes means of neighbours and loses none", () => {
  const points = Array.from({ length: 7 }, (_, i) => [i, 10 * i] as const);
  expect(thinned(points, 3)).toEqual({
    each: 3,
    points: [
      [1, 10],
      [4, 40],
      [6, 60],
    ],
  });
  expect(thinned(points, 7).points).toEqual(points);
});

test("names keep what tells them apart", () => {
  expect(withoutCommonFolder(["/a/b/ants/1.jpg", "/a/b/bees/1.jpg"])).toEqual(["ants/1.jpg", "bees/1.jpg"]);
  expect(withoutCommonFolder(["/a/b/1.jpg"])).toEqual(["1.jpg"]);
  expect(withoutCommonFolder(["picture 3 of shapes", "picture 4 of shapes"])).toEqual([
    "picture 3 of shapes",
    "picture 4 of shapes",
  ]);
});
