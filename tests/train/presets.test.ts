import { expect, test } from "vitest";
import { traceGraph } from "../../src/compile/index.ts";
import { familyNamed } from "../../src/models/families.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { presetForNamed, presetForPictures, presets, wholeImages } from "../../src/train/presets.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

const names = [
  "resnet18",
  "swin_tiny_patch4_window7_224",
  "swinv2_tiny_window8_256",
  "tnt_s_patch16_224",
  "vit_tiny_patch16_224",
  "deit_tiny_distilled_patch16_224",
];
/** Shallow ones of the same kinds, which are traced faster. */
const shallow: Readonly<Record<string, object>> = { resnet: { depths: [1, 1, 1, 1] }, swin: { depths: [1, 1, 1, 1] } };

test.each(names)("%s has a form for small images of each size, which takes them", async (name) => {
  const member = await familyNamed(name);
  for (const near of [presets["fashion-mnist"]!, presets.shapes!, ...[48, 64, 96, 128].map(presetForPictures)]) {
    const { architecture, options, preprocessing, recipe } = presetForNamed(member, near)!;
    const [channels, side] = near.preprocessing.inputSize;
    const [ownChannels, high, wide] = preprocessing.inputSize;
    expect([ownChannels, high]).toEqual([channels, wide]);
    expect(high).toBeGreaterThanOrEqual(side);
    expect(high).toBeLessThanOrEqual(Math.max(64, side + 31));
    expect(recipeFrom(fromScratch, { ...recipe }, name)).toEqual(recipe);
    const fewer = shallow[Object.keys(shallow).find((kind) => name.startsWith(kind)) ?? ""] ?? { depth: 1 };
    const made = newPretrained(architecture, { labels: ["a", "b"], options: { ...options, ...fewer }, preprocessing });
    const { graph } = traceGraph(({ images }) => ({ logits: made.model.forward(images!) }), {
      images: [2, ownChannels, high, wide],
    });
    expect(graph.outputs.get("logits")!.shape).toEqual([2, 2]);
  }
});

test("data says how images change, and the family how the model learns", async () => {
  const near = presets["fashion-mnist"]!;
  const resnet = presetForNamed(await familyNamed("resnet50"), near)!.recipe;
  expect(resnet).toMatchObject({ crop: "none", flip: 0.5, optimizer: "sgd", momentum: 0.9 });
  const swin = presetForNamed(await familyNamed("swin_small_patch4_window7_224"), presets.shapes!)!.recipe;
  expect(swin).toMatchObject({ crop: "padded", pad: 2, optimizer: "muon" });
  expect(presetForNamed(await familyNamed("resnet18"), presets.shapes!)!.recipe.pad).toBe(4);
});

test("a stem of convolutions before the patches has no form for small images", async () => {
  expect(presetForNamed(await familyNamed("vit_tiny_r_s16_p8_224"), presets.shapes!)).toBeUndefined();
});

test("images at another size are seen whole, on the scale of the data's own pixels", () => {
  const { preprocessing } = presets["fashion-mnist"]!;
  const wider = wholeImages(preprocessing, { imageSize: [32, 48], channels: 3 });
  expect(wider.inputSize).toEqual([3, 32, 48]);
  expect(wider.crop).toMatchObject({ height: 32, width: 48 });
  expect(wider.resize).toEqual({ to: "cover", height: 32, width: 48 });
  expect([wider.mean, wider.std]).toEqual([Array(3).fill(0.286), Array(3).fill(0.353)]);
  expect(wholeImages(presets.shapes!.preprocessing, { channels: 1 }).mean).toEqual([0.5]);
  expect(wholeImages(preprocessing, {})).toEqual(preprocessing);
});
