import { expect, test } from "vitest";
import { cutmix, mixBatch, mixTargets, mixup, randomBox, symmetricBeta } from "../../src/data/mix.ts";
import { toFloat32 } from "../../src/graph/dtype.ts";
import { stream } from "../../src/graph/random.ts";
import { goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

test.skipIf(!hasShared)("mixup and cutmix equal the golden numbers, images and targets", () => {
  const file = readGolden("ops-mixup-cutmix");
  const { lam, cutmix_box, num_classes, smoothing } = file.config as {
    lam: number;
    cutmix_box: [number, number, number, number];
    num_classes: number;
    smoothing: number;
  };
  const input = toFloat32(goldenTensor(file, "input.image"));
  const labels = toFloat32(goldenTensor(file, "input.target")).data;
  const mixed = input.data.slice();
  mixup(mixed, input.shape[0]!, lam);
  const want = toFloat32(goldenTensor(file, "output.mixup")).data;
  for (let i = 0; i < want.length; i++) expect(Math.abs(mixed[i]! - want[i]!)).toBeLessThan(1e-6);

  const [top, bottom, left, right] = cutmix_box;
  const cut = input.data.slice();
  const lambda = cutmix(cut, input.shape as unknown as [number, number, number, number], { top, bottom, left, right });
  expect(cut).toEqual(toFloat32(goldenTensor(file, "output.cutmix")).data);
  expect(lambda).toBeCloseTo(toFloat32(goldenTensor(file, "output.cutmix_lambda")).data[0]!, 6);
  for (const [name, share] of [
    ["mixup", lam],
    ["cutmix", lambda],
  ] as const) {
    const targets = mixTargets(labels, num_classes, share, smoothing);
    toFloat32(goldenTensor(file, `output.${name}_target`)).data.forEach((value, i) => {
      expect(targets[i]).toBeCloseTo(value, 6);
    });
  }
});

test("cutmix twice gives the batch back, and an odd batch keeps its middle image", () => {
  const original = Float32Array.from({ length: 3 * 2 * 4 * 4 }, (_, i) => i);
  const box = { top: 1, bottom: 3, left: 0, right: 2 };
  const images = original.slice();
  expect(cutmix(images, [3, 2, 4, 4], box)).toBe(0.75);
  expect(images.slice(32, 64)).toEqual(original.slice(32, 64));
  expect(images).not.toEqual(original);
  cutmix(images, [3, 2, 4, 4], box);
  expect(images).toEqual(original);
  const odd = original.slice();
  mixup(odd, 3, 0.25);
  expect(odd.slice(32, 64)).toEqual(original.slice(32, 64));
});

test("Beta(α, α) has the mean 1/2 and the variance 1 / (8 α + 4)", () => {
  for (const alpha of [0.2, 0.8, 1, 4]) {
    const random = stream(3, "beta", alpha * 10);
    const draws = Array.from({ length: 20_000 }, () => symmetricBeta(alpha, random));
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    expect(mean).toBeCloseTo(0.5, 1.7);
    expect(variance * (8 * alpha + 4)).toBeCloseTo(1, 1);
  }
});

test("a box covers about 1 − λ of the image and lies inside", () => {
  const random = stream(1, "box");
  for (let i = 0; i < 500; i++) {
    const lambda = random.uniform();
    const { top, bottom, left, right } = randomBox(24, 40, lambda, random);
    expect(top >= 0 && bottom <= 24 && left >= 0 && right <= 40 && bottom >= top && right >= left).toBe(true);
    expect((bottom - top) * (right - left)).toBeLessThanOrEqual(24 * 40 * (1 - lambda) + 1e-9);
  }
});

test("a batch is mixed in the same way from the same stream, and the targets' rows add up to 1", () => {
  const images = (): Float32Array => Float32Array.from({ length: 4 * 12 }, (_, i) => Math.sin(i));
  const [a, b] = [images(), images()];
  const rules = { mixup: 0.8, cutmix: 1 };
  const lambda = mixBatch(a, [4, 1, 3, 4], rules, stream(1, "x"));
  expect(mixBatch(b, [4, 1, 3, 4], rules, stream(1, "x"))).toBe(lambda);
  expect(a).toEqual(b);
  const targets = mixTargets([0, 1, 2, 2], 3, lambda, 0.1);
  for (let i = 0; i < 4; i++) expect(targets.slice(3 * i, 3 * i + 3).reduce((s, x) => s + x)).toBeCloseTo(1, 6);
  expect(mixBatch(images(), [4, 1, 3, 4], { ...rules, probability: 0 }, stream(1, "x"))).toBe(1);
  expect(() => mixBatch(a, [4, 1, 3, 4], { mixup: 0, cutmix: 0 }, stream(1))).toThrow("needs mixup or cutmix above 0");
});

test("by pairs partners share λ, by elements each image has its own, and the middle image of an odd batch stays", () => {
  const original = Float32Array.from({ length: 5 * 12 }, (_, i) => Math.sin(i));
  const run = (mode: "pair" | "elem"): readonly [Float32Array, Float32Array] => {
    const images = original.slice();
    const shares = mixBatch(images, [5, 1, 3, 4], { mixup: 0.8, cutmix: 0, mode }, stream(2, mode));
    if (typeof shares === "number") throw new Error("one λ for all");
    return [images, shares];
  };
  const [images, pairs] = run("pair");
  expect([pairs[3], pairs[4], pairs[2]]).toEqual([pairs[1], pairs[0], 1]);
  expect(images.slice(24, 36)).toEqual(original.slice(24, 36));
  expect(images.slice(0, 12)).not.toEqual(original.slice(0, 12));
  const own = run("elem")[1];
  expect(new Set(own).size).toBe(5);
  const targets = mixTargets([0, 1, 2, 2, 1], 3, own, 0.1);
  for (let i = 0; i < 5; i++) expect(targets.slice(3 * i, 3 * i + 3).reduce((s, x) => s + x)).toBeCloseTo(1, 6);
});
