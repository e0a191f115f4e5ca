/** How each parameter of a model is trained: weight decay and learning rate by its name and shape. */

import type { Variable } from "../graph/value.ts";
import type { Trainable } from "./optimizer.ts";

/** Named parameters of a model. */
export type NamedParameters = ReadonlyMap<string, { readonly variable: Variable }>;

/**
 * Weight decay for matrices and larger alone: scalars, vectors, biases and the names in `exclude` get none.
 * @param exclude whole names, or parts of them between dots: `pos_embed` also excludes `encoder.pos_embed`, `cpb_mlp` all that is inside one
 * @source timm/optim/_param_groups.py param_groups_weight_decay
 */
export function weightDecayGroups(
  parameters: NamedParameters,
  weightDecay: number,
  exclude: Iterable<string> = [],
): readonly Trainable[] {
  const excluded = new Set(exclude);
  return [...parameters].map(([name, { variable }]) => {
    const parts = name.split(".");
    const named = [name, ...parts].some((part) => excluded.has(part));
    const free = variable.shape.length <= 1 || parts.at(-1) === "bias" || named;
    return { variable, learningRateScale: 1, weightDecay: free ? 0 : weightDecay };
  });
}

/**
 * Parameters that count as one layer, or, where the pattern has groups for numbers, one layer for each of these (0 for a group that matched nothing).
 * Layers stand in the order of a list of such patterns; parameters that match none form the last layer.
 */
export interface LayerPattern {
  /** Matched at the start of a name. */
  readonly pattern: RegExp;
  /** True: these belong to the last layer of the pattern before. */
  readonly joinsPrevious?: boolean;
}

/**
 * Layers of a vision transformer, distilled or not, or of a transformer in transformer; a stem of convolutions stands in `patch_embed`.
 * @source timm/models/vision_transformer.py, deit.py and tnt.py group_matcher
 */
export const vitLayers: readonly LayerPattern[] = [
  {
    pattern:
      /^(?:cls_token|reg_token|dist_token|pos_embed|patch_embed|patch_pos|pixel_pos|pixel_embed|norm[12]_proj|proj\.)/,
  },
  { pattern: /^blocks\.(\d+)/ },
  { pattern: /^norm/, joinsPrevious: true },
];

/**
 * Layers of a Swin transformer: each block, the merging of patches with the block that follows it.
 * @source timm/models/swin_transformer.py group_matcher
 */
export const swinLayers: readonly LayerPattern[] = [
  { pattern: /^(?:absolute_pos_embed|patch_embed)/ },
  { pattern: /^layers\.(\d+)\.(?:downsample|\w+\.(\d+))/ },
  { pattern: /^norm/, joinsPrevious: true },
];

/** Layers of a ResNet. @source timm/models/resnet.py group_matcher */
export const resnetLayers: readonly LayerPattern[] = [{ pattern: /^(?:conv1|bn1)/ }, { pattern: /^layer(\d+)\.(\d+)/ }];

/** The layers of the family whose blocks have such names; those of a vision transformer where none has. */
export function layersOfFamily(names: Iterable<string>): readonly LayerPattern[] {
  const all = [...names];
  const families = [vitLayers, swinLayers, resnetLayers];
  return families.find(([, blocks]) => all.some((name) => blocks!.pattern.test(name))) ?? vitLayers;
}

/**
 * The number of each parameter's layer, counted from 0 at the input.
 * @source timm/models/_manipulate.py group_with_matcher
 */
export function layerNumbers(names: Iterable<string>, patterns: readonly LayerPattern[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const rest = new Set(names);
  let layers = 0;
  for (const { pattern, joinsPrevious = false } of [...patterns, { pattern: /^/ }]) {
    const found = [...rest]
      .flatMap((name) => {
        const match = pattern.exec(name);
        return match ? [{ name, numbers: match.slice(1).map((group) => Number(group ?? 0)) }] : [];
      })
      .sort((a, b) => compare(a.numbers, b.numbers));
    let current = joinsPrevious && layers > 0 ? found[0]?.numbers : undefined;
    for (const { name, numbers: its } of found) {
      if (!current || compare(its, current) !== 0) layers++;
      current = its;
      numbers.set(name, layers - 1);
      rest.delete(name);
    }
  }
  return numbers;
}

/** The order of lists of numbers of equal length, by the first that differs. */
function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((number, at) => number !== b[at]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}

/**
 * Multiplies the learning rate of each layer by decay^(distance to the last layer), so that early layers change least.
 * @source Clark et al., arXiv:2003.10555; timm/optim/_param_groups.py param_groups_layer_decay
 */
export function withLayerDecay(
  trainables: readonly Trainable[],
  decay: number,
  layers: readonly LayerPattern[],
): readonly Trainable[] {
  const numbers = layerNumbers(
    trainables.map(({ variable }) => variable.name),
    layers,
  );
  const last = Math.max(...numbers.values());
  return trainables.map((trainable) => ({
    ...trainable,
    learningRateScale: trainable.learningRateScale * decay ** (last - numbers.get(trainable.variable.name)!),
  }));
}
