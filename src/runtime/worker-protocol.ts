/** What a session in a worker thread and its owner tell each other. */

import { type ErrorCode, VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { NodeRuntimeOptions } from "./node.ts";
import type { RunnableModel, SessionOptions } from "./runtime.ts";

/** Sent to the worker; it answers each with a `Reply` of the same `id`. */
export type Request =
  | {
      readonly kind: "open";
      readonly id: number;
      readonly runtime: NodeRuntimeOptions;
      readonly model: RunnableModel;
      readonly session: SessionOptions;
    }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly feeds: ReadonlyMap<string, NdArray>;
      readonly fetches: readonly string[];
    }
  | { readonly kind: "close"; readonly id: number };

export type Reply =
  | {
      readonly kind: "opened";
      readonly id: number;
      readonly inputs: readonly string[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: "results"; readonly id: number; readonly results: ReadonlyMap<string, NdArray> }
  | { readonly kind: "closed"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };

/** An error as plain data. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly rule: string;
  readonly evidence: string | undefined;
  readonly place: string | undefined;
  readonly next: string | undefined;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof VitrineError) {
    const { rule, evidence, place, next } = error.fields;
    return { code: error.code, rule, evidence, place, next };
  }
  const rule = error instanceof Error ? error.message : String(error);
  return { code: undefined, rule, evidence: undefined, place: undefined, next: undefined };
}

export function fromFailure({ code, ...fields }: Failure): Error {
  return code ? new VitrineError(code, fields) : new Error(fields.rule);
}
