import { expect, test } from "vitest";
import { onDarkGround } from "../../src/data/ground.ts";
import { image } from "../../src/data/image.ts";

/** A ground with one other pixel in its middle. */
const drawn = (ground: readonly number[], figure: readonly number[]): ReturnType<typeof image> =>
  image(
    ...([5, 5, ground.length as 1 | 3 | 4] as const),
    Uint8Array.from({ length: 25 }, (_, i) => i).reduce(
      (data, i) => {
        data.set(i === 12 ? figure : ground, i * ground.length);
        return data;
      },
      new Uint8Array(25 * ground.length),
    ),
  );

test.each([
  ["grey", [245], [20], [10], [235]],
  ["of colours", [250, 240, 200], [0, 10, 20], [5, 15, 55], [255, 245, 235]],
  [
    "half transparent: what is opaque stays so",
    [250, 240, 200, 128],
    [0, 10, 20, 255],
    [5, 15, 55, 128],
    [255, 245, 235, 255],
  ],
])("a picture on a light ground becomes its negative: %s", (_, ground, figure, negativeGround, negativeFigure) => {
  expect(onDarkGround(drawn(ground, figure))).toEqual(drawn(negativeGround, negativeFigure));
});

test("a picture on a dark ground stays as it is, however light its figure", () => {
  const dark = drawn([20], [250]);
  expect(onDarkGround(dark)).toBe(dark);
  const pixel = image(1, 1, 1, Uint8Array.from([10]));
  expect(onDarkGround(pixel)).toBe(pixel);
});
