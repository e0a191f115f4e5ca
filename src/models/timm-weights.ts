/** The weights that timm names, by its table in `timm-tags.ts`. */

import { timmTags } from "./timm-tags.ts";

/** Weights of an architecture. */
export interface TimmWeights {
  /** What stands behind the architecture's name: how they were trained. */
  readonly tag: string;
  /** Their id on the hub; undefined where it has none. */
  readonly place: string | undefined;
}

/** timm's weights of an architecture, its default ones first; empty where it has none. @param architecture timm's name, without a tag */
export function timmWeights(architecture: string): readonly TimmWeights[] {
  const [, line] = timmTags.split(`\n${architecture}: `);
  if (line === undefined) return [];
  return line
    .split("\n", 1)[0]!
    .split(" ")
    .map((entry) => {
      const [tag, place = `timm/${architecture}.${tag}`] = entry.split("=") as [string, string?];
      return { tag, place: place === "-" ? undefined : place };
    });
}
