import { expect, test } from "vitest";
import { preprocessingFromHuggingFace, preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { labelsIn, onnxMetadata, preprocessingIn } from "../../src/pretrained/onnx-metadata.ts";

const input = { input_size: [3, 224, 224], mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.1] };
const usual = preprocessingFromHuggingFace({ size: { height: 32, width: 32 }, resample: 2 }, "here");

test.each([
  ["Hugging Face's form", "preprocessor_config", usual],
  ["a centre crop", "preprocessor_config", preprocessingFromTimm({ ...input, interpolation: "bicubic" }, "here")],
  [
    "timm's form where the other has no words",
    "pretrained_cfg",
    preprocessingFromTimm({ ...input, crop_mode: "border" }, "here"),
  ],
])("labels and preprocessing come back: %s", (_, key, preprocessing) => {
  const metadata = onnxMetadata({ labels: ["ant", "bee"], preprocessing });
  expect([...metadata.keys()]).toEqual(["labels", key]);
  expect(labelsIn(metadata)).toEqual(["ant", "bee"]);
  expect(preprocessingIn(metadata, "here")).toEqual(preprocessing);
});

test("what no form can express is left out", () => {
  const crop = { height: 32, width: 32, fill: [1, 2, 3], rounding: "floor" } as const;
  const metadata = onnxMetadata({ labels: ["ant"], preprocessing: { ...usual, scale: 1 / 128, crop } });
  expect([...metadata.keys()]).toEqual(["labels"]);
  expect(preprocessingIn(metadata, "here")).toBeUndefined();
});

test("somebody else's entries say nothing, and settings out of range are refused with the place", () => {
  const theirs = new Map([
    ["labels", "cats, dogs"],
    ["preprocessor_config", "resize to 224"],
  ]);
  expect(labelsIn(theirs)).toBeUndefined();
  expect(labelsIn(new Map([["labels", '{"0": "cat"}']]))).toBeUndefined();
  expect(preprocessingIn(theirs, "here")).toBeUndefined();
  expect(() => preprocessingIn(new Map([["preprocessor_config", '{"size": -1}']]), "model.onnx")).toThrow(
    /model\.onnx: preprocessor_config/,
  );
});
