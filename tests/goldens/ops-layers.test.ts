/** Operators and layers: values and gradients beside the reference's. */

import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import {
  averagePool,
  conv,
  convTranspose,
  deformConv,
  elu,
  gelu,
  groupNorm,
  hardSwish,
  layerNorm,
  logSoftmax,
  maxPool,
  quickGelu,
  type ResizeOptions,
  relu,
  resize,
  sigmoid,
  silu,
  softmax,
  softplus,
  sum,
  type Tensor,
  tanh,
} from "../../src/tensor/index.ts";
import { expectClose, type Golden, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

/** Constructor arguments of the reference layers. */
interface Config {
  readonly args: readonly number[];
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly ceil_mode?: boolean;
  readonly eps?: number;
  readonly sizes: readonly (readonly [number, number])[];
}

type Named = Readonly<Record<string, Tensor>>;

const runtime = await nodeRuntime({ threads: 1 });

/** Runs the function on the inputs and parameters of a case and compares all of its outputs and gradients. */
async function expectGolden(name: string, layer: (t: Named, config: Config) => Named): Promise<void> {
  const golden = readGolden<Config>(name);
  const leaves = named(golden, /^(?:input|param|buffer)\.(.*)$/);
  const outputs = named(golden, /^output\.(.*)$/);
  const gradients = named(golden, /^grad\.(?:input\.)?(.*)$/);
  const cotangents = named(golden, /^cotangent\.(.*)$/);
  const feeds = Object.fromEntries([
    ...leaves,
    ...[...cotangents].map(([key, array]) => [`cotangent.${key}`, array] as const),
  ]);
  const specs = Object.fromEntries(
    Object.entries(feeds).map(([key, { dtype, shape }]) => [
      key,
      // The first axis of pictures is free, as it is in training.
      { dtype, shape: /^(x|offset|cotangent\..*)$/.test(key) ? ["b", ...shape.slice(1)] : shape },
    ]),
  );
  await using run = await compile(
    (t: Named) => {
      const results = layer(t, golden.config);
      const parts = [...cotangents.keys()].map((key) => sum(results[key]!.mul(t[`cotangent.${key}`]!)));
      const loss = parts.reduce((a, b) => a.add(b));
      const found = grad(
        loss,
        [...gradients.keys()].map((key) => t[key]!),
      );
      const pairs = [...gradients.keys()].map((key, i) => [`grad.${key}`, found[i]!] as const);
      return { ...results, ...Object.fromEntries(pairs), loss };
    },
    specs,
    { runtime },
  );
  const got = await run.run(feeds);
  expect(gradients.size).toBeGreaterThan(0);
  for (const [key, want] of outputs) expectClose(got[key]!, want, golden.tolerance, key);
  for (const [key, want] of gradients) expectClose(got[`grad.${key}`]!, want, golden.tolerance, `gradient of ${key}`);
  expectClose(got.loss!, goldenTensor(golden, "loss"), golden.tolerance, "loss");
}

function named({ tensors }: Golden<Config>, pattern: RegExp): ReadonlyMap<string, NdArray> {
  return new Map(
    [...tensors].flatMap(([key, array]) => {
      const found = pattern.exec(key)?.[1];
      return found !== undefined && array.dtype === "float32" ? [[found, array] as const] : [];
    }),
  );
}

const activations = (x: Tensor): Named => ({
  elu: elu(x),
  gelu_erf: gelu(x),
  gelu_quick: quickGelu(x),
  gelu_tanh: gelu(x, "tanh"),
  hardswish: hardSwish(x),
  log_sigmoid: softplus(x.neg()).neg(),
  log_softmax: logSoftmax(x),
  relu: relu(x),
  sigmoid: sigmoid(x),
  silu: silu(x),
  softmax: softmax(x),
  softplus: softplus(x),
  tanh: tanh(x),
});

/** Every mode of `torch.nn.functional.interpolate` that models use, at every size of the case. */
function interpolations(x: Tensor, sizes: Config["sizes"]): Named {
  const modes: Readonly<Record<string, ResizeOptions>> = {
    bilinear: { mode: "linear" },
    "bilinear.antialias": { mode: "linear", antialias: true, excludeOutside: true },
    "bilinear.align_corners": { mode: "linear", coordinates: "align_corners" },
    bicubic: { mode: "cubic" },
    "bicubic.antialias": { mode: "cubic", antialias: true, excludeOutside: true, cubicA: -0.5 },
    "bicubic.align_corners": { mode: "cubic", coordinates: "align_corners" },
    nearest: { mode: "nearest", coordinates: "asymmetric", nearest: "floor" },
  };
  return Object.fromEntries(
    Object.entries(modes).flatMap(([mode, options]) =>
      sizes.map((size) => [`${mode}.${size.join("x")}`, resize(x, size, options)] as const),
    ),
  );
}

const layers: Readonly<Record<string, (t: Named, config: Config) => Named>> = {
  "ops-activations": ({ x }) => activations(x!),
  "ops-avg-pool": ({ x }, config) => ({ output: averagePool(x!, config.args[0]!, config) }),
  "ops-max-pool-padding": ({ x }, config) => ({ output: maxPool(x!, config.args[0]!, config) }),
  "ops-max-pool-ceil": ({ x }, { args, stride, ceil_mode }) => ({
    output: maxPool(x!, args[0]!, { stride: stride!, ceilMode: ceil_mode! }),
  }),
  "ops-conv1d": ({ x, weight, bias }, config) => ({ output: conv(x!, weight!, bias, config) }),
  "ops-conv2d": ({ x, weight, bias }, config) => ({ output: conv(x!, weight!, bias, config) }),
  "ops-conv2d-depthwise": ({ x, weight, bias }, config) => ({ output: conv(x!, weight!, bias, config) }),
  "ops-conv2d-dilated-grouped": ({ x, weight }, config) => ({ output: conv(x!, weight!, undefined, config) }),
  "ops-conv3d-dilated": ({ x, weight, bias }, config) => ({ output: conv(x!, weight!, bias, config) }),
  "ops-conv-transpose2d": ({ x, weight, bias }, config) => ({ output: convTranspose(x!, weight!, bias, config) }),
  "ops-deform-conv": ({ x, weight, offset }, config) => ({ output: deformConv(x!, weight!, offset!, config) }),
  "ops-layer-norm": ({ x, weight, bias }, { eps }) => ({ output: layerNorm(x!, weight!, bias, eps!) }),
  "ops-group-norm": ({ x, weight, bias }, { args }) => ({ output: groupNorm(x!, args[0]!, weight!, bias!, 1e-5) }),
  "ops-interpolate": ({ x }, { sizes }) => interpolations(x!, sizes),
};

test.skipIf(!hasShared).each(Object.keys(layers))("%s: values and gradients are the reference's", async (name) => {
  await expectGolden(name, layers[name]!);
});

test.skipIf(!hasShared).each(["ops-batch-norm-eval", "ops-batch-norm-train"])(
  "%s: values, gradients and running statistics are the reference's",
  async (name) => {
    const golden = readGolden<Config>(name);
    const layer = new BatchNorm2d(golden.config.args[0]!);
    const variables = {
      weight: layer.weight.variable,
      bias: layer.bias.variable,
      running_mean: layer.runningMean.variable,
      running_var: layer.runningVar.variable,
    };
    for (const [key, variable] of Object.entries(variables)) {
      variable.name = key;
      variable.data = goldenTensor(golden, key.startsWith("running") ? `buffer.${key}` : `param.${key}`);
    }
    layer.numBatchesTracked.variable.name = "num_batches_tracked";
    layer.numBatchesTracked.variable.data = goldenTensor(golden, "buffer.num_batches_tracked");
    const x = goldenTensor(golden, "input.x");
    await using run = await compile(
      ({ x, cotangent }) => {
        const output = layer.forward(x, { train: name.endsWith("train") });
        const loss = sum(output.mul(cotangent));
        const [dx, dWeight, dBias] = grad(loss, [x, layer.weight, layer.bias]);
        return { output, "grad.input.x": dx!, "grad.weight": dWeight!, "grad.bias": dBias!, loss };
      },
      { x: ["b", ...x.shape.slice(1)], cotangent: ["b", ...x.shape.slice(1)] },
      { runtime },
    );
    const got = await run.run({ x, cotangent: goldenTensor(golden, "cotangent.output") });
    for (const key of ["grad.input.x", "grad.weight", "grad.bias", "loss"])
      expectClose(got[key]!, goldenTensor(golden, key), golden.tolerance, key);
    expectClose(got.output!, goldenTensor(golden, "output.output"), golden.tolerance, "output");
    for (const [key, want] of golden.tensors) {
      const buffer = /^output\.buffer\.(.*)$/.exec(key)?.[1];
      if (buffer === undefined) continue;
      const kept = { ...variables, num_batches_tracked: layer.numBatchesTracked.variable }[buffer as "running_mean"];
      expectClose(kept.data, want, golden.tolerance, buffer);
    }
  },
);
