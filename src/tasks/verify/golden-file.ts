/**
 * Golden files: numbers of a reference implementation on a tiny model, in the format `vitrine-golden/1`.
 *
 * One case is one safetensors file; its metadata says what it is, and each tensor's name begins with its role (`param.`, `output.`, `grad.`, …).
 */

import * as v from "valibot";
import { VitrineError } from "../../errors.ts";
import type { NdArray } from "../../graph/dtype.ts";
import type { JsonObject } from "../../models/json.ts";
import { readSafetensors } from "../../weights/safetensors.ts";

/** |got − want| ≤ atol + rtol · |want|. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

type Tensors = ReadonlyMap<string, NdArray>;

/** One case. The maps' keys are without the role. */
export interface GoldenFile {
  readonly case: string;
  /** The family (`vit`). */
  readonly model: string;
  /** Package, version and class (`timm 1.0.29 VisionTransformer`). */
  readonly reference: string;
  /** The reference's own arguments. */
  readonly config: JsonObject;
  /** `eval`, or `train: …`. */
  readonly mode: string;
  /** The scalar whose gradients are stored, in words. */
  readonly loss: string;
  readonly tolerance: Tolerance;
  readonly params: Tensors;
  readonly buffers: Tensors;
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly taps: Tensors;
  readonly cotangents: Tensors;
  readonly lossValue: NdArray | undefined;
  readonly grads: Tensors;
  readonly inputGrads: Tensors;
  /** Tensors without a role of the format. */
  readonly strangers: readonly string[];
}

const toleranceSchema = v.object({
  rtol: v.pipe(v.number(), v.minValue(0)),
  atol: v.pipe(v.number(), v.minValue(0)),
});
const objectSchema = v.custom<JsonObject>((x) => typeof x === "object" && x !== null && !Array.isArray(x), "an object");

/** Roles by the beginning of a name, the longer first where one begins another. */
const roles = ["param.", "buffer.", "input.", "output.", "tap.", "cotangent.", "grad.input.", "grad."] as const;

/**
 * Reads a case.
 * @param bytes the whole file
 * @throws {VitrineError} INVALID_FILE when it is no golden file or a broken one.
 */
export function parseGolden(bytes: Uint8Array, place: string): GoldenFile {
  const { tensors, metadata } = readSafetensors(bytes, place);
  const format = metadata.get("format");
  if (format !== "vitrine-golden/1")
    throw new VitrineError("INVALID_FILE", {
      rule: 'a golden file\'s metadata must say format "vitrine-golden/1"',
      evidence: `got ${format === undefined ? "none" : JSON.stringify(format)}`,
      place,
    });
  const text = (key: string): string => {
    const found = metadata.get(key);
    if (found !== undefined) return found;
    throw new VitrineError("INVALID_FILE", { rule: `a golden file's metadata must have "${key}"`, place });
  };
  const byRole = new Map(roles.map((role) => [role, new Map<string, NdArray>()]));
  const strangers: string[] = [];
  for (const [name, array] of tensors) {
    const role = roles.find((prefix) => name.startsWith(prefix));
    if (role) byRole.get(role)!.set(name.slice(role.length), array);
    else if (name !== "loss") strangers.push(name);
  }
  return {
    case: text("case"),
    model: text("model"),
    reference: text("reference"),
    config: parseJson(objectSchema, text("config"), "config", place),
    mode: metadata.get("mode") ?? "eval",
    loss: metadata.get("loss") ?? "",
    tolerance: parseJson(toleranceSchema, text("tolerance"), "tolerance", place),
    params: byRole.get("param.")!,
    buffers: byRole.get("buffer.")!,
    inputs: byRole.get("input.")!,
    outputs: byRole.get("output.")!,
    taps: byRole.get("tap.")!,
    cotangents: byRole.get("cotangent.")!,
    lossValue: tensors.get("loss"),
    grads: byRole.get("grad.")!,
    inputGrads: byRole.get("grad.input.")!,
    strangers,
  };
}

function parseJson<S extends v.GenericSchema>(schema: S, text: string, key: string, place: string): v.InferOutput<S> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: `a golden file's "${key}" must be JSON of its form`,
      evidence: `${(cause as Error).message} for ${text.slice(0, 80)}`,
      place,
      cause,
    });
  }
}
