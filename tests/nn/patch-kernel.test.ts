import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type GridSize, resizeLoadedPositions, resizePatchKernel } from "../../src/nn/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const float32 = (shape: readonly number[], values: Iterable<number>) =>
  ({ dtype: "float32", shape, data: Float32Array.from(values) }) as const;

test.skipIf(!hasShared)("a larger patch kernel equals timm's", () => {
  const case_ = readGolden<{ new_size: GridSize }>("ops-resample-patch-embed");
  const got = resizePatchKernel(goldenTensor(case_, "input.weight"), case_.config.new_size);
  expectClose(got, goldenTensor(case_, "output.weight"), case_.tolerance);
});

test("a smaller patch kernel equals the product with torch's pseudo-inverse", () => {
  const { kernel } = JSON.parse(readFileSync(new URL("golden/position-rules.json", import.meta.url), "utf8")) as {
    kernel: { shape: number[]; weight: number[]; to: GridSize; values: number[] };
  };
  const got = resizePatchKernel(float32(kernel.shape, kernel.weight), kernel.to);
  expectClose(got, float32([2, 1, ...kernel.to], kernel.values), { rtol: 1e-6, atol: 1e-6 });
});

test("a larger kernel sees in an enlarged patch what the kernel saw in the patch", () => {
  const wave = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(seed + i * i));
  const dot = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number =>
    Array.from(a, (x, i) => Number(x) * Number(b[i])).reduce((sum, x) => sum + x);
  const [kernel, patch] = [float32([1, 1, 4, 3], wave(12, 1)), float32([1, 12, 1], wave(12, 2))];
  const larger = resizePatchKernel(kernel, [9, 5]);
  const enlarged = resizeLoadedPositions(patch, { from: [4, 3], to: [9, 5], prefix: 0, rule: "timm" });
  expect(dot(larger.data, enlarged.data)).toBeCloseTo(dot(kernel.data, patch.data), 5);
});
