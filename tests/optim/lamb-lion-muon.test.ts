import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { makeVariable } from "../../src/graph/graph.ts";
import { clipByGlobalNorm } from "../../src/optim/clip.ts";
import { lamb } from "../../src/optim/lamb.ts";
import { lion } from "../../src/optim/lion.ts";
import { muon } from "../../src/optim/muon.ts";
import type { Optimizer, Trainable } from "../../src/optim/optimizer.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose, goldenTensor, type Tolerance } from "../golden.ts";

const runtime = await nodeRuntime({ threads: 1 });

interface Config {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly adjust: "original" | "match_rms_adamw";
  readonly weight_decay: number;
  readonly clip_norm: number | null;
  readonly rates: readonly number[];
}

const cases: Readonly<Record<string, (trainables: readonly Trainable[], config: Config) => Optimizer>> = {
  lamb: (t, { betas, eps }) => lamb(t, { betas, epsilon: eps }),
  "lamb-clip": (t, { betas }) => lamb(t, { betas }),
  lion: (t) => lion(t),
  "lion-clip": (t, { betas }) => lion(t, { betas }),
  muon: (t, { momentum, nesterov }) => muon(t, { momentum, nesterov, adjust: "match-rms" }),
  "muon-original": (t, { momentum, nesterov, betas }) => muon(t, { momentum, nesterov, adam: { betas } }),
};

function read(name: string) {
  const file = new URL(`golden/${name}.safetensors`, import.meta.url);
  const { tensors, metadata } = readSafetensors(readFileSync(file), name);
  return {
    tensors,
    config: JSON.parse(metadata.get("config")!) as Config,
    tolerance: JSON.parse(metadata.get("tolerance")!) as Tolerance,
  };
}

function trainablesOf(golden: ReturnType<typeof read>): readonly Trainable[] {
  return [0, 1, 2, 3].map((i) => {
    const { dtype, shape, data } = goldenTensor(golden, `input.start.${i}`);
    return {
      variable: makeVariable(`p${i}`, "float32", shape, () => ({ dtype, shape, data: data.slice() })),
      learningRateScale: 1,
      weightDecay: shape.length > 1 ? golden.config.weight_decay : 0,
    };
  });
}

test.each(Object.entries(cases))("%s follows the reference's trajectory", async (name, make) => {
  const golden = read(name);
  const trainables = trainablesOf(golden);
  const { rates, clip_norm } = golden.config;
  const optimizer = make(trainables, golden.config);
  await using step = await compile(
    (inputs) => {
      const { gradients, norm } = clipByGlobalNorm(
        trainables.map((_, i) => inputs[`g${i}`]!),
        clip_norm ?? undefined,
      );
      optimizer.update(gradients, inputs);
      return { norm };
    },
    { ...Object.fromEntries(trainables.map(({ variable }, i) => [`g${i}`, variable.shape])), ...optimizer.inputs },
    { runtime },
  );
  for (const [t, rate] of rates.entries()) {
    const gradients = trainables.map((_, i) => [`g${i}`, goldenTensor(golden, `input.grad.${t}.${i}`)]);
    await step.run({ ...Object.fromEntries(gradients), ...optimizer.feeds(t, rate) });
    for (const [i, { variable }] of trainables.entries())
      expectClose(variable.data, goldenTensor(golden, `output.param.${t}.${i}`), golden.tolerance, `p${i}, step ${t}`);
  }
});

test("matrices that are not hidden are AdamW's", () => {
  const golden = read("muon");
  const state = muon(trainablesOf(golden), { isHidden: ({ name }) => name !== "p2" }).state;
  expect([...state.keys()].filter((name) => name.endsWith("momentum_buffer"))).toEqual(["p0/momentum_buffer"]);
  expect(state.has("p2/exp_sum")).toBe(true);
});
