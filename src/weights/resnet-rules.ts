/**
 * Other publishers' names of residual networks' weights as rules towards ours, which are torchvision's and timm's.
 *
 * Reference code: transformers, models/resnet/modeling_resnet.py.
 */

import type { NameRule, Naming } from "./rules.ts";

const both = (from: string, to: string): readonly NameRule[] => [
  { from: `${from}.convolution.weight`, to: `${to}.weight` },
];

/** One convolution with its normalisation. */
const unit = (from: string, conv: string, norm: string): readonly NameRule[] => [
  ...both(from, conv),
  { from: `${from}.normalization.{leaf}`, to: `${norm}.{leaf}` },
];

/** Hugging Face's names. @param prefix `resnet.` in a file that holds the whole classifier */
export const huggingFaceResNetRules = (prefix = "resnet."): readonly NameRule[] => [
  ...unit(`${prefix}embedder.embedder`, "conv1", "bn1"),
  ...[0, 1, 2, 3].flatMap((stage) => {
    const [from, to] = [`${prefix}encoder.stages.${stage}.layers.{j}`, `layer${stage + 1}.{j}`];
    return [
      ...[0, 1, 2].flatMap((i) => unit(`${from}.layer.${i}`, `${to}.conv${i + 1}`, `${to}.bn${i + 1}`)),
      ...unit(`${from}.shortcut`, `${to}.downsample.0`, `${to}.downsample.1`),
    ];
  }),
  { from: "classifier.1.{leaf}", to: "fc.{leaf}" },
];

/** All namings; a file that none of them knows has torchvision's names. */
export const resnetNamings: readonly Naming[] = ["resnet.", ""].map((prefix) => ({
  name: "Hugging Face ResNet",
  marks: [`${prefix}embedder.embedder.convolution.weight`],
  rules: huggingFaceResNetRules(prefix),
}));
