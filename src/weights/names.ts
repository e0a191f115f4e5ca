/**
 * Between the names of published checkpoints (`blocks.0.attn.q_norm.weight`) and those of TypeScript (`blocks.0.attn.qNorm.weight`).
 *
 * One rule, both ways: `_` and a lowercase letter become the capital; `_` before a digit stays (`encoder_layer_0` → `encoderLayer_0`).
 */

import { VitrineError } from "../errors.ts";

/**
 * The camelCase of a snake_case name.
 * @throws {VitrineError} INVALID_ARGUMENT for a capital, which would have no way back.
 */
export function toCamelCase(name: string): string {
  if (/[A-Z]/.test(name)) throw outside("a snake_case name has no capitals", name);
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * The snake_case of a camelCase name.
 * @throws {VitrineError} INVALID_ARGUMENT for `_` and a lowercase letter, which would have no way back.
 */
export function toSnakeCase(name: string): string {
  if (/_[a-z]/.test(name)) throw outside("a camelCase name has no _ before a lowercase letter", name);
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function outside(rule: string, name: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", { rule, evidence: `got "${name}"` });
}
