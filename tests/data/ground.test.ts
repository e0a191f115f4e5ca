import { expect, test } from "vitest";
import { aroundFigure, onDarkGround } from "../../src/data/ground.ts";
import { type Image, image } from "../../src/data/image.ts";

/** Five pixels high and wide: a border one pixel wide, and what is inside. */
function framed(border: readonly number[], inside: readonly number[]): Image {
  const isBorder = (i: number): boolean => [i % 5, Math.floor(i / 5)].some((place) => place === 0 || place === 4);
  const bytes = Array.from({ length: 25 }, (_, i) => (isBorder(i) ? border : inside)).flat();
  return image(5, 5, border.length as 1 | 3, Uint8Array.from(bytes));
}

test.each([
  ["grey", framed([245], [20]), framed([10], [235])],
  ["of colours", framed([250, 240, 200], [0, 10, 20]), framed([5, 15, 55], [255, 245, 235])],
])("a picture with a light border becomes its negative, however dark its inside: %s", (_, light, negative) => {
  expect(onDarkGround(light)).toEqual(negative);
});

test.each([
  ["a light inside", framed([20], [250])],
  ["a single pixel", image(1, 1, 1, Uint8Array.from([10]))],
])("a picture with a dark border stays as it is: %s", (_, dark) => {
  expect(onDarkGround(dark)).toBe(dark);
});

/** A square of 70 with a light figure: so many pixels wide and high, its corner at a place. */
function drawn(left: number, top: number, wide: number, high: number, channels: 1 | 3 = 1): Image {
  const isInk = (x: number, y: number): boolean => x >= left && x < left + wide && y >= top && y < top + high;
  const bytes = Array.from({ length: 4900 }, (_, i) => (isInk(i % 70, Math.floor(i / 70)) ? 230 : 12));
  return image(
    70,
    70,
    channels,
    Uint8Array.from(bytes.flatMap((byte) => Array.from({ length: channels }, () => byte))),
  );
}

test.each([1, 3] as const)("a figure that is small or at the side comes into the middle, %i channels", (channels) => {
  const corner = aroundFigure(drawn(2, 3, 10, 20, channels));
  expect([corner.width, corner.height, corner.channels]).toEqual([28, 28, channels]);
  const inkAt = (x: number, y: number): boolean => corner.data[(y * 28 + x) * channels]! > 200;
  expect([inkAt(9, 4), inkAt(18, 23), inkAt(8, 4), inkAt(9, 3), inkAt(19, 23), inkAt(18, 24)]).toEqual([
    ...[true, true],
    ...[false, false, false, false],
  ]);
  expect(corner.data.at(-1)).toBe(12);
  // Large enough, and yet at the side.
  expect(aroundFigure(drawn(1, 10, 20, 40, channels)).width).toBe(56);
});

test.each([
  ["well composed", drawn(20, 15, 30, 40)],
  ["without a figure", drawn(0, 0, 0, 0)],
  ["at the border itself", drawn(0, 30, 10, 10)],
  [
    "of several colours at its border",
    image(
      70,
      70,
      1,
      Uint8Array.from({ length: 4900 }, (_, i) => 3 * (i % 70)),
    ),
  ],
])("a picture %s stays as it is", (_, picture) => {
  expect(aroundFigure(picture)).toBe(picture);
});
