import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import {
  type CosineOptions,
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  noamSchedule,
  oneCycleSchedule,
  plateauRate,
  type Schedule,
  stepSchedule,
} from "../../src/optim/schedules.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

interface TimmCosine {
  readonly t_initial: number;
  readonly lr_min: number;
  readonly warmup_t?: number;
  readonly warmup_lr_init?: number;
  readonly warmup_prefix?: boolean;
}

interface Config {
  readonly steps: number;
  readonly lr: number;
  readonly cosine: Readonly<Record<string, TimmCosine>>;
  readonly noam: { readonly factor: number; readonly d_model: number; readonly warmup: number };
  readonly linear: { readonly warmup: number; readonly total: number; readonly min: number };
}

test.skipIf(!hasShared)("schedules equal timm's and the papers' formulas", () => {
  const golden = readGolden<Config>("ops-schedules");
  const { lr: learningRate, steps, cosine, noam, linear } = golden.config;
  const fromTimm = ({
    t_initial,
    lr_min,
    warmup_t = 0,
    warmup_lr_init = 0,
    warmup_prefix = false,
  }: TimmCosine): CosineOptions => ({
    learningRate,
    steps: t_initial,
    min: lr_min,
    warmup: warmup_t,
    warmupStart: warmup_lr_init,
    warmupPrefix: warmup_prefix,
  });
  const schedules: Readonly<Record<string, Schedule>> = {
    ...Object.fromEntries(
      Object.entries(cosine).map(([name, options]) => [`cosine.${name}`, cosineSchedule(fromTimm(options))]),
    ),
    half_cosine: cosineSchedule({
      learningRate,
      steps: linear.total - linear.warmup,
      min: linear.min,
      warmup: linear.warmup,
      warmupPrefix: true,
    }),
    linear: linearSchedule({ learningRate, steps: linear.total, warmup: linear.warmup }),
    noam: noamSchedule({ width: noam.d_model, warmup: noam.warmup, factor: noam.factor }),
  };
  expect(Object.keys(schedules).length).toBe(golden.tensors.size);
  for (const [name, schedule] of Object.entries(schedules)) {
    const got = ndarray(
      "float32",
      [steps],
      Array.from({ length: steps }, (_, t) => schedule(t)),
    );
    expectClose(got, goldenTensor(golden, `output.${name}`), golden.tolerance, name);
  }
});

test("after its end a schedule stays at its lowest", () => {
  expect(cosineSchedule({ learningRate: 1, steps: 4, min: 0.25 })(9)).toBe(0.25);
  expect(linearSchedule({ learningRate: 1, steps: 4 })(9)).toBe(0);
});

test("a step schedule falls every so many steps, after its warm-up", () => {
  const schedule = stepSchedule({ learningRate: 8, every: 2, factor: 0.5, warmup: 1, warmupStart: 1 });
  expect([0, 1, 2, 3, 4, 5, 6].map(schedule)).toEqual([1, 8, 4, 4, 2, 2, 1]);
});

test("a constant schedule is constant", () => {
  expect([0, 1, 1000].map(constantSchedule(0.5))).toEqual([0.5, 0.5, 0.5]);
});

const torch = JSON.parse(readFileSync(new URL("golden/schedules.json", import.meta.url), "utf8")) as {
  readonly oneCycle: readonly {
    readonly config: {
      readonly max_lr: number;
      readonly total_steps: number;
      readonly pct_start?: number;
      readonly div_factor?: number;
      readonly final_div_factor?: number;
    };
    readonly rates: readonly number[];
  }[];
  readonly plateau: readonly {
    readonly config: { readonly factor: number; readonly patience: number; readonly min_lr?: number };
    readonly losses: readonly number[];
    readonly rates: readonly number[];
  }[];
};

test.each(torch.oneCycle)("one cycle equals PyTorch's: $config", ({ config, rates }) => {
  const {
    max_lr: learningRate,
    total_steps: steps,
    pct_start: rise = 0.3,
    div_factor = 25,
    final_div_factor = 1e4,
  } = config;
  const start = learningRate / div_factor;
  const schedule = oneCycleSchedule({ learningRate, steps, rise, start, end: start / final_div_factor });
  for (const [t, rate] of rates.entries()) expect(schedule(t) / rate, `step ${t}`).toBeCloseTo(1, 10);
});

test.each(torch.plateau)("plateau equals PyTorch's: $config", ({ config, losses, rates }) => {
  const { factor, patience, min_lr: min = 0 } = config;
  const options = { learningRate: 0.1, factor, patience, min };
  for (const [n, rate] of rates.entries())
    expect(plateauRate(losses.slice(0, n), options) / rate, `after ${n}`).toBeCloseTo(1, 12);
});

test("one cycle without a rise begins at its top", () => {
  const schedule = oneCycleSchedule({ learningRate: 1, steps: 10, rise: 0, end: 0 });
  expect(schedule(0)).toBe(1);
  expect(schedule(9)).toBeCloseTo(0, 12);
});
