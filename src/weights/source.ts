/** What every weights format looks like to the rest of the program: names, their types and shapes, and values read one by one. */

import { VitrineError } from "../errors.ts";
import type { DType, NdArray } from "../graph/dtype.ts";

/** Type and shape of one tensor, known without reading its values. */
export interface WeightInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Named tensors, read lazily. Closing releases the file; reading after that fails. */
export interface WeightSource {
  /** File name or address, for messages. */
  readonly place: string;
  /** What a file says of itself, where its format has words for that. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** All names, in the file's order. */
  names(): Iterable<string>;
  /** True where `name` exists. */
  has(name: string): boolean;
  /**
   * Type and shape of one tensor.
   * @throws {VitrineError} UNKNOWN_NAME for a name that is not there.
   */
  info(name: string): WeightInfo;
  /**
   * The values of one tensor in C order; may share memory with the file's bytes.
   * @throws {VitrineError} UNKNOWN_NAME for a name that is not there; INVALID_FILE where the bytes are not.
   */
  read(name: string): Promise<NdArray>;
  close(): Promise<void>;
}

/** The error for a name that a source does not have. */
export function unknownTensor(name: string, place: string): VitrineError {
  return new VitrineError("UNKNOWN_NAME", { rule: "a tensor must exist to be read", evidence: `no "${name}"`, place });
}

/** A source of tensors already in memory. */
export function memorySource(tensors: Iterable<readonly [string, NdArray]>, place = "memory"): WeightSource {
  const map = new Map(tensors);
  const find = (name: string): NdArray => {
    const array = map.get(name);
    if (!array) throw unknownTensor(name, place);
    return array;
  };
  return {
    place,
    names: () => map.keys(),
    has: (name) => map.has(name),
    info: find,
    read: async (name) => find(name),
    close: async () => {},
  };
}

/** All tensors of a source, in memory. */
export async function readAll(source: WeightSource): Promise<Map<string, NdArray>> {
  const out = new Map<string, NdArray>();
  for (const name of source.names()) out.set(name, await source.read(name));
  return out;
}
