import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import type { NdArray } from "../../../src/graph/dtype.ts";
import { ViT } from "../../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { matchWeights } from "../../../src/weights/load.ts";
import { openWeights } from "../../../src/weights/open-node.ts";
import { applyRules, type NameRule } from "../../../src/weights/rules.ts";
import { hasShared, sharedPath } from "../../shared.ts";

/** vit-pytorch's names, patches flattened as (row, column, channel). */
const rules: readonly NameRule[] = [
  { from: "pos_embedding", to: "pos_embed" },
  {
    from: "to_patch_embedding.1.weight",
    to: "patch_embed.proj.weight",
    arrange: "d (p q c) -> d c p q",
    sizes: { p: 4, q: 4 },
  },
  { from: "to_patch_embedding.1.bias", to: "patch_embed.proj.bias" },
  { from: "transformer.layers.{i}.0.norm.{leaf}", to: "blocks.{i}.norm1.{leaf}" },
  { from: "transformer.layers.{i}.0.fn.to_qkv.{leaf}", to: "blocks.{i}.attn.qkv.{leaf}" },
  { from: "transformer.layers.{i}.0.fn.to_out.0.{leaf}", to: "blocks.{i}.attn.proj.{leaf}" },
  { from: "transformer.layers.{i}.1.norm.{leaf}", to: "blocks.{i}.norm2.{leaf}" },
  { from: "transformer.layers.{i}.1.fn.net.0.{leaf}", to: "blocks.{i}.mlp.fc1.{leaf}" },
  { from: "transformer.layers.{i}.1.fn.net.3.{leaf}", to: "blocks.{i}.mlp.fc2.{leaf}" },
  { from: "mlp_head.0.{leaf}", to: "norm.{leaf}" },
  { from: "mlp_head.1.{leaf}", to: "head.{leaf}" },
];

/** What follows the header of an IDX file: 16 bytes before images, 8 before labels. */
const idx = (name: string, header: number): Uint8Array =>
  gunzipSync(readFileSync(sharedPath("data", "mnist", name))).subarray(header);

const bytesOf = ({ data }: NdArray): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

test.skipIf(!hasShared)(
  "a published ViT for MNIST, the same from .pt and .safetensors, gets 9721 of 10,000 test digits right, at a loss of 0.0871",
  async () => {
    const model = new ViT({
      ...{ imageSize: 28, patchSize: 4, channels: 1, labels: 10, width: 64, depth: 6, heads: 4, headWidth: 64 },
      ...{ mlpWidth: 128, activation: "relu", qkvBias: false, eps: 1e-5 },
    });
    const expected = [...model.variables()].map(([name, { shape }]) => [name, shape] as const);
    const open = async (format: string) => {
      const file = await openWeights(sharedPath("data", "vit-mnist", `vit_mnist_gpu.${format}`));
      return matchWeights(expected, applyRules(file, rules));
    };
    const [weights, twin] = [await open("pt"), await open("safetensors")];
    for (const [name, variable] of model.variables()) {
      variable.data = await weights.read(name);
      expect(bytesOf(await twin.read(name)).equals(bytesOf(variable.data)), name).toBe(true);
    }
    await weights.close();
    await twin.close();

    const [pixels, labels] = [idx("t10k-images-idx3-ubyte.gz", 16), idx("t10k-labels-idx1-ubyte.gz", 8)];
    await using run = await compile(
      ({ images }) => ({ logits: model.forward(images) }),
      { images: ["b", 1, 28, 28] },
      { runtime: await nodeRuntime() },
    );
    let [right, loss] = [0, 0];
    const batch = 100;
    for (let start = 0; start < labels.length; start += batch) {
      const bytes = pixels.subarray(start * 784, (start + batch) * 784);
      const data = Float32Array.from(bytes, (x) => (x / 255 - 0.1307) / 0.3081);
      const { logits } = await run.run({ images: { dtype: "float32", shape: [batch, 1, 28, 28], data } });
      for (let i = 0; i < batch; i++) {
        const row = Array.from(logits!.data.subarray(i * 10, i * 10 + 10), Number);
        const label = labels[start + i]!;
        const top = Math.max(...row);
        if (row.indexOf(top) === label) right++;
        loss += top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) - row[label]!;
      }
    }
    expect(right).toBe(9721);
    expect(loss / labels.length).toBeCloseTo(0.0871, 4);
  },
);
