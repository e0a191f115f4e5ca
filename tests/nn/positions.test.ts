import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import {
  type GridSize,
  type PositionRule,
  positionRules,
  resizeLoadedPositions,
  resizePositions,
} from "../../src/nn/positions.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sum } from "../../src/tensor/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

interface RuleCase {
  readonly rule: PositionRule;
  readonly to: GridSize;
  readonly values: readonly number[];
}

const golden = JSON.parse(readFileSync(new URL("golden/position-rules.json", import.meta.url), "utf8")) as {
  readonly from: GridSize;
  readonly grid: readonly number[];
  readonly cases: readonly RuleCase[];
};
const prefix = [9, -9];
const positions = {
  dtype: "float32",
  shape: [1, 21, 2],
  data: Float32Array.from([...prefix, ...golden.grid]),
} as const;

test("the cases have every rule", () => {
  expect([...new Set(golden.cases.map(({ rule }) => rule))].sort()).toEqual([...positionRules].sort());
});

test.each(golden.cases)("rule $rule to $to equals the code that it is called after, loaded and traced", async (c) => {
  const { rule, to, values } = c;
  const layout = { from: golden.from, to, prefix: 1, rule };
  const shape = [1, 1 + to[0] * to[1], 2];
  const want = { dtype: "float32", shape, data: Float32Array.from([...prefix, ...values]) } as const;
  const tolerance = { rtol: 1e-6, atol: 1e-6 };
  expectClose(resizeLoadedPositions(positions, layout), want, tolerance, "loaded");
  await using run = await compile(
    ({ x }) => ({ y: resizePositions(x, layout) }),
    { x: positions.shape },
    { runtime: await nodeRuntime() },
  );
  expectClose((await run.run({ x: positions })).y!, want, tolerance, "traced");
});

test.skipIf(!hasShared)("timm's rule and its gradient equal timm's", async () => {
  const case_ = readGolden<{ old_size: GridSize; new_size: GridSize; num_prefix_tokens: number }>(
    "ops-resample-pos-embed",
  );
  const { old_size: from, new_size: to, num_prefix_tokens } = case_.config;
  const layout = { from, to, prefix: num_prefix_tokens, rule: "timm" } as const;
  const x = goldenTensor(case_, "input.pos_embed");
  const cotangent = goldenTensor(case_, "cotangent.pos_embed");
  await using run = await compile(
    ({ x, cotangent }) => {
      const y = resizePositions(x, layout);
      const loss = sum(y.mul(cotangent));
      return { y, loss, dx: grad(loss, [x])[0]! };
    },
    { x: x.shape, cotangent: cotangent.shape },
    { runtime: await nodeRuntime() },
  );
  const { y, loss, dx } = await run.run({ x, cotangent });
  expectClose(y!, goldenTensor(case_, "output.pos_embed"), case_.tolerance, "positions");
  expectClose(loss!, goldenTensor(case_, "loss"), case_.tolerance, "loss");
  expectClose(dx!, goldenTensor(case_, "grad.input.pos_embed"), case_.tolerance, "gradient");
  expectClose(resizeLoadedPositions(x, layout), goldenTensor(case_, "output.pos_embed"), case_.tolerance, "loaded");
});

test("an embedding of another length is refused", () => {
  const layout = { from: [4, 4], to: [7, 7], prefix: 1, rule: "timm" } as const;
  expect(() => resizeLoadedPositions(positions, layout)).toThrow(/\[1, 1 \+ 4·4, d\], got float32 \[1, 21, 2\]/);
});

test("an equal grid changes nothing", () => {
  for (const rule of positionRules) {
    const same = resizeLoadedPositions(positions, { from: golden.from, to: golden.from, prefix: 1, rule });
    expectClose(same, positions, { rtol: 0, atol: 0 });
  }
});
