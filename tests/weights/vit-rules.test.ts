import { expect, test } from "vitest";
import { openWeights } from "../../src/weights/open-node.ts";
import { applyRules, detectNaming, invertRules } from "../../src/weights/rules.ts";
import { readAll } from "../../src/weights/source.ts";
import { vitNamings } from "../../src/weights/vit-rules.ts";
import { bitsOf, fixturePath } from "./fixture.ts";

const pairs = [
  ["hf-vit.safetensors", "hf-vit", "Hugging Face ViT"],
  ["hf-deit.safetensors", "hf-deit", "Hugging Face DeiT"],
  ["torchvision.safetensors", "torchvision", "torchvision"],
  ["torchvision-older.safetensors", "torchvision", "torchvision"],
  ["jax.npz", "jax", "JAX"],
  ["jax-target.npz", "jax-target", "JAX"],
  ["big-vision.npz", "big-vision", "big_vision"],
  ["big-vision-map.npz", "big-vision-map", "big_vision"],
] as const;

test.each(pairs)("%s becomes what timm holds, bit for bit", async (file, twin, naming) => {
  const source = await openWeights(fixturePath(`naming/${file}`));
  const expected = await openWeights(fixturePath(`naming/${twin}.timm.safetensors`));
  const found = detectNaming(source, vitNamings);
  expect(found?.name).toBe(naming);
  const renamed = applyRules(source, found!.rules);
  expect(bitsOf(await readAll(renamed))).toEqual(bitsOf(await readAll(expected)));
  for (const name of expected.names()) expect(renamed.info(name)).toMatchObject({ shape: expected.info(name).shape });
  await source.close();
  await expected.close();
});

test.each(["hf-vit.safetensors", "torchvision.safetensors", "jax-target.npz", "big-vision-map.npz"])(
  "%s comes back from timm's names, bit for bit",
  async (file) => {
    const source = await openWeights(fixturePath(`naming/${file}`));
    const { rules } = detectNaming(source, vitNamings)!;
    // Names that several sources share (`pos_embed`, `head`, the MLP) go back by the rules that the file used.
    const names = new Set(source.names());
    const used = rules.filter((rule) => {
      const first = [rule.from].flat()[0]!;
      return [0, 1].some((i) =>
        ["weight", "bias"].some((leaf) => names.has(first.replace("{i}", `${i}`).replace("{leaf}", leaf))),
      );
    });
    const back = applyRules(applyRules(source, rules), invertRules(used, { h: 2 }));
    expect(bitsOf(await readAll(back))).toEqual(bitsOf(await readAll(source)));
    await source.close();
  },
);

test.each([
  ["clip", "CLIP"],
  ["deit3", "DeiT III"],
  ["dinov2", "DINOv2"],
])("%s becomes what timm makes of it, bit for bit", async (file, naming) => {
  const source = await openWeights(fixturePath(`naming/${file}.safetensors`));
  const twin = await openWeights(fixturePath(`naming/${file}.timm.safetensors`));
  const expected = await readAll(twin);
  await twin.close();
  const found = detectNaming(source, vitNamings)!;
  expect(found.name).toBe(naming);
  // timm adds a bias of zeros to CLIP's projection.
  if (file === "clip") expect(expected.delete("head.bias")).toBe(true);
  expect(bitsOf(await readAll(applyRules(source, found.rules)))).toEqual(bitsOf(expected));
  await source.close();
});

test("a bare encoder is told by its names, and its pooler is left out", async () => {
  const source = await openWeights(fixturePath("naming/hf-vit-bare.safetensors"));
  expect(source.has("pooler.dense.weight")).toBe(true);
  const renamed = applyRules(source, detectNaming(source, vitNamings)!.rules);
  const names = [...renamed.names()];
  expect(names).toContain("blocks.1.attn.qkv.weight");
  expect(names.filter((name) => /pooler|embeddings|encoder|layernorm/.test(name))).toEqual([]);
  await source.close();
});

test("timm's own names need no rules", async () => {
  const source = await openWeights(fixturePath("naming/hf-vit.timm.safetensors"));
  expect(detectNaming(source, vitNamings)).toBeUndefined();
  await source.close();
});
