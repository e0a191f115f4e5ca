/** The IDX format of MNIST and Fashion-MNIST: a big-endian header, then bytes. */

import { VitrineError } from "../../errors.ts";
import { type MemorySource, sharedBytes } from "./memory.ts";

/** An IDX file of unsigned bytes: its shape, and its bytes in C order. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes.
 * @throws {VitrineError} INVALID_FILE when the header is wrong or the length is not what it says.
 */
export function parseIdx(bytes: Uint8Array, place: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = bytes[3] ?? 0;
  const headed = bytes.length >= 4 + 4 * rank && rank >= 1 && rank <= 4;
  if (!headed || view.getUint16(0) !== 0 || bytes[2] !== 8)
    throw new VitrineError("INVALID_FILE", {
      rule: "an IDX file must start with the bytes 0, 0, 8 (unsigned bytes), its rank, and that many sizes",
      evidence: `got ${[...bytes.subarray(0, 4)].join(", ") || "nothing"}`,
      place,
    });
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, n) => product * n, 1);
  const data = bytes.subarray(4 + 4 * rank);
  if (data.length !== size)
    throw new VitrineError("INVALID_FILE", {
      rule: `an IDX file of shape [${shape.join(", ")}] has ${size} bytes after its header`,
      evidence: `got ${data.length}`,
      place,
    });
  return { shape, data };
}

/**
 * A data set of one IDX file of images [n, rows, columns] and one of labels [n].
 * @throws {VitrineError} INVALID_FILE when the two do not fit each other or the classes.
 */
export function idxSource(
  name: string,
  classes: readonly string[],
  images: IdxArray,
  labels: IdxArray,
  place: string,
): MemorySource {
  const [count = 0, rows = 0, columns = 0] = images.shape;
  if (
    images.shape.length !== 3 ||
    labels.shape.length !== 1 ||
    labels.shape[0] !== count ||
    count * rows * columns === 0
  )
    throw new VitrineError("INVALID_FILE", {
      rule: "images must be [n, rows, columns] and labels [n]",
      evidence: `got [${images.shape.join(", ")}] and [${labels.shape.join(", ")}]`,
      place,
    });
  const wrong = labels.data.find((label) => label >= classes.length);
  if (wrong !== undefined)
    throw new VitrineError("INVALID_FILE", {
      rule: `labels must be below the number of classes, ${classes.length}`,
      evidence: `got ${wrong}`,
      place,
    });
  const pixels = sharedBytes(images.data.length);
  pixels.set(images.data);
  return {
    kind: "memory",
    name,
    classes,
    labels: Uint16Array.from(labels.data),
    channels: 1,
    sizes: Uint16Array.of(rows, columns),
    pixels,
  };
}
