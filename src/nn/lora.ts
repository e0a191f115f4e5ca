/**
 * Low-rank adaptation: a linear map stays as it is and learns a small difference, B A of rank r, beside it.
 *
 * Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, equation (3).
 * Reference code: huggingface/peft 0.21, peft/tuners/lora/layer.py.
 */

import { VitrineError } from "../errors.ts";
import { foldIn, type Key, keyOf } from "../graph/random.ts";
import { linear, type Tensor } from "../tensor/index.ts";
import { Dropout } from "./drop.ts";
import { torchWeight, zeros } from "./init.ts";
import { Linear } from "./linear.ts";
import { type Mode, Module, type Parameter, parameter } from "./module.ts";

/** Size and strength of adapters. */
export interface LoraOptions {
  /** r: width between A and B. */
  readonly rank: number;
  /** The difference is scaled by alpha / rank. */
  readonly alpha: number;
  /** Dropout rate of what A reads, in [0, 1); 0 without it. */
  readonly dropout?: number | undefined;
  /** Scales by alpha / √rank instead. @source Kalajdzievski, arXiv:2312.03732 */
  readonly rankStabilized?: boolean | undefined;
}

/** What a `Linear` adds to its result: (alpha / rank) · B A x. */
export class Lora extends Module {
  /** [rank, in]; U(±1/√in). */
  readonly a: Parameter;
  /** [out, rank]; zero, so that the map begins unchanged. */
  readonly b: Parameter;
  readonly drop: Dropout;
  readonly alpha: number;
  readonly rankStabilized: boolean;

  constructor(width: number, out: number, { rank, alpha, dropout = 0, rankStabilized = false }: LoraOptions) {
    super();
    if (!Number.isInteger(rank) || rank < 1)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "LoRA: the rank must be a whole number from 1",
        evidence: `got ${rank}`,
      });
    // Kaiming's uniform with a = √5, as PEFT draws it, is PyTorch's default of a linear map.
    this.a = parameter([rank, width], torchWeight);
    this.b = parameter([out, rank], zeros);
    this.drop = new Dropout(dropout);
    this.alpha = alpha;
    this.rankStabilized = rankStabilized;
  }

  get rank(): number {
    return this.a.variable.shape[0]!;
  }

  /** Factor on B A. */
  get scale(): number {
    return this.alpha / (this.rankStabilized ? Math.sqrt(this.rank) : this.rank);
  }

  /**
   * [.., in] → [.., out].
   * @throws {VitrineError} INVALID_ARGUMENT where numbers are to be dropped and the map is not told whether it trains.
   */
  forward(x: Tensor, mode: Mode | undefined): Tensor {
    if (this.drop.rate > 0 && !mode)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "LoRA: a map must be told whether it trains to drop anything",
        place: this.path,
        next: "leave the dropout out, or pass the mode to this map's forward",
      });
    const low = linear(mode ? this.drop.forward(x, mode) : x, this.a); // [.., r]
    return linear(low.mul(this.scale), this.b); //                        [.., out]
  }

  /** B A scaled, added to a weight [out, in]; sums are in double precision. */
  added(weight: Float32Array): Float32Array {
    const [a, b] = [this.a, this.b].map(({ variable }) => variable.data.data as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    const { rank, scale } = this;
    const width = a.length / rank;
    const sum = new Float32Array(weight.length);
    const row = new Float64Array(width);
    for (let o = 0; o < b.length / rank; o++) {
      row.fill(0);
      for (let r = 0; r < rank; r++) {
        const factor = scale * b[o * rank + r]!;
        for (let i = 0; i < width; i++) row[i]! += factor * a[r * width + i]!;
      }
      for (let i = 0; i < width; i++) sum[o * width + i] = weight[o * width + i]! + row[i]!;
    }
    return sum;
  }
}

