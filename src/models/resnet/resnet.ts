/**
 * Deep residual networks (ResNet), and ResNeXt and wide networks, which differ in numbers only.
 *
 * He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385; Figures 2, 5, Table 1.
 * Xie et al., "Aggregated Residual Transformations", arXiv:1611.05431; Zagoruyko & Komodakis, "Wide Residual Networks", arXiv:1605.07146.
 * Reference code and names: torchvision/models/resnet.py, timm 1.0.29 timm/models/resnet.py. Others: Hugging Face, by rules in weights/resnet-rules.ts.
 *
 * Departs from the paper: a bottleneck halves the size in its 3 × 3 convolution ("v1.5"), as all published weights do; deep stems and averaging
 * shortcuts (He et al., "Bag of Tricks", arXiv:1812.01187) and dilation (Yu et al., arXiv:1705.09914) are options.
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w map · d channels of a stage. What a stride does not divide is
 * rounded up.
 */

import { type Activation, activate } from "../../nn/activations.ts";
import { Conv2d, type Conv2dOptions } from "../../nn/conv.ts";
import { Dropout, DropPath, dropPathRates } from "../../nn/drop.ts";
import { FrozenBatchNorm2d } from "../../nn/frozen-batch-norm.ts";
import { kaimingNormalFanOut, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { evaluation, type Mode, Module } from "../../nn/module.ts";
import { BatchNorm2d } from "../../nn/norm.ts";
import { averagePool, dims, maxPool, mean, type Tensor, tap } from "../../tensor/index.ts";
import type { FeatureMap, ImageClassifier } from "../classifier.ts";
import { type ResNetBlock, type ResNetConfig, type ResNetOptions, resnetConfig } from "./config.ts";

type ResNetSize = Pick<ResNetConfig, "depths"> & { readonly blocks: ResNetBlock };

/** Sizes by their number of layers: Table 1 of the paper. */
export const resnetSizes: Readonly<Record<18 | 34 | 50 | 101 | 152, ResNetSize>> = {
  18: { blocks: "basic", depths: [2, 2, 2, 2] },
  34: { blocks: "basic", depths: [3, 4, 6, 3] },
  50: { blocks: "bottleneck", depths: [3, 4, 6, 3] },
  101: { blocks: "bottleneck", depths: [3, 4, 23, 3] },
  152: { blocks: "bottleneck", depths: [3, 8, 36, 3] },
};

type Norm = BatchNorm2d | FrozenBatchNorm2d;
type Block = BasicBlock | Bottleneck;

/** Image in, logits out. */
export class ResNet extends Module implements ImageClassifier {
  readonly config: ResNetConfig;
  /** A CNN has no tokens. */
  readonly tokens: undefined;
  /** Channels of the last map. */
  readonly width: number;
  readonly conv1: Conv2d | readonly (Conv2d | Norm | undefined)[];
  readonly bn1: Norm;
  readonly layer1: readonly Block[];
  readonly layer2: readonly Block[];
  readonly layer3: readonly Block[];
  readonly layer4: readonly Block[];
  readonly headDrop: Dropout;
  readonly fc: Linear | undefined;

  /** @param options what differs from ResNet-50 for 224 pixels and 1000 classes */
  constructor(options: ResNetOptions = {}) {
    super();
    const config = resnetConfig(options);
    const { channels, stem, stemWidth, labels } = config;
    this.config = config;
    const width = stem === "conv7" ? 64 : 2 * stemWidth;
    this.conv1 =
      stem === "conv7" ? convolution(channels, width, 7, { stride: 2, padding: 3 }) : deepStem(config, width);
    this.bn1 = normOf(config, width);
    const stages = stagesOf(config, width);
    [this.layer1, this.layer2, this.layer3, this.layer4] = [0, 1, 2, 3].map((i) => stages.blocks[i] ?? []) as [
      readonly Block[],
      readonly Block[],
      readonly Block[],
      readonly Block[],
    ];
    this.width = stages.width;
    this.headDrop = new Dropout(config.headDropout);
    this.fc = labels > 0 ? new Linear(stages.width, labels) : undefined;
  }

  get stages(): readonly FeatureMap[] {
    return this.config.depths.map((_, i) => ({ tap: `layer${i + 1}`, order: "channels first" }));
  }

  /**
   * Images [b, c, H, W] → logits [b, labels]; the mean of the last map [b, d] where there is no head.
   * Taps: `stem`, `layer1` … `layer4`, `pooled`.
   */
  forward(images: Tensor, mode: Mode = evaluation): Tensor {
    const maps = this.features(images, mode);
    const pooled = tap("pooled", this.headDrop.forward(mean(maps.at(-1)!, { axes: [2, 3] }), mode)); // [b, d]
    return this.fc ? this.fc.forward(pooled) : pooled; //                                            [b, labels]
  }

  /** The maps of all stages, [b, d, h, w] each: of a quarter of the image's size, then halved from stage to stage. */
  features(images: Tensor, mode: Mode = evaluation): readonly Tensor[] {
    dims(images, "b c H W");
    const { activation } = this.config;
    const begun = this.conv1 instanceof Module ? this.conv1.forward(images) : through(this.conv1, images, this, mode);
    let x = activate(this.bn1.forward(begun, mode), activation); //                     [b, d, H/2, W/2]
    x = tap("stem", maxPool(x, 3, { stride: 2, padding: 1 })); //                       [b, d, H/4, W/4]
    const stages = [this.layer1, this.layer2, this.layer3, this.layer4].slice(0, this.config.depths.length);
    return stages.map((stage, i) => {
      for (const block of stage) x = block.forward(x, mode); //                         [b, d, h, w]
      return tap(`layer${i + 1}`, x);
    });
  }
}

/** What the blocks of one stage share, and what is one block's own. */
interface BlockParts {
  readonly config: ResNetConfig;
  /** Channels of its input and of its 3 × 3 convolutions. */
  readonly from: number;
  readonly width: number;
  readonly stride: number;
  /** Dilation of the window that may stride, and of the others. */
  readonly dilation: number;
  readonly firstDilation: number;
  readonly dropPath: number;
}

/** F(x) = BN(W₂ σ(BN(W₁ x))), y = σ(F(x) + x): Figure 5, left. */
class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: Norm;
  readonly conv2: Conv2d;
  readonly bn2: Norm;
  readonly downsample: readonly (Conv2d | Norm | undefined)[] | undefined;
  readonly dropPath: DropPath;
  readonly #parts: BlockParts;

  constructor(parts: BlockParts) {
    super();
    const { config, from, width, stride, dilation, firstDilation } = parts;
    this.conv1 = convolution(from, width, 3, { stride, padding: firstDilation, dilation: firstDilation });
    this.bn1 = normOf(config, width);
    this.conv2 = convolution(width, width, 3, { padding: dilation, dilation });
    this.bn2 = normOf(config, width, config.zeroLast);
    this.downsample = shortcutOf(parts, width);
    this.dropPath = new DropPath(parts.dropPath);
    this.#parts = parts;
  }

  /** [b, from, h, w] → [b, width, h / stride, w / stride]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const { activation } = this.#parts.config;
    let y = activate(this.bn1.forward(this.conv1.forward(x), mode), activation); // [b, width, h / stride, w / stride]
    y = this.bn2.forward(this.conv2.forward(y), mode); //                           [b, width, h / stride, w / stride]   F(x)
    return tap("", joined(x, this.dropPath.forward(y, mode), this.downsample, this.#parts, mode));
  }
}

/** 1 × 1 to few channels, 3 × 3, 1 × 1 to many: Figure 5, right. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: Norm;
  readonly conv2: Conv2d;
  readonly bn2: Norm;
  readonly conv3: Conv2d;
  readonly bn3: Norm;
  readonly downsample: readonly (Conv2d | Norm | undefined)[] | undefined;
  readonly dropPath: DropPath;
  readonly #parts: BlockParts;

  constructor(parts: BlockParts) {
    super();
    const { config, from, width, stride, firstDilation } = parts;
    const { groups, groupWidth } = config;
    // Channels of the 3 × 3 convolution; `width` but in ResNeXt and wide networks.
    const inner = Math.floor(width * (groupWidth / 64)) * groups;
    const out = width * Bottleneck.expansion;
    this.conv1 = convolution(from, inner, 1);
    this.bn1 = normOf(config, inner);
    this.conv2 = convolution(inner, inner, 3, { stride, padding: firstDilation, dilation: firstDilation, groups });
    this.bn2 = normOf(config, inner);
    this.conv3 = convolution(inner, out, 1);
    this.bn3 = normOf(config, out, config.zeroLast);
    this.downsample = shortcutOf(parts, out);
    this.dropPath = new DropPath(parts.dropPath);
    this.#parts = parts;
  }

  /** [b, from, h, w] → [b, 4 · width, h / stride, w / stride]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const { activation } = this.#parts.config;
    let y = activate(this.bn1.forward(this.conv1.forward(x), mode), activation); // [b, inner, h, w]
    y = activate(this.bn2.forward(this.conv2.forward(y), mode), activation); //     [b, inner, h / stride, w / stride]
    y = this.bn3.forward(this.conv3.forward(y), mode); //                           [b, 4 · width, h / stride, w / stride]   F(x)
    return tap("", joined(x, this.dropPath.forward(y, mode), this.downsample, this.#parts, mode));
  }
}

/** σ(F(x) + x), where x is mapped to F's shape if it has another: all [b, out, h / stride, w / stride]. */
function joined(x: Tensor, y: Tensor, downsample: Block["downsample"], parts: BlockParts, mode: Mode): Tensor {
  const shortcut = downsample ? through(downsample, pooled(x, parts), parts, mode) : x;
  return activate(y.add(shortcut), parts.config.activation);
}

/** What an averaging shortcut does before its map: [b, from, h, w] → [b, from, h / stride, w / stride]. @source timm/models/resnet.py downsample_avg */
function pooled(x: Tensor, { config, stride, dilation }: BlockParts): Tensor {
  if (!config.averageDown || (stride === 1 && dilation === 1)) return x;
  if (dilation === 1) return averagePool(x, 2, { stride, ceilMode: true, countPadding: false });
  return averagePool(x, 2, { padding: [0, 0, 1, 1] });
}

/** A list of convolutions and normalisations, with activations where the names leave a gap after a normalisation. */
function through(
  parts: readonly (Conv2d | Norm | undefined)[],
  images: Tensor,
  { config: { activation } }: { readonly config: { readonly activation: Activation } },
  mode: Mode,
): Tensor {
  return parts.reduce((x, part, i) => {
    if (part) return part instanceof Conv2d ? part.forward(x) : part.forward(x, mode);
    return i > 0 ? activate(x, activation) : x;
  }, images);
}

function convolution(from: number, to: number, kernel: number, options: Conv2dOptions = {}): Conv2d {
  return new Conv2d(from, to, kernel, { ...options, bias: false, init: { weight: kaimingNormalFanOut, bias: zeros } });
}

function normOf({ norm }: ResNetConfig, channels: number, zero = false): Norm {
  if (norm === "frozen") return new FrozenBatchNorm2d(channels);
  return new BatchNorm2d(channels, zero ? { scale: zeros } : {});
}

/** Three convolutions of 3 × 3; their activations are the gaps of the numbering. */
function deepStem(config: ResNetConfig, width: number): readonly (Conv2d | Norm | undefined)[] {
  const { channels, stem, stemWidth } = config;
  const first = stem === "deep_tiered" ? 3 * Math.floor(stemWidth / 4) : stemWidth;
  return [
    convolution(channels, first, 3, { stride: 2, padding: 1 }),
    normOf(config, first),
    undefined,
    convolution(first, stemWidth, 3, { padding: 1 }),
    normOf(config, stemWidth),
    undefined,
    convolution(stemWidth, width, 3, { padding: 1 }),
  ];
}

/** The map of a shortcut to other sizes: `0` and `1`, or `1` and `2` behind a pool. */
function shortcutOf(parts: BlockParts, out: number): Block["downsample"] {
  const { config, from, stride } = parts;
  if (stride === 1 && from === out) return undefined;
  const { averageDown } = config;
  const map = [convolution(from, out, 1, averageDown ? {} : { stride }), normOf(config, out)];
  return averageDown ? [undefined, ...map] : map;
}

function stagesOf(
  config: ResNetConfig,
  stemWidth: number,
): { readonly blocks: readonly (readonly Block[])[]; readonly width: number } {
  const { depths, widths, blocks: kinds, dilated } = config;
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  const rates = dropPathRates(config.dropPath, total);
  let [from, index, dilation, firstDilation] = [stemWidth, 0, 1, 1];
  const blocks = depths.map((depth, i) => {
    const make = kinds[i] === "basic" ? BasicBlock : Bottleneck;
    const shrinks = i > 0 && !dilated[i];
    if (i > 0 && dilated[i]) dilation *= 2;
    return Array.from({ length: depth }, (_, j) => {
      const stride = j === 0 && shrinks ? 2 : 1;
      const block = new make({
        ...{ config, from, stride, dilation, firstDilation },
        width: widths[i]!,
        dropPath: rates[index++]!,
      });
      from = widths[i]! * make.expansion;
      firstDilation = dilation;
      return block;
    });
  });
  return { blocks, width: from };
}
