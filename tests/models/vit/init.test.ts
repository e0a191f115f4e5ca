import { expect, test } from "vitest";
import type { ViTOptions } from "../../../src/models/vit/config.ts";
import { ViT } from "../../../src/models/vit/vit.ts";

const small: ViTOptions = { imageSize: 64, patchSize: 8, width: 96, depth: 2, heads: 3, mlpWidth: 384, labels: 50 };

function statistics(
  options: ViTOptions,
): (name: string) => { readonly mean: number; readonly std: number; readonly max: number } {
  const variables = new ViT({ ...small, ...options }).variables();
  return (name) => {
    const values = Array.from(variables.get(name)!.data.data, Number);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    return { mean, std, max: Math.max(...values.map(Math.abs)) };
  };
}

/** Within `share` of the value. */
const near = (got: number, value: number, share = 0.06): void => expect(Math.abs(got / value - 1)).toBeLessThan(share);

test("first weights are timm's: linear maps and positions 0.02, class token almost zero, no bias", () => {
  const of = statistics({ registers: 4, layerScale: 1e-4 });
  for (const name of ["blocks.0.attn.qkv.weight", "blocks.1.mlp.fc2.weight", "pos_embed", "head.weight"])
    near(of(name).std, 0.02);
  for (const name of ["blocks.0.attn.qkv.bias", "blocks.0.mlp.fc1.bias", "head.bias", "norm.bias"])
    expect(of(name).max).toBe(0);
  near(of("cls_token").std, 1e-6, 0.3);
  near(of("reg_token").std, 1e-6, 0.3);
  expect(of("blocks.0.ls1.gamma")).toMatchObject({ std: expect.closeTo(0, 8), mean: expect.closeTo(1e-4, 8) });
  // PyTorch's convolution: U(±1/√fan-in).
  const bound = 1 / Math.sqrt(3 * 8 * 8);
  near(of("patch_embed.proj.weight").max, bound, 0.01);
  near(of("patch_embed.proj.weight").std, bound / Math.sqrt(3), 0.03);
});

test("first weights of the paper's code: Xavier maps, small biases in the MLP, a head of zeros", () => {
  const of = statistics({ init: "jax" });
  const bound = Math.sqrt(6 / (96 + 384));
  near(of("blocks.0.mlp.fc1.weight").max, bound, 0.01);
  near(of("blocks.0.mlp.fc1.weight").std, bound / Math.sqrt(3), 0.03);
  near(of("blocks.0.mlp.fc1.bias").std, 1e-6, 0.2);
  expect(of("blocks.0.attn.qkv.bias").max).toBe(0);
  expect(of("head.weight").max).toBe(0);
  expect(of("head.bias").max).toBe(0);
  near(of("patch_embed.proj.weight").std, Math.sqrt(1 / (3 * 8 * 8)), 0.03);
  expect(of("patch_embed.proj.bias").max).toBe(0);
});

test("the head may begin with the logarithm of chance", () => {
  const of = statistics({ init: "jax_nlhb" });
  expect(of("head.bias").mean).toBeCloseTo(-Math.log(50), 5);
});

test("normalisations after the branches begin with the layer scale's value", () => {
  const of = statistics({ block: "post_norm", layerScale: 1e-5 });
  expect(of("blocks.1.norm2.weight").mean).toBeCloseTo(1e-5, 9);
});
