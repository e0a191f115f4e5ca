/** `model.safetensors.index.json`: which shard holds which tensor. */

import { VitrineError } from "../errors.ts";
import { unknownTensor, type WeightSource } from "./source.ts";
import { JsonProblem, parseStrictJson, type StrictJson } from "./strict-json.ts";

/** Tensor name to shard file name. */
export type ShardIndex = ReadonlyMap<string, string>;

/** A plain file name: no separators, no drive letter, not `.` or `..`, so that an index cannot point outside its folder. */
const fileName = /^(?!\.{1,2}$)[^/\\:\p{Cc}]{1,255}$/u;

/**
 * The `weight_map` of an index.
 * @throws {VitrineError} INVALID_FILE for JSON that is no index, UNSAFE_FILE for a shard name with a path in it.
 */
export function parseShardIndex(bytes: Uint8Array, place: string): ShardIndex {
  const invalid = (rule: string, evidence?: string) =>
    new VitrineError("INVALID_FILE", { rule: `shard index: ${rule}`, evidence, place });
  let json: StrictJson;
  try {
    json = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof JsonProblem || error instanceof TypeError)
      throw invalid("it must be JSON with unique keys", error.message);
    throw error;
  }
  const map = json instanceof Map ? json.get("weight_map") : undefined;
  if (!(map instanceof Map)) throw invalid("it must have an object weight_map");
  for (const [name, file] of map) {
    if (typeof file !== "string") throw invalid("weight_map must map names to file names", `"${name}"`);
    if (!fileName.test(file))
      throw new VitrineError("UNSAFE_FILE", {
        rule: "shard index: a shard must be a file of the same folder",
        evidence: `got ${JSON.stringify(file)} for "${name}"`,
        place,
      });
  }
  return map as Map<string, string>;
}

/**
 * All shards as one source. Each shard must hold exactly the tensors that the index gives it.
 * @throws {VitrineError} INVALID_FILE where index and shard differ; what `open` throws.
 */
export async function shardedSource(
  index: ShardIndex,
  open: (file: string) => Promise<WeightSource>,
  place: string,
): Promise<WeightSource> {
  const shards = new Map<string, WeightSource>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const file of new Set(index.values())) shards.set(file, await open(file));
    for (const [name, file] of index)
      if (!shards.get(file)!.has(name))
        throw new VitrineError("INVALID_FILE", {
          rule: "a shard must hold the tensors that the index gives it",
          evidence: `"${name}" is not in ${file}`,
          place,
        });
    for (const [file, shard] of shards)
      for (const name of shard.names())
        if (index.get(name) !== file)
          throw new VitrineError("INVALID_FILE", {
            rule: "the index must name every tensor of a shard",
            evidence: `"${name}" of ${file} is not in it`,
            place,
          });
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (name: string): WeightSource => {
    const file = index.get(name);
    if (file === undefined) throw unknownTensor(name, place);
    return shards.get(file)!;
  };
  return {
    place,
    names: () => index.keys(),
    has: (name) => index.has(name),
    info: (name) => shardOf(name).info(name),
    read: async (name) => shardOf(name).read(name),
    close,
  };
}
