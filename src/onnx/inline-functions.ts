/** Calls of a model's own functions replaced by the functions' nodes. */

import { VitrineError } from "../errors.ts";
import type { AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetId } from "./schema.ts";

/** A node, and the versions of the operator sets that it was written for. */
export interface FlatNode {
  readonly node: NodeProto;
  readonly versions: ReadonlyMap<string, number>;
}

/** Functions of a few lines can call each other into more nodes than any memory holds. */
const mostNodes = 1_000_000;

/**
 * The nodes of a model in order, functions inlined; `isKnown` tells which operators stay as they are.
 * @throws {VitrineError} UNSAFE_FILE when functions call themselves or expand without measure.
 */
export function inlineFunctions(
  model: ModelProto,
  isKnown: (node: NodeProto) => boolean,
  place: string,
): readonly FlatNode[] {
  const functions = new Map(model.functions.map((f) => [`${f.domain}:${f.name}`, f]));
  const flat: FlatNode[] = [];
  let calls = 0;
  const visit = (
    nodes: readonly NodeProto[],
    versions: ReadonlyMap<string, number>,
    callers: readonly FunctionProto[],
  ): void => {
    for (const node of nodes) {
      const called = isKnown(node) ? undefined : functions.get(`${node.domain}:${node.op}`);
      if (!called) flat.push({ node, versions });
      else if (callers.includes(called) || flat.length > mostNodes || calls > mostNodes)
        throw new VitrineError("UNSAFE_FILE", {
          rule: "functions of a model must not call themselves or expand without measure",
          evidence: `${called.domain}::${called.name} does`,
          place,
        });
      else visit(bodyOf(called, node, calls++), versionsOf(called.opsets), [...callers, called]);
    }
  };
  visit(model.graph.nodes, versionsOf(model.opsets), []);
  return flat;
}

/** Versions by domain; the empty name is ONNX's own. */
export function versionsOf(opsets: readonly OperatorSetId[]): ReadonlyMap<string, number> {
  return new Map(opsets.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, version] as const));
}

/** The nodes of a function with the names and attributes of one call. */
function bodyOf(called: FunctionProto, call: NodeProto, index: number): readonly NodeProto[] {
  const path = call.name === "" ? called.name : call.name;
  const names = new Map<string, string>([["", ""]]);
  for (const [i, name] of called.outputs.entries()) names.set(name, call.outputs[i] || `${path}#${index}/${name}`);
  for (const [i, name] of called.inputs.entries()) names.set(name, call.inputs[i] ?? "");
  const rename = (name: string): string => names.get(name) ?? `${path}#${index}/${name}`;
  const given = new Map([...called.defaults, ...call.attributes].map((attribute) => [attribute.name, attribute]));
  const nodes = called.nodes.map((node) => ({
    ...node,
    name: `${path}/${node.name === "" ? node.op : node.name}`,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: node.attributes.flatMap((attribute) => resolve(attribute, given)),
  }));
  // An output that is an input as well is made by no node.
  const passed = called.outputs.flatMap((name, i): NodeProto[] => {
    const output = call.outputs[i] ?? "";
    if (!called.inputs.includes(name) || output === "") return [];
    return [{ name: path, op: "Identity", domain: "", inputs: [rename(name)], outputs: [output], attributes: [] }];
  });
  return [...nodes, ...passed];
}

/** An attribute that refers to one of the call's, which may be absent. */
function resolve(attribute: AttributeProto, given: ReadonlyMap<string, AttributeProto>): readonly AttributeProto[] {
  if (attribute.kind !== "reference") return [attribute];
  const value = given.get(attribute.value);
  return value ? [{ ...value, name: attribute.name }] : [];
}
