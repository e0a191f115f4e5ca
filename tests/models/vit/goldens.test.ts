import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import type { NdArray } from "../../../src/graph/dtype.ts";
import { crossEntropy } from "../../../src/losses/index.ts";
import type { JsonObject } from "../../../src/models/json.ts";
import type { ViTOptions } from "../../../src/models/vit/config.ts";
import { configFromHuggingFace } from "../../../src/models/vit/config-files.ts";
import { timmOptions } from "../../../src/models/vit/config-timm.ts";
import { ViT } from "../../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { matchWeights } from "../../../src/weights/load.ts";
import { applyRules, type NameRule } from "../../../src/weights/rules.ts";
import { memorySource, type WeightSource } from "../../../src/weights/source.ts";
import { huggingFaceVitRules, torchvisionVitRules } from "../../../src/weights/vit-rules.ts";
import { expectClose, goldenTensor, readGolden } from "../../golden.ts";
import { hasShared } from "../../shared.ts";

interface Case {
  readonly options: (config: JsonObject) => ViTOptions;
  readonly rules?: readonly NameRule[];
  /** Their names of our taps. */
  readonly taps?: (name: string) => string | undefined;
}

const timm: Case = { options: timmOptions };
const cases: Readonly<Record<string, Case>> = {
  "vit-class-token": timm,
  "vit-avg-fc-norm": timm,
  "vit-dynamic-size": timm,
  "vit-layer-scale-class-registers": timm,
  "vit-map-pool": timm,
  "vit-one-channel-small": timm,
  "vit-pre-norm-no-qkv-bias": timm,
  "vit-registers": timm,
  "deit-distilled": { options: (config) => timmOptions({ ...config, distilled: true }) },
  "vit-hf": {
    options: (config) => configFromHuggingFace({ ...config, model_type: "vit" }, "vit-hf"),
    rules: huggingFaceVitRules(),
    taps: (name) =>
      name === "embeddings" ? "tokens" : name.replace(/^encoder\.layer\./, "blocks.").replace("attention", "attn"),
  },
  "vit-torchvision": {
    options: ({ num_layers, hidden_dim, mlp_dim, image_size, patch_size, num_heads, num_classes }) => ({
      ...{ imageSize: image_size as number, patchSize: patch_size as number, labels: num_classes as number },
      ...{ depth: num_layers as number, heads: num_heads as number },
      ...{ width: hidden_dim as number, mlpWidth: mlp_dim as number },
    }),
    rules: torchvisionVitRules,
    // Its patch map is tapped before it becomes tokens.
    taps: (name) => (name === "conv_proj" ? undefined : name.replace(/^encoder\.layers\.encoder_layer_/, "blocks.")),
  },
};

/** The tensors of a case whose names begin with `kind`, under our names. */
function weightsOf(tensors: ReadonlyMap<string, NdArray>, kind: string, rules: readonly NameRule[] = []): WeightSource {
  const named = [...tensors].filter(([key]) => key.startsWith(kind) && !key.startsWith(`${kind}input.`));
  return applyRules(memorySource(named.map(([key, value]) => [key.slice(kind.length), value] as const)), rules);
}

test.skipIf(!hasShared).each(Object.entries(cases))(
  "%s: logits, loss, taps and gradients equal the reference's",
  async (name, case_) => {
    const golden = readGolden<JsonObject>(name);
    const { tensors, tolerance } = golden;
    const model = new ViT(case_.options(golden.config));
    const shapes = [...model.variables()].map(([key, { shape }]) => [key, shape] as const);
    const weights = matchWeights(shapes, weightsOf(tensors, "param.", case_.rules));
    for (const [key, variable] of model.variables()) variable.data = await weights.read(key);

    const theirTaps = [...tensors.keys()].filter((key) => key.startsWith("tap."));
    const taps = new Map(theirTaps.map((key) => [(case_.taps ?? String)(key.slice(4)), key] as const));
    taps.delete(undefined);
    const input = tensors.has("input.image") ? "input.image" : "input.pixel_values";
    const images = goldenTensor(golden, input);
    const parameters = [...model.parameters()];
    await using run = await compile(
      ({ images, target }) => {
        const logits = model.forward(images);
        const loss = crossEntropy(logits, target);
        const gradients = grad(loss, [images, ...parameters.map(([, p]) => p)]);
        const named = parameters.map(([key], i) => [`grad.${key}`, gradients[i + 1]!] as const);
        return { logits, loss, "grad.input": gradients[0]!, ...Object.fromEntries(named) };
      },
      { images: ["b", ...images.shape.slice(1)], target: { dtype: "int64", shape: ["b"] } },
      { runtime: await nodeRuntime(), taps: [...taps.keys()] as string[] },
    );
    const results = await run.run({ images, target: goldenTensor(golden, "input.target") });
    expectClose(results.logits!, goldenTensor(golden, "output.logits"), tolerance, "logits");
    expectClose(results.loss!, goldenTensor(golden, "loss"), tolerance, "loss");
    expectClose(results["grad.input"]!, goldenTensor(golden, `grad.${input}`), tolerance, "gradient of the images");
    for (const [tap, key] of taps) expectClose(results[tap!]!, goldenTensor(golden, key), tolerance, key);
    const gradients = weightsOf(tensors, "grad.", case_.rules);
    for (const [key] of parameters)
      expectClose(results[`grad.${key}`]!, await gradients.read(key), tolerance, `grad.${key}`);
    expect(parameters.length).toBe([...gradients.names()].length);
  },
);
