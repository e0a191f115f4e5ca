/** The images and the random numbers of tests/data/golden/augment.json, as tools/augment-golden.py made them. */

import { readFileSync } from "node:fs";
import type { Change } from "../../src/data/augment/change.ts";
import { type Channels, type Image, image } from "../../src/data/image.ts";
import type { RandomStream } from "../../src/graph/random.ts";

export type ImageCode = readonly [width: number, height: number, channels: Channels, seed: number];
export type Draw = readonly [kind: "uniform" | "normal" | "integer", value: number, below?: number];

export interface AugmentGolden {
  readonly changes: readonly {
    readonly image: ImageCode;
    readonly change: Change;
    readonly bytes?: string;
    readonly sum?: number;
  }[];
  readonly policies: readonly {
    readonly auto: string;
    readonly image: ImageCode;
    readonly draws: readonly Draw[];
    readonly sum: number;
  }[];
  readonly augmix: readonly {
    readonly auto: string;
    readonly image: ImageCode;
    readonly drawing: {
      readonly kind: "mix";
      readonly chains: readonly (readonly Change[])[];
      readonly weights: readonly number[];
      readonly share: number;
      readonly blended: boolean;
    };
    readonly sum: number;
  }[];
  readonly blurs: readonly { readonly image: ImageCode; readonly sigma: number; readonly bytes: string }[];
  readonly transforms: readonly {
    readonly rules: Record<string, unknown>;
    readonly image: ImageCode;
    readonly draws: readonly Draw[];
    readonly sum: number;
  }[];
  readonly mixes: readonly {
    readonly mode: "pair" | "elem";
    readonly lambdas: readonly number[];
    readonly cuts: readonly boolean[];
    readonly corners: readonly number[];
    readonly input: readonly number[];
    readonly images: readonly number[];
    readonly targets: readonly number[];
  }[];
}

export function augmentGolden(): AugmentGolden {
  return JSON.parse(readFileSync(new URL("golden/augment.json", import.meta.url), "utf8")) as AugmentGolden;
}

export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** Even seeds: noise. Odd seeds: ramps with patches of one colour. */
export function picture([width, height, channels, seed]: ImageCode): Image {
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    const x = ((i - c) / channels) % width;
    const y = Math.floor(i / (channels * width));
    if (seed % 2 === 0) {
      let v = Math.imul(i + seed * 7919, 2654435761);
      v = Math.imul(v ^ (v >>> 15), 2246822519);
      data[i] = v >>> 24;
    } else if (((x >> 2) + (y >> 2)) % 3 === 0) data[i] = 40 * c + seed;
    else data[i] = Math.floor((x * (1 + (seed % 5)) + y * (2 + c) + 11 * seed) / (1 + (seed % 3)));
  }
  return image(width, height, channels, data);
}

/** A stream that gives the recorded numbers, and fails where another kind of number is asked for, or more than there are. */
export function replay(draws: readonly Draw[]): RandomStream & { readonly left: () => number } {
  let at = 0;
  const next = (kind: Draw[0], below?: number): number => {
    const draw = draws[at++];
    if (draw?.[0] !== kind || draw[2] !== below)
      throw new Error(`draw ${at}: asked for ${kind} ${below ?? ""}, recorded ${draw?.join(" ") ?? "none"}`);
    return draw[1];
  };
  return {
    uniform: () => next("uniform"),
    normal: () => next("normal"),
    integer: (below) => next("integer", below),
    left: () => draws.length - at,
  };
}
