/**
 * Adapters of transformers' Vision Transformers as those of ours. Their queries, keys and values are maps of their own; ours are one, whose adapter then has the ranks
 * of theirs side by side.
 *
 * @source transformers 4.57 and 5, modeling_vit.py and modeling_deit.py: paths of modules
 */

import { VitrineError } from "../errors.ts";
import { type NdArray, ndarray, toFloat32 } from "../graph/dtype.ts";

/** A and B of one map, and how much their product counts. */
export interface AdapterTensors {
  readonly a: NdArray;
  readonly b: NdArray;
  readonly alpha: number;
}

const layer = String.raw`^(?:vit|deit)\.(?:encoder\.layer|layers)\.(\d+)\.`;
const maps: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`${layer}attention\\.(?:output\\.dense|o_proj)$`), "attn.proj"],
  [new RegExp(`${layer}(?:intermediate\\.dense|mlp\\.fc1)$`), "mlp.fc1"],
  [new RegExp(`${layer}(?:output\\.dense|mlp\\.fc2)$`), "mlp.fc2"],
];
const third = new RegExp(`${layer}attention\\.(?:attention\\.(?:query|key|value)|[qkv]_proj)$`);
const thirds: readonly string[] = ["q", "k", "v"];
const heads: Readonly<Record<string, string>> = {
  classifier: "head",
  cls_classifier: "head",
  distillation_classifier: "head_dist",
};

/** Our path of a module that transformers saves whole, or of a parameter in it; others stay. */
export function wholeName(name: string): string {
  const [first = "", ...rest] = name.split(".");
  return [heads[first] ?? first, ...rest].join(".");
}

/**
 * Adapters by our paths; paths that are not transformers' stay.
 * @param rankStabilized whether alpha counts over the root of the rank
 * @throws {VitrineError} WEIGHTS_MISMATCH where queries, keys and values of a layer have adapters of different strength.
 */
export function ownAdapters(
  adapters: ReadonlyMap<string, AdapterTensors>,
  rankStabilized: boolean,
): ReadonlyMap<string, AdapterTensors> {
  const own = new Map<string, AdapterTensors>();
  const packed = new Map<string, (AdapterTensors | undefined)[]>();
  for (const [path, adapter] of adapters) {
    const [, number, letter] = /(\d+)\.attention\.(?:attention\.)?([qkv])/.exec(path) ?? [];
    if (third.test(path)) {
      const parts = packed.get(number!) ?? [undefined, undefined, undefined];
      parts[thirds.indexOf(letter!)] = adapter;
      packed.set(number!, parts);
      continue;
    }
    const map = maps.find(([pattern]) => pattern.test(path));
    own.set(map ? `blocks.${map[0].exec(path)![1]}.${map[1]}` : path, adapter);
  }
  for (const [number, parts] of packed) {
    const path = `blocks.${number}.attn.qkv`;
    own.set(path, sideBySide(parts, path, rankStabilized));
  }
  return own;
}

/** [A_q; A_k; A_v], and B with each part's rows and columns in their place: the other two of its rows get nothing from it. */
function sideBySide(
  parts: readonly (AdapterTensors | undefined)[],
  path: string,
  rankStabilized: boolean,
): AdapterTensors {
  const present = parts.filter((part) => part !== undefined);
  const [{ a, b, alpha }] = present as [AdapterTensors];
  const [[rank, width], out] = [a.shape as [number, number], b.shape[0]!];
  const unequal = present.find((one) => one.alpha !== alpha || one.a.shape.join() !== a.shape.join());
  if (unequal)
    throw new VitrineError("WEIGHTS_MISMATCH", {
      rule: "adapters of queries, keys and values must have one rank and one alpha",
      evidence: `got rank ${rank}, alpha ${alpha} and rank ${unequal.a.shape[0]}, alpha ${unequal.alpha}`,
      place: path,
    });
  const ranks = rank * present.length;
  const joinedA = new Float32Array(ranks * width);
  const joinedB = new Float32Array(parts.length * out * ranks);
  for (const [place, part] of present.entries()) {
    joinedA.set(toFloat32(part.a).data, place * rank * width);
    const values = toFloat32(part.b).data;
    const firstRow = parts.indexOf(part) * out;
    for (let row = 0; row < out; row++)
      joinedB.set(values.subarray(row * rank, (row + 1) * rank), (firstRow + row) * ranks + place * rank);
  }
  return {
    a: ndarray("float32", [ranks, width], joinedA),
    b: ndarray("float32", [parts.length * out, ranks], joinedB),
    // The same factor on B A as at the smaller rank.
    alpha: alpha * (rankStabilized ? Math.sqrt(present.length) : present.length),
  };
}
