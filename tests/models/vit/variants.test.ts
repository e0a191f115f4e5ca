import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import type { JsonObject } from "../../../src/models/json.ts";
import type { Stem, ViTOptions } from "../../../src/models/vit/config.ts";
import { timmOptions } from "../../../src/models/vit/config-timm.ts";
import { ViT } from "../../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { sum } from "../../../src/tensor/index.ts";
import { expectClose } from "../../golden.ts";
import { drawn } from "../drawn.ts";

interface Case {
  readonly config: JsonObject;
  readonly image: readonly number[];
  readonly tolerance: number;
  readonly logits: readonly number[];
  /** By parameter in training: the gradient's norm, and its product with what is drawn for `probe NAME`. */
  readonly gradients?: Readonly<Record<string, readonly [norm: number, probed: number]>>;
}

const cases = JSON.parse(readFileSync(new URL("../golden/vit-variants.json", import.meta.url), "utf8")) as Record<
  string,
  Case
>;

/** Stems are Python objects in timm; the cases name them. */
function stemOf(config: JsonObject): Stem | undefined {
  const conv = { kind: "conv", padding: 0 } as const;
  switch (config.stem) {
    case "resnet":
    case "resnet_d":
      return { kind: config.stem, depths: config.depths as readonly number[] };
    case "conv":
      return { ...conv, padding: 1, widths: [6, 8], kernels: [3, 3], strides: [4, 4], activation: "relu", proj: true };
    case "conv-bare":
      return { ...conv, widths: [6, 24], kernels: [4, 2], strides: [4, 2], activation: "gelu", proj: false };
    default:
      return undefined;
  }
}

function optionsOf(config: JsonObject): ViTOptions {
  const { image: _, depths: __, stem: ___, gradients: ____, representation, ...args } = config;
  return { ...timmOptions(args), stem: stemOf(config), representation: representation as number | undefined };
}

function modelOf(config: JsonObject): ViT {
  const model = new ViT(optionsOf(config));
  for (const [name, variable] of model.variables())
    if (variable.dtype === "float32") variable.data = drawn(name, variable.shape);
  return model;
}

test.each(Object.entries(cases))("%s equals timm", async (_, { config, image, tolerance, logits }) => {
  const model = modelOf(config);
  await using run = await compile(
    ({ image }) => ({ logits: model.forward(image) }),
    { image: ["b", ...image.slice(1)] },
    { runtime: await nodeRuntime() },
  );
  const { logits: got } = await run.run({ image: drawn("image", image) });
  const want = { dtype: "float32", shape: [image[0]!, 5], data: Float32Array.from(logits) } as const;
  expectClose(got!, want, { rtol: tolerance, atol: tolerance });
  expect(new Set(logits).size).toBe(logits.length);
});

const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

test.each(Object.entries(cases).filter(([, { gradients }]) => gradients))(
  "%s has timm's gradients in training",
  async (_, { config, image, gradients }) => {
    const model = modelOf(config);
    const names = [...model.parameters().keys()];
    expect(names.sort()).toEqual(Object.keys(gradients!).sort());
    await using run = await compile(
      ({ image, probe }) => {
        const loss = sum(model.forward(image, { train: true }).mul(probe));
        const found = grad(
          loss,
          names.map((name) => model.parameters().get(name)!),
        );
        return Object.fromEntries(names.map((name, i) => [`d ${name}`, found[i]!]));
      },
      { image: image as number[], probe: [image[0]!, 5] },
      { runtime: await nodeRuntime() },
    );
    const found = await run.run({ image: drawn("image", image), probe: drawn("probe", [image[0]!, 5]) });
    for (const [name, [norm, probed]] of Object.entries(gradients!)) {
      const got = found[`d ${name}`]!.data as Float32Array;
      const probe = drawn(`probe ${name}`, found[`d ${name}`]!.shape).data as Float32Array;
      expect(Math.abs(Math.sqrt(product(got, got)) / norm - 1), name).toBeLessThan(1e-4);
      const scale = norm * Math.sqrt(product(probe, probe));
      expect(Math.abs(product(got, probe) - probed) / scale, name).toBeLessThan(1e-5);
    }
  },
);
