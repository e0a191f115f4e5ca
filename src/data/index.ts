/** Pictures and data sets in memory: from decoded pixels to batches, the same in Node and browser. */

export type { EraseRules } from "./augment/erase.ts";
export type { JitterRules } from "./augment/jitter.ts";
export { type AutoPolicy, parseAutoAugment } from "./augment/parse-policy.ts";
export {
  type Augmentation,
  augment,
  augmentImage,
  photoAugmentation,
  smallAugmentation,
} from "./augment.ts";
export { toGrey, toRgb } from "./convert.ts";
export { type CifarBatch, cifar10Classes, cifar10Source, cifar100Source } from "./datasets/cifar.ts";
export type { Dataset, DatasetSource, Origin, Sample, Skipped, Split } from "./datasets/dataset.ts";
export { type IdxArray, idxSource, parseIdx } from "./datasets/idx.ts";
export { holdInMemory, type MemorySource, memoryDataset } from "./datasets/memory.ts";
export { type ShapesOptions, shapeClasses, shapesDataset } from "./datasets/shapes.ts";
export { sampled, stratifiedSplit, subset } from "./datasets/subset.ts";
export { type ByteCursor, readTar, streamCursor, type TarEntry } from "./datasets/tar.ts";
export { readSamples, type WebSample } from "./datasets/web-dataset.ts";
export { type Channels, crop, flipHorizontal, type Image, image, type Region } from "./image.ts";
export { type ImageFormat, imageExtensions, imageFormat } from "./image-format.ts";
export { type BadFile, type Batch, type BatchPlan, batchesPerEpoch, epochOrder, makeBatch } from "./loader-batch.ts";
export { cutmix, type MixRules, mixBatch, mixTargets, mixup } from "./mix.ts";
export {
  type CropRule,
  denormalize,
  fitImage,
  normalize,
  type Preprocessing,
  preprocess,
  type ResizeRule,
  visibleRegion,
} from "./preprocess.ts";
export {
  preprocessingFromHuggingFace,
  preprocessingFromTimm,
  preprocessingToHuggingFace,
  preprocessingToTimm,
} from "./preprocess-config.ts";
export { type Filter, type ResizeOptions, resize } from "./resize.ts";
export {
  comparisonNoise,
  demonstrationShares,
  drawDemonstration,
  drawInstruction,
  drawPreference,
  endOfAnswer,
  instructionLength,
  instructionWords,
  longestDemonstration,
  rightAnswer,
  succeeds,
} from "./text/instructions.ts";
export { TextStream, Tokenizer, type TokenizerPair } from "./text/tokenizer.ts";
