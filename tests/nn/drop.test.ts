import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { keyOf } from "../../src/graph/random.ts";
import { Dropout, DropPath, dropPathRates } from "../../src/nn/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";

async function run(box: Dropout | DropPath, shape: readonly number[], train: boolean, seed = 3): Promise<number[]> {
  const size = shape.reduce((product, side) => product * side, 1);
  await using executable = await compile(
    ({ x }) => ({ y: box.forward(x, { train }) }),
    { x: ["b", ...shape.slice(1)] },
    { runtime: await nodeRuntime() },
  );
  const x = { dtype: "float32", shape, data: new Float32Array(size).fill(1) } as const;
  return Array.from((await executable.run({ x }, { key: keyOf(seed) })).y!.data, Number);
}

/** Standard deviations between a count and what it should be. */
const deviations = (hits: number, n: number, p: number): number => Math.abs(hits - n * p) / Math.sqrt(n * p * (1 - p));

test("dropout keeps each number with the given probability and scales it by the inverse", async () => {
  const y = await run(new Dropout(0.3), [64, 500], true);
  expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  expect(deviations(y.filter((v) => v > 0).length, y.length, 0.7)).toBeLessThan(4);
});

test("drop path keeps or drops whole images", async () => {
  const y = await run(new DropPath(0.25), [4000, 3, 2], true);
  const images = Array.from({ length: 4000 }, (_, i) => new Set(y.slice(i * 6, i * 6 + 6)));
  expect(images.every((values) => values.size === 1)).toBe(true);
  const kept = images.filter((values) => !values.has(0));
  expect(kept.every((values) => values.has(Math.fround(1 / 0.75)))).toBe(true);
  expect(deviations(kept.length, 4000, 0.75)).toBeLessThan(4);
});

test("outside training and at rate 0 both hand on what they get", async () => {
  for (const box of [new Dropout(0.5), new DropPath(0.5)])
    expect(new Set(await run(box, [8, 5], false))).toEqual(new Set([1]));
  for (const box of [new Dropout(0), new DropPath(0)])
    expect(new Set(await run(box, [8, 5], true))).toEqual(new Set([1]));
});

test("drop path rates grow from nothing at the first block to the rate at the last", () => {
  expect(dropPathRates(0.3, 4)).toEqual(
    [0, 0.09999999999999999, 0.19999999999999998, 0.3].map((x) => expect.closeTo(x)),
  );
  expect(dropPathRates(0.3, 1)).toEqual([0]);
});
