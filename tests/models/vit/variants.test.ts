import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import type { JsonObject } from "../../../src/models/json.ts";
import type { Stem, ViTOptions } from "../../../src/models/vit/config.ts";
import { timmOptions } from "../../../src/models/vit/config-timm.ts";
import { ViT } from "../../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { expectClose } from "../../golden.ts";
import { drawn } from "../drawn.ts";

interface Case {
  readonly config: JsonObject;
  readonly image: readonly number[];
  readonly tolerance: number;
  readonly logits: readonly number[];
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
      return { kind: "resnet", depths: config.depths as readonly number[] };
    case "conv":
      return { ...conv, padding: 1, widths: [6, 8], kernels: [3, 3], strides: [4, 4], activation: "relu", proj: true };
    case "conv-bare":
      return { ...conv, widths: [6, 24], kernels: [4, 2], strides: [4, 2], activation: "gelu", proj: false };
    default:
      return undefined;
  }
}

function optionsOf(config: JsonObject): ViTOptions {
  const { image: _, depths: __, stem: ___, representation, ...args } = config;
  return { ...timmOptions(args), stem: stemOf(config), representation: representation as number | undefined };
}

test.each(Object.entries(cases))("%s equals timm", async (_, { config, image, tolerance, logits }) => {
  const model = new ViT(optionsOf(config));
  for (const [name, variable] of model.variables())
    if (variable.dtype === "float32") variable.data = drawn(name, variable.shape);
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
