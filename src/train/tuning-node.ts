/** What a run keeps of a model: the whole of it in a form that others load, and what alone was trained. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Variable } from "../graph/value.ts";
import { loraOf } from "../nn/lora.ts";
import type { Module } from "../nn/module.ts";
import { saveAdapter } from "../pretrained/adapter-node.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { savePretrained } from "../pretrained/save-node.ts";
import type { Tuning } from "./tuning.ts";

/**
 * Writes the model, its adapters merged into its weights; where it has adapters, these also to the folder's `adapter/`, with the heads.
 * @param base where the weights came from, for those who read the adapter
 * @throws {VitrineError} what `savePretrained` and `saveAdapter` throw.
 */
export async function saveTuned(
  folder: string,
  pretrained: Pretrained,
  { heads }: Tuning,
  base: string = pretrained.name,
): Promise<void> {
  const { model } = pretrained;
  if (loraOf(model).size > 0) await saveAdapter(join(folder, "adapter"), model, { wholeModules: heads, base });
  await savePretrained(folder, pretrained, { replace: true });
}

/** What a checkpoint must hold: the trained parameters, and the buffers. */
export function keptVariables(model: Module, { trained }: Tuning): ReadonlyMap<string, Variable> {
  const frozen = frozenNames(model, trained);
  return new Map([...model.variables()].filter(([name]) => !frozen.has(name)));
}

/** SHA-256 of the weights that stay as they are, by which a continued run knows its base; undefined where there are none. */
export function frozenSum(model: Module, trained: Tuning["trained"]): string | undefined {
  const frozen = frozenNames(model, trained);
  if (frozen.size === 0) return undefined;
  return sumOf([...model.variables()].filter(([name]) => frozen.has(name)));
}

/** SHA-256 of all that a model has learnt. */
export function weightsSum(model: Module): string {
  return sumOf(model.variables());
}

function sumOf(variables: Iterable<readonly [string, Variable]>): string {
  const hash = createHash("sha256");
  for (const [name, { data }] of variables) {
    const { buffer, byteOffset, byteLength } = data.data;
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

function frozenNames(model: Module, trained: Tuning["trained"]): ReadonlySet<string> {
  return new Set(trained ? [...model.parameters().keys()].filter((name) => !trained(name)) : []);
}
