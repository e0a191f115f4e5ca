import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { createModel, modelNamed, modelNames } from "../../src/models/registry.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { summary, summaryText } from "../../src/nn/summary.ts";

test("the summary of a small ViT shows each module's result, parameters and operations", () => {
  const model = new ViT({ imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 3, mlpWidth: 48, labels: 5 });
  expect(`\n${summaryText(summary(model, [2, 3, 16, 16]))}\n`).toMatchInlineSnapshot(`
    "
    module                      result         parameters  operations
    (ViT)                       [2, 5]              6,653       443 k
      patch_embed (PatchEmbed)  [2, 4, 4, 24]       1,176     73.73 k
        proj (Conv2d)           [2, 24, 4, 4]       1,176     73.73 k
      blocks.0 (PreNormBlock)   [2, 17, 24]         4,872     368.8 k
        norm1 (LayerNorm)       [2, 17, 24]            48
        attn (Attention)        [2, 17, 24]         2,400     212.2 k
          qkv (Linear)          [2, 17, 72]         1,800     117.5 k
          proj (Linear)         [2, 17, 24]           600     39.17 k
        norm2 (LayerNorm)       [2, 17, 24]            48
        mlp (Mlp)               [2, 17, 24]         2,376     156.7 k
          fc1 (Linear)          [2, 17, 48]         1,200     78.34 k
          fc2 (Linear)          [2, 17, 24]         1,176     78.34 k
      norm (LayerNorm)          [2, 17, 24]            48
      head (Linear)             [2, 5]                125         480
    "
  `);
});

test("a symbolic batch stays a symbol", () => {
  const model = new ViT({ imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 3, mlpWidth: 48, labels: 5 });
  const [whole] = summary(model, [symbol("b"), 3, 16, 16]);
  const [one] = summary(model, [1, 3, 16, 16]);
  expect(String(whole!.flops)).toBe(`${one!.flops}*b`);
  expect(String(whole!.shape)).toBe("b,5");
});

const measured = modelNames().filter((name) => modelNamed(name).published.gmacs !== undefined);

test.each(measured)("%s costs the multiply-adds that were published", (name) => {
  const { preprocessing, published } = modelNamed(name);
  const [whole] = summary(createModel(name), [1, ...preprocessing.input_size]);
  const gmacs = Number(whole!.flops) / 2e9;
  // Published with two digits after the point, and with the normalisations, of which the stem of a hybrid has many.
  const share = name.includes("_r") && !name.includes("_reg") ? 0.03 : 0.01;
  expect(Math.abs(gmacs - published.gmacs!)).toBeLessThan(share * published.gmacs! + 0.006);
});
