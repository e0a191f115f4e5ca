/** Raw attention: what one token looks at in each head of each block. */

import { VitrineError } from "../errors.ts";
import { concat, rearrange, type Tensor, tensor } from "../tensor/index.ts";
import type { ExplanationMap, MapTable } from "./explanation.ts";
import type { Question, Seen } from "./look.ts";
import { mapOfRow } from "./token-rows.ts";

/** Which blocks and heads to show; all without numbers, which count from 0. */
export interface AttentionOptions {
  readonly block?: number | undefined;
  readonly head?: number | undefined;
}

/**
 * Asks for each head's attention from one query: [b, a, n] per block.
 * @param start weights [n] of the query over the tokens: a 1 for one token, equal weights for a mean
 */
export function attentionQuestion(start: (n: number) => Float64Array): Question {
  return ({ attention }) => {
    const answers: Record<string, Tensor> = {};
    for (const [i, parts] of attention.entries()) {
      const probs = concat(parts, 1); //                                     [b, a, n, n]
      const n = probs.shape[3] as number;
      const row = tensor(Float32Array.from(start(n)), [1, n]);
      answers[`block ${i}`] = rearrange(row.matmul(probs), "b a 1 n -> b (a 1) n", { "1": 1 });
    }
    return answers;
  };
}

/**
 * The chosen heads' maps, and the table of blocks (across) and heads (down) they stand in.
 * @throws {VitrineError} INVALID_ARGUMENT for a block or head that the model has not.
 * @source Vaswani et al., arXiv:1706.03762, equation (1); Dosovitskiy et al., arXiv:2010.11929, section 4.5
 */
export function attentionMaps(
  seen: Seen,
  { block, head }: AttentionOptions,
): { readonly maps: readonly ExplanationMap[]; readonly table: MapTable } {
  const blocks = chosen("block", block, seen.blocks);
  const headCount = Math.max(...blocks.map((i) => seen.answers[`block ${i}`]!.shape[1]!));
  const heads = chosen("head", head, headCount);
  const maps = heads.flatMap((h) =>
    blocks.map((i) => {
      const { data, shape } = seen.answers[`block ${i}`]!;
      const n = shape[2]!;
      return mapOfRow(`block ${i}, head ${h}`, (data as Float32Array).subarray(h * n, (h + 1) * n), seen);
    }),
  );
  const table = { rowTitles: heads.map((h) => `head ${h}`), colTitles: blocks.map((i) => `block ${i}`) };
  return { maps, table };
}

/**
 * The number asked for, or all.
 * @throws {VitrineError} INVALID_ARGUMENT for one that is not there.
 */
export function chosen(what: string, asked: number | undefined, count: number): readonly number[] {
  if (asked === undefined) return Array.from({ length: count }, (_, i) => i);
  if (Number.isInteger(asked) && asked >= 0 && asked < count) return [asked];
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `explain: a ${what} is a number from 0 to ${count - 1}`,
    evidence: `got ${asked}`,
  });
}
