/** Reads a golden file: plain safetensors of F32 and I64. */

import { readFileSync } from "node:fs";
import { sharedPath } from "../shared.ts";

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export function golden(name: string): {
  config: Record<string, unknown>;
  tensor(name: string): GoldenTensor;
  names: string[];
} {
  const bytes = readFileSync(sharedPath("goldens", `${name}.safetensors`));
  const headerSize = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerSize)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] } & { config: string }
  >;
  const { __metadata__: metadata, ...tensors } = header;
  return {
    config: JSON.parse(metadata!.config) as Record<string, unknown>,
    names: Object.keys(tensors),
    tensor(key) {
      const { dtype, shape, data_offsets } = tensors[key]!;
      const part = bytes.buffer.slice(
        bytes.byteOffset + 8 + headerSize + data_offsets[0],
        bytes.byteOffset + 8 + headerSize + data_offsets[1],
      );
      return {
        shape,
        data: dtype === "I64" ? Float32Array.from(new BigInt64Array(part), Number) : new Float32Array(part),
      };
    },
  };
}
