import fc from "fast-check";
import { expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/preprocess.ts";
import {
  preprocessingFromHuggingFace,
  preprocessingFromTimm,
  preprocessingToHuggingFace,
  preprocessingToTimm,
} from "../../src/data/preprocess-config.ts";

test("timm's defaults are read where the file is silent", () => {
  expect(preprocessingFromTimm({ num_classes: 10, tag: "x" }, "f")).toEqual({
    inputSize: [3, 224, 224],
    resize: { to: "shortest-edge", size: 256 },
    filter: "bicubic",
    crop: { height: 224, width: 224, fill: [0, 0, 0], rounding: "half-even" },
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
});

test("old and new Hugging Face files mean the same", () => {
  const old = {
    do_normalize: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    resample: 2,
    size: 224,
  };
  const recent = {
    ...old,
    image_processor_type: "ViTImageProcessor",
    do_rescale: true,
    rescale_factor: 0.00392156862745098,
    size: { height: 224, width: 224 },
  };
  expect(preprocessingFromHuggingFace(recent, "f")).toEqual(preprocessingFromHuggingFace(old, "f"));
  expect(
    preprocessingFromHuggingFace({ feature_extractor_type: "DeiTFeatureExtractor", size: 256, crop_size: 224 }, "f"),
  ).toMatchObject({
    inputSize: [3, 224, 224],
    resize: { to: "exact", height: 256, width: 256 },
    filter: "bicubic",
    crop: { rounding: "floor" },
  });
});

test("what is wrong with a file is said by key", () => {
  expect(() => preprocessingFromTimm({ crop_pct: 1.5 }, "config.json")).toThrow(
    "crop_pct must be <=1, got 1.5 in config.json",
  );
  expect(() => preprocessingFromTimm({ interpolation: "cubic" }, "config.json")).toThrow(
    /interpolation must be .*"bicubic".*, got "cubic"/,
  );
  expect(() => preprocessingFromTimm({ mean: [0.1, 0.2] }, "config.json")).toThrow(
    "mean must have 3 numbers, one for each channel, got [0.1,0.2]",
  );
  expect(() => preprocessingFromTimm(null, "config.json")).toThrow(
    "the whole file must be Object, got null in config.json",
  );
  const hf =
    (config: object): (() => Preprocessing) =>
    () =>
      preprocessingFromHuggingFace(config, "p.json");
  expect(hf({ image_processor_type: "DetrImageProcessor" })).toThrow("image_processor_type must be one of ViT, DeiT");
  expect(hf({ size: { shortest_edge: 256 } })).toThrow(
    'size must be one height and width for all images, got {"shortest_edge":256}',
  );
  expect(hf({ image_std: [0, 1, 1] })).toThrow("image_std must be positive");
  expect(hf({ size: -3 })).toThrow(/^size must be /);
});

const pixels = fc.integer({ min: 16, max: 512 });
const numbers = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });

test("Hugging Face's processor is one that does what is written, in transformers 4, too", () => {
  const timm = preprocessingFromTimm({ input_size: [3, 32, 32], crop_pct: 0.9 }, "f");
  const processor = (changes: Partial<Preprocessing>) => preprocessingToHuggingFace({ ...timm, ...changes });
  // ViT's takes height and width alone there, and crops nothing.
  expect(processor({})).toMatchObject({ image_processor_type: "BitImageProcessor", do_convert_rgb: true });
  const exact = { to: "exact", height: 32, width: 32 } as const;
  expect(processor({ resize: exact })).toMatchObject({ image_processor_type: "BitImageProcessor" });
  expect(processor({ resize: exact, crop: null })).toMatchObject({ image_processor_type: "ViTImageProcessor" });
  expect(processor({ inputSize: [1, 32, 32], mean: [0.5], std: [0.5] })).toMatchObject({ do_convert_rgb: false });
});

test("what is written for Hugging Face is read back the same", () => {
  const rule = fc.oneof(
    fc.record({ to: fc.constant("exact" as const), height: pixels, width: pixels }),
    fc.record({ to: fc.constant("shortest-edge" as const), size: pixels }),
  );
  const anyConfig = fc.record({
    size: fc.tuple(pixels, pixels),
    resize: rule,
    filter: fc.constantFrom("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"),
    mean: numbers,
    std: numbers,
    rounding: fc.constantFrom("floor", "half-even"),
  });
  fc.assert(
    fc.property(anyConfig, ({ size: [height, width], rounding, ...rest }) => {
      const config = {
        ...rest,
        inputSize: [3, height, width],
        crop: { height, width, fill: [0, 0, 0], rounding },
        scale: 1 / 255,
      } as Preprocessing;
      const written: unknown = JSON.parse(JSON.stringify(preprocessingToHuggingFace(config)));
      expect(preprocessingFromHuggingFace(written, "f")).toEqual(config);
    }),
  );
});

test("what is written for timm is read back the same", () => {
  const anyConfig = fc.record({
    input_size: fc.tuple(fc.constant(3), pixels, pixels),
    crop_pct: fc.double({ min: 0.5, max: 1, noNaN: true }),
    crop_mode: fc.constantFrom("center", "squash", "border"),
    interpolation: fc.constantFrom("bilinear", "bicubic", "lanczos"),
    mean: numbers,
    std: numbers,
  });
  fc.assert(
    fc.property(anyConfig, (cfg) => {
      const config = preprocessingFromTimm({ ...cfg, input_size: [3, cfg.input_size[1], cfg.input_size[1]] }, "f");
      const written: unknown = JSON.parse(JSON.stringify(preprocessingToTimm(config)));
      expect(preprocessingFromTimm(written, "f")).toEqual(config);
    }),
  );
});

test("a published crop share is written as it was published", () => {
  expect(preprocessingToTimm(preprocessingFromTimm({ crop_pct: 0.9 }, "f")).crop_pct).toBe(0.9);
  expect(preprocessingToTimm(preprocessingFromTimm({ crop_pct: 0.875 }, "f")).crop_pct).toBe(0.875);
});

test("what a format cannot express is refused", () => {
  const bordered = preprocessingFromTimm({ crop_mode: "border" }, "f");
  expect(() => preprocessingToHuggingFace(bordered)).toThrow('cannot express this preprocessing, resize to "contain"');
  expect(() => preprocessingToTimm({ ...bordered, resize: null })).toThrow(
    "cannot express this preprocessing, no resize",
  );
});
