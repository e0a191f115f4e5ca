import fc from "fast-check";
import { expect, test } from "vitest";
import { applyChanges } from "../../src/data/augment/change.ts";
import { drawErasing, eraseRegion } from "../../src/data/augment/erase.ts";
import { drawJitter } from "../../src/data/augment/jitter.ts";
import {
  augment,
  augmentImage,
  photoAugmentation,
  presized,
  randomRegion,
  smallAugmentation,
} from "../../src/data/augment.ts";
import { crop, flipHorizontal, image } from "../../src/data/image.ts";
import { fitImage, preprocess } from "../../src/data/preprocess.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { resize } from "../../src/data/resize.ts";
import { stream } from "../../src/graph/random.ts";

const config = preprocessingFromTimm({ input_size: [3, 16, 16], crop_pct: 1 }, "test");
const photo = image(
  40,
  30,
  3,
  Uint8Array.from({ length: 3600 }, (_, i) => (i * 7919) % 256),
);

test("a random region lies inside, and has an allowed area and shape where the image has", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), fc.nat(), (width, height, seed) => {
      const region = randomRegion(width, height, [0.08, 1], [3 / 4, 4 / 3], stream(seed, "region"));
      expect(region.left >= 0 && region.top >= 0 && region.width > 0 && region.height > 0).toBe(true);
      expect(region.left + region.width <= width && region.top + region.height <= height).toBe(true);
    }),
  );
  for (let seed = 0; seed < 200; seed++) {
    const { width, height } = randomRegion(400, 300, [0.25, 0.5], [0.8, 1.25], stream(seed));
    expect((width * height) / 120_000).toBeGreaterThan(0.245);
    expect((width * height) / 120_000).toBeLessThan(0.505);
    expect(width / height).toBeGreaterThan(0.78);
    expect(width / height).toBeLessThan(1.28);
  }
});

test("a shape that cannot be had falls back to the largest middle piece", () => {
  expect(randomRegion(1000, 10, [0.9, 1], [3 / 4, 4 / 3], stream(0))).toEqual({
    left: 493,
    top: 0,
    width: 13,
    height: 10,
  });
});

test("a random resized crop is a crop, resized as Pillow does, and perhaps flipped", () => {
  const seen = new Set<boolean>();
  for (let seed = 0; seed < 12; seed++) {
    const rules = {
      ...photoAugmentation,
      crop: { ...photoAugmentation.crop, filters: ["bicubic"] as const },
    } as typeof photoAugmentation;
    const got = augmentImage(photo, config, rules, stream(seed));
    const random = stream(seed);
    const piece = crop(photo, randomRegion(40, 30, [0.08, 1], [3 / 4, 4 / 3], random));
    const resized = resize(piece, { width: 16, height: 16, filter: "bicubic" });
    const flipped = random.uniform() < 0.5;
    seen.add(flipped);
    expect(got).toEqual(flipped ? flipHorizontal(resized) : resized);
  }
  expect(seen.size).toBe(2);
});

test("a small image is moved by up to the padding, and black comes in", () => {
  const small = image(16, 16, 3, new Uint8Array(768).fill(200));
  const shifts = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const got = augmentImage(small, config, smallAugmentation, stream(seed));
    const lit = got.data.reduce((n, byte) => n + (byte === 200 ? 1 : 0), 0) / 3;
    expect(lit).toBeGreaterThanOrEqual(12 * 12);
    shifts.add(lit);
  }
  expect(shifts.size).toBeGreaterThan(5);
});

test("an image of another size is fitted to the input before it is moved", () => {
  const config = preprocessingFromTimm({ input_size: [3, 32, 32], crop_pct: 1, interpolation: "bilinear" }, "test");
  const unmoved = { crop: { kind: "padded", padding: 0 }, flip: 0 } as const;
  for (const [width, height] of [
    [16, 16],
    [64, 64],
    [80, 48],
  ] as const) {
    const other = image(
      width,
      height,
      3,
      Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7) % 251),
    );
    expect(augmentImage(other, config, unmoved, stream(0)).data).toEqual(fitImage(other, config).data);
  }
});

test("the same stream gives the same input, another stream another", () => {
  const rules = { ...photoAugmentation, jitter: 0.4, erase: 0.5 };
  const run = (seed: number): Float32Array => {
    const out = new Float32Array(768);
    augment(photo, config, rules, stream(seed), out);
    return out;
  };
  expect(run(5)).toEqual(run(5));
  expect(run(5)).not.toEqual(run(6));
});

test("jitter of strength 0 changes nothing, and a grey image has no colour to change", () => {
  expect(drawJitter(0, stream(1))).toEqual([]);
  const grey = image(2, 1, 3, Uint8Array.of(50, 50, 50, 150, 150, 150));
  const got = applyChanges(grey, drawJitter([0.5, 0.5, 0.5, 0.2], stream(2)), []).data;
  expect(new Set(got.slice(0, 3)).size).toBe(1);
  expect(got).not.toEqual(grey.data);
});

test("erasing replaces one rectangle, the same in all channels", () => {
  const input = new Float32Array(preprocess(photo, config).data.length).fill(7);
  const random = stream(4);
  for (const region of drawErasing(16, 16, { probability: 1 }, random))
    eraseRegion(input, [3, 16, 16], region, "pixel", random);
  const erased = [0, 1, 2].map((c) =>
    input.slice(c * 256, c * 256 + 256).reduce<number[]>((list, v, i) => (v === 7 ? list : list.concat(i)), []),
  );
  expect(erased[0]!.length).toBeGreaterThan(4);
  expect(erased[1]).toEqual(erased[0]);
  expect(erased[2]).toEqual(erased[0]);
  const columns = new Set(erased[0]!.map((i) => i % 16));
  const rows = new Set(erased[0]!.map((i) => i >> 4));
  expect(columns.size * rows.size).toBe(erased[0]!.length);
});

test("an image that is made smaller first keeps its shape, and nothing changes where it is small enough", () => {
  const rules = { ...photoAugmentation, presize: 15 };
  const small = presized(photo, config, rules);
  expect(small).toEqual(resize(photo, { width: 20, height: 15, filter: "bilinear" }));
  expect(presized(small, config, rules)).toBe(small);
  expect(presized(photo, config, { ...rules, presize: 30 })).toBe(photo);
  for (let seed = 0; seed < 4; seed++)
    expect(augmentImage(photo, config, rules, stream(seed))).toEqual(
      augmentImage(small, config, photoAugmentation, stream(seed)),
    );
});
