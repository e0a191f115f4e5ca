/** The binary version of CIFAR-10: records of one label byte and three planes of 32 × 32 bytes, red, green, blue. */

import { VitrineError } from "../../errors.ts";
import { type MemorySource, sharedBytes } from "./memory.ts";

const pixels = 32 * 32;
const recordLength = 1 + 3 * pixels;

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

/**
 * A data set of binary batch files.
 * @param batches - the bytes of each file, with its name for error messages.
 * @throws {VitrineError} INVALID_FILE when a file is no whole number of records or has a label above 9.
 */
export function cifar10Source(
  name: string,
  batches: readonly { readonly place: string; readonly bytes: Uint8Array }[],
): MemorySource {
  for (const { place, bytes } of batches)
    if (bytes.length === 0 || bytes.length % recordLength !== 0)
      throw new VitrineError("INVALID_FILE", {
        rule: `a CIFAR-10 batch must be whole records of ${recordLength} bytes`,
        evidence: `got ${bytes.length} bytes`,
        place,
      });
  const count = batches.reduce((sum, { bytes }) => sum + bytes.length / recordLength, 0);
  const labels = new Uint16Array(count);
  const out = sharedBytes(count * 3 * pixels);
  let index = 0;
  for (const { place, bytes } of batches)
    for (let start = 0; start < bytes.length; start += recordLength, index++) {
      labels[index] = bytes[start]!;
      if (bytes[start]! > 9)
        throw new VitrineError("INVALID_FILE", {
          rule: "a CIFAR-10 label must be 0 to 9",
          evidence: `got ${bytes[start]} at byte ${start}`,
          place,
        });
      for (let c = 0; c < 3; c++)
        for (let i = 0, from = start + 1 + c * pixels; i < pixels; i++)
          out[(index * pixels + i) * 3 + c] = bytes[from + i]!;
    }
  return {
    kind: "memory",
    name,
    classes: cifar10Classes,
    labels,
    channels: 3,
    sizes: Uint16Array.of(32, 32),
    pixels: out,
  };
}
