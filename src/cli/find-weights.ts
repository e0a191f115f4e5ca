/** Trained weights that lie on this machine already, for those who name none. */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readConfigFile } from "../pretrained/config-file.ts";
import { hubOptionsFromEnvironment } from "../weights/hub-options-node.ts";

/** Weights in the hub's cache. */
export interface CachedWeights {
  /** `org/name`. */
  readonly repo: string;
  /** The folder of its files. */
  readonly folder: string;
  readonly bytes: number;
}

/** Larger weights are for machines with a GPU: fine-tuning them on processors takes hours. */
const largest = 120e6;

/**
 * Weights for photographs in the hub's cache: of the models that vitrine knows, those of color images of 128 pixels or more, the largest up to 120 MB;
 * `undefined` where there is none. Nothing is downloaded.
 * @param cache the hub's cache; default: as the environment variables say
 */
export async function findWeights(cache?: string): Promise<CachedWeights | undefined> {
  const place = cache ?? hubOptionsFromEnvironment(process.env).cache;
  const found: CachedWeights[] = [];
  for (const name of (await readdir(place).catch((): string[] => [])).sort()) {
    const [kind, org, ...rest] = name.split("--");
    if (kind !== "models" || org === undefined || rest.length !== 1) continue;
    const weights = await inspectRepository(join(place, name));
    if (weights && weights.bytes <= largest) found.push({ repo: `${org}/${rest[0]}`, ...weights });
  }
  return found.sort((a, b) => b.bytes - a.bytes || (a.repo < b.repo ? -1 : 1))[0];
}

async function inspectRepository(repository: string): Promise<Omit<CachedWeights, "repo"> | undefined> {
  const commit = (await readFile(join(repository, "refs/main"), "utf8").catch(() => "")).trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
  const folder = join(repository, "snapshots", commit);
  try {
    const configFile = join(folder, "config.json");
    const { config } = await readConfigFile(JSON.parse(await readFile(configFile, "utf8")), configFile);
    if (config.channels !== 3 || Math.min(...config.imageSize) < 128) return undefined;
    const { size } = await stat(join(folder, "model.safetensors"));
    return { folder, bytes: size };
  } catch {
    // Not a model that vitrine knows, or one whose weights were not fetched.
    return undefined;
  }
}
