import { expect, test } from "vitest";
import { onDarkGround } from "../../src/data/ground.ts";
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
