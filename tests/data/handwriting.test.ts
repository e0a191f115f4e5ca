import { expect, test } from "vitest";
import { asWritten, drawHandwriting, rewrite, thicken } from "../../src/data/augment/handwriting.ts";
import { augmentImage } from "../../src/data/augment.ts";
import { crop, type Image, image } from "../../src/data/image.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { stream } from "../../src/graph/random.ts";

/** A vertical bar of 2 × 14 pixels in the middle of 28 × 28. */
const bar = image(
  28,
  28,
  1,
  Uint8Array.from({ length: 784 }, (_, i) => {
    const [x, y] = [i % 28, Math.floor(i / 28)];
    return x >= 13 && x < 15 && y >= 7 && y < 21 ? 255 : 0;
  }),
);
const ink = ({ data }: Image): number => data.reduce((sum, byte) => sum + byte, 0) / 255;

test("the original stays as it is written, and dark on light is its negative", () => {
  expect(rewrite(bar, asWritten)).toEqual(bar);
  expect(rewrite(bar, { ...asWritten, inverted: true }).data).toEqual(bar.data.map((byte) => 255 - byte));
});

test("whole pixels to the right and down move the strokes by so many", () => {
  const moved = rewrite(bar, { ...asWritten, right: 3, down: -2 });
  expect(moved).toEqual(crop(bar, { left: -3, top: 2, width: 28, height: 28 }));
});

test("a quarter turn lays an upright bar down", () => {
  const turned = rewrite(bar, { ...asWritten, degrees: 90 });
  expect(turned.data[13 * 28 + 8]).toBeGreaterThan(250);
  expect(turned.data[8 * 28 + 13]).toBeLessThan(5);
  expect(ink(turned)).toBeCloseTo(ink(bar), 0);
});

test("half the size has a quarter of the ink, and a slant keeps it", () => {
  expect(ink(rewrite(bar, { ...asWritten, scale: 0.5 }))).toBeCloseTo(ink(bar) / 4, 0);
  expect(ink(rewrite(bar, { ...asWritten, slant: 0.25 }))).toBeCloseTo(ink(bar), 0);
  const slanted = rewrite(bar, { ...asWritten, slant: 0.5 });
  expect(slanted.data[8 * 28 + 17]).toBeGreaterThan(slanted.data[8 * 28 + 10]!);
});

test("strokes grow by the radius on each side, and shrink by it", () => {
  const row = (picture: Image): number[] => [...picture.data.subarray(14 * 28 + 9, 14 * 28 + 19)];
  expect(row(thicken(bar, 1)).every((byte, i) => byte > 128 === (i >= 3 && i <= 6))).toBe(true);
  expect(ink(thicken(bar, 1.5))).toBeGreaterThan(ink(thicken(bar, 1)));
  expect(ink(thicken(bar, -0.5))).toBeLessThan(0.75 * ink(bar));
});

test("the same stream writes the same way, and half of all ways are dark on light", () => {
  expect(drawHandwriting(stream(1))).toEqual(drawHandwriting(stream(1)));
  const inverted = Array.from({ length: 1000 }, (_, i) => drawHandwriting(stream(i)).inverted).filter(Boolean).length;
  expect(inverted).toBeGreaterThan(430);
  expect(inverted).toBeLessThan(570);
});

test("as an augmentation it changes the share of images that it is asked to", () => {
  const config = preprocessingFromTimm({ input_size: [1, 28, 28], crop_pct: 1, mean: [0], std: [1] }, "test");
  const rules = { crop: { kind: "padded", padding: 0 }, flip: 0, handwriting: 0.3 } as const;
  const changed = Array.from({ length: 200 }, (_, i) => augmentImage(bar, config, rules, stream(i))).filter(
    ({ data }) => data.some((byte, i) => byte !== bar.data[i]),
  ).length;
  expect(changed).toBeGreaterThan(40);
  expect(changed).toBeLessThan(80);
});
