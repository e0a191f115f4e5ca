import { expect, test } from "vitest";
import { histogramOf } from "../../src/train/histogram.ts";
import { eventRecord, firstRecord, lengthUpTo, type TensorBoardValue } from "../../src/train/log-tensorboard.ts";
import { readEventFile } from "./tensorboard-reader.ts";

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const scalar = (value: number): TensorBoardValue => ({ tag: "loss", kind: "scalar", value });
const time = 1_700_000_000.25;

test("scalars, images, histograms and texts are read back", () => {
  const png = Uint8Array.of(137, 80, 78, 71, 0, 255);
  const histogram = histogramOf({ dtype: "float32", shape: [5], data: Float32Array.of(-1, 0, 0.5, 1, 1) }, 4);
  const file = joined(
    firstRecord(time),
    eventRecord(time, 3, [scalar(0.25), { tag: "a/b", kind: "scalar", value: -1.5 }]),
    eventRecord(time, 2 ** 40, [{ tag: "image", kind: "image", width: 3, height: 2, channels: 1, png }]),
    eventRecord(time, 5, [{ tag: "weights", kind: "histogram", histogram }]),
    eventRecord(time, 6, [{ tag: "recipe", kind: "text", text: "**α** = 1" }]),
  );
  expect(readEventFile(file)).toEqual([
    { step: 3, tag: "loss", value: 0.25 },
    { step: 3, tag: "a/b", value: -1.5 },
    { step: 2 ** 40, tag: "image", value: { width: 3, height: 2, channels: 1, png } },
    {
      ...{ step: 5, tag: "weights" },
      value: { min: -1, max: 1, num: 5, sum: 1.5, sumSquares: 3.25, limits: [-0.5, 0, 0.5, 1], counts: [1, 0, 1, 3] },
    },
    { step: 6, tag: "recipe", value: "**α** = 1" },
  ]);
});

test("a histogram of equal numbers has one bucket", () => {
  const histogram = histogramOf({ dtype: "float32", shape: [3], data: Float32Array.of(2, 2, 2) });
  const file = joined(firstRecord(time), eventRecord(time, 1, [{ tag: "w", kind: "histogram", histogram }]));
  expect(readEventFile(file)[0]!.value).toMatchObject({ limits: [2], counts: [3] });
});

test("a file is cut before the first later step, and before what is unfinished or damaged", () => {
  const parts = [firstRecord(time), ...[1, 2, 3].map((step) => eventRecord(time, step, [scalar(step)]))];
  const file = joined(...parts);
  const upTo = (count: number): number => joined(...parts.slice(0, count)).length;
  expect(lengthUpTo(file, 0)).toBe(upTo(1));
  expect(lengthUpTo(file, 2)).toBe(upTo(3));
  expect(lengthUpTo(file, 9)).toBe(file.length);
  expect(lengthUpTo(file.subarray(0, file.length - 1), 9)).toBe(upTo(3));
  expect(lengthUpTo(file.subarray(0, upTo(3) + 5), 9)).toBe(upTo(3));
  const damaged = file.slice();
  damaged[upTo(2) + 14]! ^= 1;
  expect(lengthUpTo(damaged, 9)).toBe(upTo(2));
});
