/** Weights by name, whatever file they come from: safetensors, PyTorch, npz, TensorFlow checkpoints; and the rules that rename them. */

export { type AxisSizes, arrange } from "./arrange.ts";
export { type ByteSource, memoryBytes } from "./byte-source.ts";
export { gpt2Naming } from "./gpt2-rules.ts";
export { compareWeights, matchWeights, type WeightDifferences } from "./load.ts";
export { marianRules } from "./marian-rules.ts";
export { npzSource } from "./npz.ts";
export { applyRules, detectNaming, invertRules, type NameRule, type Naming } from "./rules.ts";
export { readSafetensors, type SafetensorsSource, safetensorsSource, writeSafetensors } from "./safetensors.ts";
export { memorySource, readAll, type WeightInfo, type WeightSource } from "./source.ts";
export { type BundleEntry, type BundleIndex, parseBundleIndex, tensorBundleSource } from "./tensor-bundle.ts";
export { type TorchFile, torchFile, torchSource } from "./torch.ts";
export { vitNamings } from "./vit-rules.ts";
