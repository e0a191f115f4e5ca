/** The binary versions of CIFAR-10 and CIFAR-100: records of label bytes and three planes of 32 × 32 bytes, red, green, blue. */

import { VitrineError } from "../../errors.ts";
import { type MemorySource, sharedBytes } from "./memory.ts";

const pixels = 32 * 32;

/** Names of the ten classes, in label order. */
export const cifar10Classes: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/** The bytes of one binary batch file, with its name for error messages. */
export interface CifarBatch {
  readonly place: string;
  readonly bytes: Uint8Array;
}

/**
 * CIFAR-10 from its binary batch files, whose records begin with the label.
 * @throws {VitrineError} INVALID_FILE when a file is no whole number of records or has a label above 9.
 */
export function cifar10Source(name: string, batches: readonly CifarBatch[]): MemorySource {
  return cifarSource("CIFAR-10", name, cifar10Classes, 1, batches);
}

/**
 * CIFAR-100 from its binary files, whose records begin with one of 20 coarse labels and then one of 100 fine ones, which is the label here.
 * @param classes - the names of the fine labels, `fine_label_names.txt` of the archive.
 * @throws {VitrineError} INVALID_FILE when a file is no whole number of records or has a label without name.
 */
export function cifar100Source(name: string, classes: readonly string[], batches: readonly CifarBatch[]): MemorySource {
  return cifarSource("CIFAR-100", name, classes, 2, batches);
}

/** The last of the label bytes counts. */
function cifarSource(
  kind: string,
  name: string,
  classes: readonly string[],
  labelBytes: number,
  batches: readonly CifarBatch[],
): MemorySource {
  const recordLength = labelBytes + 3 * pixels;
  for (const { place, bytes } of batches)
    if (bytes.length === 0 || bytes.length % recordLength !== 0)
      throw new VitrineError("INVALID_FILE", {
        rule: `a ${kind} batch must be whole records of ${recordLength} bytes`,
        evidence: `got ${bytes.length} bytes`,
        place,
      });
  const count = batches.reduce((sum, { bytes }) => sum + bytes.length / recordLength, 0);
  const labels = new Uint16Array(count);
  const out = sharedBytes(count * 3 * pixels);
  let index = 0;
  for (const { place, bytes } of batches)
    for (let start = 0; start < bytes.length; start += recordLength, index++) {
      const at = start + labelBytes - 1;
      labels[index] = bytes[at]!;
      if (bytes[at]! >= classes.length)
        throw new VitrineError("INVALID_FILE", {
          rule: `a ${kind} label must be 0 to ${classes.length - 1}`,
          evidence: `got ${bytes[at]} at byte ${at}`,
          place,
        });
      for (let c = 0; c < 3; c++)
        for (let i = 0, from = at + 1 + c * pixels; i < pixels; i++)
          out[(index * pixels + i) * 3 + c] = bytes[from + i]!;
    }
  return { kind: "memory", name, classes, labels, channels: 3, sizes: Uint16Array.of(32, 32), pixels: out };
}
