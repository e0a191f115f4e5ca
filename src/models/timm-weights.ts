/** The weights that timm names and what it measured of them, by its table in `timm-tags.ts`. */

import { timmTags } from "./timm-tags.ts";

/** Weights of an architecture. */
export interface TimmWeights {
  /** What stands behind the architecture's name: how they were trained. */
  readonly tag: string;
  /** Their id on the hub; undefined where it has none. */
  readonly place: string | undefined;
  /**
   * Percent of ImageNet-1k's validation images that they get right, by timm's results table, for pictures as their own configuration prepares them;
   * undefined where they tell other classes or none, or nobody published it.
   */
  readonly top1: number | undefined;
  /** Side in pixels of the pictures of `top1` where it is not that of the default weights. */
  readonly side: number | undefined;
}

/** timm's weights of an architecture, its default ones first; empty where it has none. @param architecture timm's name, without a tag */
export function timmWeights(architecture: string): readonly TimmWeights[] {
  const [, line] = timmTags.split(`\n${architecture}: `);
  if (line === undefined) return [];
  return line
    .split("\n", 1)[0]!
    .split(" ")
    .map((entry) => {
      const [known, elsewhere] = entry.split("=") as [string, string?];
      const [tag, figure] = known.split(":") as [string, string?];
      const [top1, side] = figure?.split("@").map(Number) ?? [];
      const place = elsewhere ?? `timm/${architecture}.${tag}`;
      return { tag, place: place === "-" ? undefined : place, top1, side };
    });
}
