import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { applyDrawing, drawAutoAugment } from "../../src/data/augment/auto-augment.ts";
import { gaussianBlur } from "../../src/data/augment/blur.ts";
import { applyChange, type Change } from "../../src/data/augment/change.ts";
import { parseAutoAugment } from "../../src/data/augment/parse-policy.ts";
import { type Augmentation, augment, photoAugmentation } from "../../src/data/augment.ts";
import { type MixDraw, mixEach, mixTargets, pairDraws } from "../../src/data/mix.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { augmentGolden, bytesOf, picture, replay } from "./augment-images.ts";

const golden = augmentGolden();
const kinds = [...new Set(golden.changes.map(({ change }) => change.kind))];

test.for(kinds)("%s gives the bytes of Pillow, timm and torchvision", (kind: Change["kind"]) => {
  const cases = golden.changes.filter(({ change }) => change.kind === kind);
  for (const { image, change, bytes, sum } of cases) {
    const got = applyChange(picture(image), change, [124, 116, 104]);
    const place = JSON.stringify({ image, change });
    if (bytes !== undefined) expect(got.data, place).toEqual(bytesOf(bytes));
    else expect(crc32(got.data), place).toBe(sum);
    expect([got.width, got.height, got.channels], place).toEqual(image.slice(0, 3));
  }
  expect(cases.length).toBeGreaterThanOrEqual(24);
});

test("every kind of change is compared", () => {
  expect(kinds.length).toBe(17);
});

test.for([...new Set(golden.policies.map(({ auto }) => auto))])(
  "%s with the random numbers that its reference drew draws as many and gives its bytes",
  (auto) => {
    const policy = parseAutoAugment(auto);
    for (const { image, draws, sum } of golden.policies.filter((one) => one.auto === auto)) {
      const source = picture(image);
      const random = replay(draws);
      const around = {
        width: source.width,
        height: source.height,
        filters: ["bilinear", "bicubic"] as const,
        translate: 0.45,
      };
      const drawing = drawAutoAugment(policy, random, around);
      expect(random.left()).toBe(0);
      const got = applyDrawing(source, drawing, auto === "ta_wide" ? [] : [124, 116, 104]);
      expect(crc32(got.data), JSON.stringify({ image, drawing })).toBe(sum);
    }
  },
);

test("AugMix with the changes and shares that timm drew gives its bytes, mixed and blended", () => {
  for (const { auto, image, drawing, sum } of golden.augmix) {
    const got = applyDrawing(picture(image), drawing, [124, 116, 104]);
    expect(crc32(got.data), `${auto} ${image}`).toBe(sum);
  }
  expect(golden.augmix.length).toBe(32);
});

test("a Gaussian blur is at most one grey level from torchvision's, and mostly equal", () => {
  let different = 0;
  let all = 0;
  for (const { image, sigma, bytes } of golden.blurs) {
    const want = bytesOf(bytes);
    gaussianBlur(picture(image), 23, sigma).data.forEach((byte, i) => {
      expect(Math.abs(byte - want[i]!)).toBeLessThanOrEqual(1);
      if (byte !== want[i]) different++;
      all++;
    });
  }
  expect(different / all).toBeLessThan(0.001);
});

test("timm's whole training transform, with the random numbers that it drew, gives its input bit for bit", () => {
  const config = preprocessingFromTimm({ input_size: [3, 20, 24], crop_pct: 1 }, "test");
  for (const { rules, image, draws, sum } of golden.transforms) {
    const { filters = ["bilinear", "bicubic"], ...rest } = rules;
    const crop = { ...photoAugmentation.crop, scale: [0.3, 1], filters };
    const random = replay(draws);
    const out = new Float32Array(3 * 20 * 24);
    augment(picture(image), config, { crop, flip: 0.5, ...rest } as unknown as Augmentation, random, out);
    expect(random.left()).toBe(0);
    expect(crc32(new Uint8Array(out.buffer)), JSON.stringify({ rules, image })).toBe(sum);
  }
});

test("mixing by pairs and by elements equals timm's images and targets", () => {
  for (const { mode, lambdas, cuts, corners, input, images, targets } of golden.mixes) {
    const left = corners.slice();
    const draws = lambdas.map((lambda, i): MixDraw => {
      if (lambda === 1) return undefined;
      if (!cuts[i]) return { lambda };
      const ratio = Math.sqrt(1 - lambda);
      const [h, w] = [Math.trunc(5 * ratio), Math.trunc(4 * ratio)];
      const [y, x] = [left.shift()!, left.shift()!];
      const clip = (value: number, most: number): number => Math.max(0, Math.min(most, value));
      return {
        lambda,
        box: {
          top: clip(y - (h >> 1), 5),
          bottom: clip(y + ((h + 1) >> 1), 5),
          left: clip(x - (w >> 1), 4),
          right: clip(x + ((w + 1) >> 1), 4),
        },
      };
    });
    const mixed = Float32Array.from(input);
    const shares = mixEach(mixed, [6, 2, 5, 4], mode === "pair" ? pairDraws(draws, 6) : draws);
    expect(mixed).toEqual(Float32Array.from(images));
    mixTargets([0, 1, 2, 3, 1, 2], 4, shares, 0.1).forEach((value, i) => {
      expect(value).toBeCloseTo(targets[i]!, 6);
    });
  }
});
