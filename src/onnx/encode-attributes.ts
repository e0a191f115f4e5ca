/** Attributes of nodes in a file, and the opset that a set of nodes needs. */

import { codeOfDType, dtypeOfCode, ndarray } from "../graph/dtype.ts";
import type { AttributeSpec } from "../graph/operators.ts";
import { operatorSpec } from "../graph/ops.ts";
import type { Node } from "../graph/value.ts";
import { bytesOfArray } from "./encode-tensors.ts";
import type { AttributeProto } from "./schema.ts";

/** The lowest opset, at least 18, that has the operators at the revisions that vitrine knows. */
export function opsetOf(nodes: readonly Node[]): number {
  return nodes.reduce((opset, node) => {
    const { since, domain } = operatorSpec(node.op);
    return domain ? opset : Math.max(opset, isDilatedMean(node) ? 19 : since);
  }, 18);
}

/** An AveragePool that needs opset 19; all others keep their older form, for which the engine has the faster kernel. */
function isDilatedMean(node: Node): boolean {
  return node.op === "AveragePool" && (node as Node<"AveragePool">).attributes.dilations?.some((d) => d !== 1) === true;
}

/** The attributes that differ from ONNX's defaults, in the order of the operator table. */
export function encodeAttributes(node: Node, opset: number): readonly AttributeProto[] {
  if (node.op === "ConstantOfShape") return fillAttribute(node as Node<"ConstantOfShape">);
  const encoded: AttributeProto[] = [];
  for (const [name, spec] of Object.entries(operatorSpec(node.op).attributes ?? {})) {
    const value = (node.attributes as Readonly<Record<string, unknown>>)[name];
    if (value === undefined || (node.op === "AveragePool" && name === "dilations" && !isDilatedMean(node))) continue;
    // Of `Cast` the default stands for "not given": the file must always say it.
    if (isDefault(value, spec) && !(node.op === "Cast" && name === "to")) continue;
    encoded.push(attributeOf(name, spec, node.op === "GridSample" ? gridSampleMode(value, opset) : value));
  }
  return encoded;
}

/** Opset 20 renamed the modes `bilinear` and `bicubic` to `linear` and `cubic`. */
function gridSampleMode(value: unknown, opset: number): unknown {
  return opset >= 20 && typeof value === "string" ? value.replace(/^bi/, "") : value;
}

function fillAttribute(node: Node<"ConstantOfShape">): readonly AttributeProto[] {
  const { value, to } = node.attributes;
  if (value === 0 && to === 1) return [];
  const dtype = dtypeOfCode(to, "ConstantOfShape");
  const raw = bytesOfArray(ndarray(dtype, [1], [value]));
  return [{ name: "value", kind: "tensor", value: { name: "", dims: [1], dataType: codeOfDType(dtype), raw } }];
}

function isDefault(value: unknown, spec: AttributeSpec): boolean {
  const fallback = spec[1];
  if (fallback === undefined) return false;
  if (spec[0] === "float") return Math.fround(value as number) === Math.fround(fallback as number);
  return String(value) === String(fallback);
}

function attributeOf(name: string, [kind]: AttributeSpec, value: unknown): AttributeProto {
  if (kind === "string") return { name, kind, value: value as string };
  if (kind === "strings") return { name, kind, value: value as readonly string[] };
  if (kind === "int" || kind === "float") return { name, kind, value: value as number };
  return { name, kind, value: value as readonly number[] };
}
