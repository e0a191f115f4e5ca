/** Fixtures of this folder, and equality of tensors bit by bit. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { NdArray } from "../../src/graph/dtype.ts";

/** Path of a file in `fixtures/`. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/** Bytes of a file in `fixtures/`, at the beginning of a buffer of their own. */
export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

/** Type, shape and bits of tensors by name, in a form that compares and prints well: many bits as their hash. */
export function bitsOf(tensors: Iterable<readonly [string, NdArray]>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, { dtype, shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1)))
    out[name] = `${dtype} [${shape}] ${text(Buffer.from(data.buffer, data.byteOffset, data.byteLength))}`;
  return out;
}

function text(bytes: Buffer): string {
  return bytes.length <= 32 ? bytes.toString("hex") : createHash("sha256").update(bytes).digest("hex");
}

/** What `task` throws. */
export async function thrown(task: () => unknown): Promise<unknown> {
  try {
    await task();
  } catch (error) {
    return error;
  }
  return expect.fail("nothing was thrown");
}
