import { afterEach, expect, test, vi } from "vitest";
import type { Context } from "../../src/cli/context.ts";
import { Teller, type TellerOptions } from "../../src/cli/train-teller.ts";

afterEach(() => vi.restoreAllMocks());

/** Tells of a run whose first step takes three seconds and every other one second, the first of an epoch `between` seconds more. */
async function told(options: TellerOptions, steps: number, stepsPerEpoch: number, between = 0) {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => 1000 * now);
  const notes: string[] = [];
  const note = (text: string) => notes.push(text);
  const progress = async () => ({ update: () => {}, note, stop: () => {} });
  const teller = new Teller({ terminal: { note, warn: note, progress } } as unknown as Context, options);
  await teller.tell({ type: "run.start", parameters: 1, steps, stepsPerEpoch, resumedAt: 0 });
  for (let step = 1; step <= steps; step++) {
    now += step === 1 ? 3 : 1 + ((step - 1) % stepsPerEpoch === 0 ? between : 0);
    const rest = { epoch: 0, loss: 1, accuracy: 0, learningRate: 1, gradientNorm: 1 };
    await teller.tell({ type: "step", step, ...rest, examplesPerSecond: 1, secondsLeft: 1 });
  }
  return { estimate: teller.estimate, text: notes.filter((line) => line.startsWith("estimate")).join("\n") };
}

test("an estimate counts the validation of every epoch, a third of a step's time an image", async () => {
  const { estimate, text } = await told({ epochs: 3, validationShare: 0.5, reports: true }, 60, 20);
  // Twenty steps of a second, and ten steps' images forward only.
  expect(estimate!.secondsPerEpoch).toBeCloseTo(20 + 10 / 3, 5);
  expect(estimate!.seconds).toBeCloseTo(3 + 59 + 3 * (10 / 3), 5);
  expect(text).toMatch(/of memory \(so far; from 4 steps, validation included; the report comes on top\)$/);
  const frozen = await told({ epochs: 3, validationShare: 0.5, passesPerStep: 2 }, 60, 20);
  expect(frozen.estimate!.secondsPerEpoch).toBeCloseTo(20 + 10 / 2, 5);
  expect((await told({ epochs: 3, validationShare: 0 }, 60, 20)).text).toMatch(/\(so far; from 4 steps\)$/);
  expect((await told({ epochs: 3 }, 60, 20)).text).toMatch(/\(so far; from 4 steps, without validation\)$/);
});

test("where features are kept, validation is one more share of a pass over the images", async () => {
  const { estimate } = await told({ epochs: 3, passes: 2, validationShare: 0.5 }, 60, 20);
  expect(estimate!.seconds).toBeCloseTo(2 * 3 + 59 + 0.5 * 3, 5);
});

test("what comes between epochs is not taken for the time of a step", async () => {
  const { estimate } = await told({ epochs: 4, passes: 2 }, 8, 2, 10);
  expect(estimate).toMatchObject({ measuredSteps: 2, seconds: 2 * 3 + 7 });
  const { estimate: whole } = await told({ epochs: 8, validationShare: 1 }, 8, 1, 2);
  expect(whole).toMatchObject({ measuredSteps: 4, secondsPerEpoch: 3, seconds: 3 + 7 * 3 });
});

test("a run too short to be measured says so", async () => {
  const { estimate, text } = await told({ epochs: 1 }, 4, 4);
  expect(estimate).toBeUndefined();
  expect(text).toBe("estimate    none: a run of 4 steps is too short to measure");
  expect((await told({ epochs: 1 }, 5, 5)).estimate).toBeDefined();
});

test("the line of an epoch has the balanced accuracy where there is one, and the result says by what it is best", async () => {
  const notes: string[] = [];
  const progress = async () => ({ update: () => {}, note: () => {}, stop: () => {} });
  const note = (text: string) => notes.push(text);
  const teller = new Teller({ terminal: { note, warn: note, progress } } as unknown as Context, { epochs: 2 });
  const train = { loss: 0.5, accuracy: 0.9 };
  const validation = { ...train, balancedAccuracy: 0.6 };
  const end = { type: "epoch.end", epoch: 0, train, best: true, seconds: 1 } as const;
  await teller.tell({ ...end, validation, criterion: "balanced accuracy" });
  expect(notes[0]).toContain("training: loss 0.5000, accuracy 90.00 %  validation");
  expect(notes[0]).toContain("validation: loss 0.5000, accuracy 90.00 %, balanced accuracy 60.00 % (best)");
  expect(teller.best).toEqual({ epoch: 0, by: "balanced accuracy", accuracy: 0.9, balancedAccuracy: 0.6 });
});
