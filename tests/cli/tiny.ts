/** A model and data so small that a test can train. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodePng } from "../../src/data/decode-node.ts";
import { stream } from "../../src/graph/random.ts";

/** `--config` of a Vision Transformer of 21,162 parameters and two short epochs. */
export const tinyConfig: Readonly<Record<string, unknown>> = {
  epochs: 2,
  batchSize: 16,
  warmupEpochs: 0.5,
  model: { patchSize: 4, width: 32, depth: 2, heads: 2, mlpWidth: 64 },
};

/** Writes the configuration and returns its path. */
export function writeConfig(folder: string, changes: Readonly<Record<string, unknown>> = {}): string {
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify({ ...tinyConfig, ...changes }));
  return path;
}

/** Writes square PNG files of noise: `{ "cats/1.png": … }` for `{ cats: 3, dogs: 3 }`. */
export async function writeImages(
  folder: string,
  classes: Readonly<Record<string, number>>,
  side: number = 32,
): Promise<void> {
  for (const [name, count] of Object.entries(classes)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const random = stream(i, "noise", name);
      const data = Uint8Array.from({ length: side * side * 3 }, () => random.integer(256));
      const path = join(folder, name, `${i}.png`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await encodePng({ width: side, height: side, channels: 3, data }));
    }
  }
}
