import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { ndarray } from "../../../src/graph/dtype.ts";
import { Attention } from "../../../src/nn/attention.ts";
import { zeros } from "../../../src/nn/init.ts";
import { Linear } from "../../../src/nn/linear.ts";
import { Mlp } from "../../../src/nn/mlp.ts";
import { evaluation, Module, type Parameter, parameter } from "../../../src/nn/module.ts";
import { LayerNorm } from "../../../src/nn/norm.ts";
import { PatchEmbed } from "../../../src/nn/patches.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { at, concat, dims, expand, rearrange, type Tensor } from "../../../src/tensor/index.ts";
import { matchWeights } from "../../../src/weights/load.ts";
import { openWeights } from "../../../src/weights/open-node.ts";
import { applyRules, type NameRule } from "../../../src/weights/rules.ts";
import { readSafetensors } from "../../../src/weights/safetensors.ts";
import { expectClose } from "../../golden.ts";
import { hasShared, sharedPath } from "../../shared.ts";

/** A published classifier of another make, from the same boxes: normalised after each branch, as in the first Transformer. */
class PostNormViT extends Module {
  readonly clsToken: Parameter = parameter([1, 1, 128], zeros);
  readonly posEmbed: Parameter = parameter([1, 65, 128], zeros);
  readonly patchEmbed: PatchEmbed = new PatchEmbed({
    ...{ imageSize: [32, 32], patchSize: [4, 4], channels: 3, width: 128, bias: true, otherSizes: "refuse" },
  });
  readonly layers: readonly PostNormLayer[] = Array.from({ length: 6 }, () => new PostNormLayer());
  readonly norm: LayerNorm = new LayerNorm(128, { eps: 1e-5 });
  readonly head: Linear = new Linear(128, 10);

  forward(images: Tensor): Tensor {
    const { b } = dims(images, "b 3 32 32");
    const patches = rearrange(this.patchEmbed.forward(images), "b h w d -> b (h w) d"); // [b, 64, 128]
    let z = concat([expand(this.clsToken, [b, 1, 128]), patches], 1).add(this.posEmbed); // [b, 65, 128]
    for (const layer of this.layers) z = layer.forward(z); //                                [b, 65, 128]
    return this.head.forward(this.norm.forward(at(z, 1, 0))); //                             [b, 10]
  }
}

class PostNormLayer extends Module {
  readonly attn: Attention = new Attention(128, 8);
  readonly norm1: LayerNorm = new LayerNorm(128, { eps: 1e-5 });
  readonly mlp: Mlp = new Mlp(128, 256, { activation: "relu" });
  readonly norm2: LayerNorm = new LayerNorm(128, { eps: 1e-5 });

  forward(z: Tensor): Tensor {
    const between = this.norm1.forward(z.add(this.attn.forward(z, evaluation)));
    return this.norm2.forward(between.add(this.mlp.forward(between, evaluation)));
  }
}

const rules: readonly NameRule[] = [
  { from: "transformer.layers.{i}.self_attn.in_proj_{leaf}", to: "layers.{i}.attn.qkv.{leaf}" },
  { from: "transformer.layers.{i}.self_attn.out_proj.{leaf}", to: "layers.{i}.attn.proj.{leaf}" },
  { from: "transformer.layers.{i}.linear1.{leaf}", to: "layers.{i}.mlp.fc1.{leaf}" },
  { from: "transformer.layers.{i}.linear2.{leaf}", to: "layers.{i}.mlp.fc2.{leaf}" },
  { from: "transformer.layers.{i}.{norm}.{leaf}", to: "layers.{i}.{norm}.{leaf}" },
  { from: "mlp_head.0.{leaf}", to: "norm.{leaf}" },
  { from: "mlp_head.1.{leaf}", to: "head.{leaf}" },
];

/** CIFAR-10's records: a label, then the red, green and blue planes. */
function pictures(count: number): { readonly images: Float32Array; readonly labels: readonly number[] } {
  const bytes = gunzipSync(readFileSync(sharedPath("data", "cifar10", "train_first4000.bin.gz")));
  const [mean, std] = [[0.4914, 0.4822, 0.4465] as const, [0.2023, 0.1994, 0.201] as const];
  const images = new Float32Array(count * 3072);
  for (let i = 0; i < images.length; i++) {
    const [record, at] = [Math.floor(i / 3072), i % 3072];
    const channel = Math.floor(at / 1024) as 0 | 1 | 2;
    images[i] = (bytes[record * 3073 + 1 + at]! / 255 - mean[channel]) / std[channel];
  }
  return { images, labels: Array.from({ length: count }, (_, i) => bytes[i * 3073]!) };
}

test.skipIf(!hasShared)(
  "a published post-norm ViT for CIFAR-10 gives PyTorch's logits, and gets 204 of 256 right",
  async () => {
    const model = new PostNormViT();
    const file = await openWeights(sharedPath("data", "vit-cifar10", "vit_cifar10.pth"));
    const expected = [...model.variables()].map(([name, { shape }]) => [name, shape] as const);
    const weights = matchWeights(expected, applyRules(file, rules));
    for (const [name, variable] of model.variables()) variable.data = await weights.read(name);
    await weights.close();
    const path = sharedPath("data", "vit-cifar10", "reference.safetensors");
    const want = readSafetensors(readFileSync(path), path).tensors.get("logits_first256_train")!;

    await using run = await compile(
      ({ images }) => ({ logits: model.forward(images) }),
      { images: ["b", 3, 32, 32] },
      { runtime: await nodeRuntime() },
    );
    const { images, labels } = pictures(256);
    const { logits } = await run.run({ images: ndarray("float32", [256, 3, 32, 32], images) });
    expectClose(logits!, want, { rtol: 1e-4, atol: 1e-4 }, "logits");
    const rows = labels.map((_, i) => Array.from(logits!.data.subarray(i * 10, i * 10 + 10), Number));
    expect(rows.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length).toBe(204);
  },
);
