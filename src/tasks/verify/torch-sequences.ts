/** How torch's modules take sequences and masks of attention. */

import { VitrineError } from "../../errors.ts";
import { addedMask, allowedMask, joinMasks, type Mask } from "../../nn/attention-masks.ts";
import { cast, not, squeeze, type Tensor, unsqueeze } from "../../tensor/index.ts";
import type { GoldenFile } from "./golden-file.ts";

/** Between the file's sequences and [b, t, d]. */
export interface SequenceLayout {
  /** Without a batch: [t, d]. */
  readonly single: boolean;
  enter(t: Tensor): Tensor;
  leave(t: Tensor): Tensor;
}

/**
 * The layout of the sequences of a case: batch first, time first (torch's default), or a single one.
 * @param name one of its inputs
 * @throws {VitrineError} INVALID_FILE unless that is such a sequence.
 */
export function sequenceLayout({ inputs, config, case: place }: GoldenFile, name: string): SequenceLayout {
  const shape = inputs.get(name)?.shape;
  const turned = config.batch_first === true ? (t: Tensor): Tensor => t : (t: Tensor): Tensor => t.transpose([1, 0, 2]);
  if (shape?.length === 2) return { single: true, enter: (t) => unsqueeze(t, 0), leave: (t) => squeeze(t, 0) };
  if (shape?.length !== 3)
    throw new VitrineError("INVALID_FILE", {
      rule: `the case's input "${name}" must be sequences with three axes, or one with two`,
      evidence: shape ? `got [${shape.join(", ")}]` : "got none",
      place,
    });
  return { single: false, enter: turned, leave: turned };
}

/**
 * torch's masks: booleans are 1 where a key is blocked, floats are added.
 * @param places [t, s], or [b · heads, t, s]; keys: [b, s], or [s] of a single sequence
 */
export function torchMasks(
  { places, keys }: { readonly places: Tensor | undefined; readonly keys: Tensor | undefined },
  heads: number,
): Mask | undefined {
  const byHead = (t: Tensor): Tensor => {
    const [rows, ...sizes] = t.shape;
    return t.rank === 3 ? t.reshape([(rows as number) / heads, heads, ...sizes]) : t;
  };
  return joinMasks(
    keys && torchMask(unsqueeze(keys.rank === 1 ? unsqueeze(keys, 0) : keys, 1, 2)),
    places && torchMask(byHead(places)),
  );
}

function torchMask(mask: Tensor): Mask {
  return mask.dtype === "float32" ? addedMask(mask) : allowedMask(not(cast(mask, "bool")));
}