/** Which maps of a model get adapters, and how these begin. */
export interface AdapterOptions extends LoraOptions {
  /** Paths of linear maps, or last parts of them: `attn.qkv` means that of every block. */
  readonly targets: readonly string[];
  /** Each A is drawn from it and its own path; 0 without it. */
  readonly seed?: number | undefined;
}

/**
 * Gives linear maps of a model adapters that do not change its result yet. Their parameters are `PATH.lora.a` and `PATH.lora.b`.
 * @returns the adapters, by the path of their map
 * @throws {VitrineError} UNKNOWN_NAME for a target that fits no linear map, INVALID_ARGUMENT where one has an adapter already.
 */
export function addLora(model: Module, { targets, seed = 0, ...options }: AdapterOptions): ReadonlyMap<string, Lora> {
  const linears = linearsOf(model);
  for (const target of targets) {
    if ([...linears.keys()].some((path) => endsWithPath(path, target))) continue;
    throw new VitrineError("UNKNOWN_NAME", {
      rule: "LoRA: a target must be a linear map of the model",
      evidence: `got "${target}"`,
      next: `it has ${kindsOf(linears.keys()).join(", ")}`,
    });
  }
  const added = new Map<string, Lora>();
  for (const [path, linear] of linears) {
    if (!targets.some((target) => endsWithPath(path, target))) continue;
    added.set(path, attachLora(path, linear, options, foldIn(keyOf(seed), path)));
  }
  // Naming starts from the root again.
  model.variables();
  return added;
}

/**
 * Gives one linear map an adapter.
 * @param path the map's, for messages
 * @throws {VitrineError} INVALID_ARGUMENT where it has one.
 */
export function attachLora(path: string, linear: Linear, options: LoraOptions, key: Key): Lora {
  if (linear.lora)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "LoRA: a map can have one adapter", place: path });
  const [out, width] = linear.weight.variable.shape as readonly [number, number];
  linear.lora = new Lora(width, out, options).initialize(key);
  return linear.lora;
}

/** What can be a target: the linear maps of a model without the number of their block, such as `attn.qkv`. */
export function linearKinds(model: Module): readonly string[] {
  return kindsOf(linearsOf(model).keys());
}

function kindsOf(paths: Iterable<string>): readonly string[] {
  return [...new Set([...paths].map((path) => path.replace(/^.*\.\d+\./, "")))];
}

/** The adapters of a model, by the path of their map. */
export function loraOf(model: Module): ReadonlyMap<string, Lora> {
  return new Map([...linearsOf(model)].flatMap(([path, { lora }]) => (lora ? [[path, lora]] : [])));
}

/** Names of the adapters' parameters. */
export function loraParameters(model: Module): readonly string[] {
  return [...loraOf(model).keys()].flatMap((path) => [`${path}.lora.a`, `${path}.lora.b`]);
}

/**
 * Adds every adapter into the weight of its map and takes it off: the same result in float error, at no cost.
 * @returns puts adapters and weights back, bit for bit
 */
export function mergeLora(model: Module): () => void {
  const merged = [...linearsOf(model).values()].flatMap((linear) => {
    const { lora, weight } = linear;
    if (!lora) return [];
    const before = weight.variable.data;
    weight.variable.data = { ...before, data: lora.added(before.data as Float32Array) };
    linear.lora = undefined;
    return [{ linear, lora, before }];
  });
  return () => {
    for (const { linear, lora, before } of merged) {
      linear.weight.variable.data = before;
      linear.lora = lora;
    }
    model.variables();
  };
}

/** All linear maps of a model, by path. */
export function linearsOf(model: Module): ReadonlyMap<string, Linear> {
  return new Map([...model.modules()].flatMap(([path, part]) => (part instanceof Linear ? [[path, part]] : [])));
}

/** True for a path, and for last parts of it: PEFT's `target_modules`. */
export function endsWithPath(path: string, end: string): boolean {
  return path === end || path.endsWith(`.${end}`);
}
