/** Where the head of somebody else's classifier begins: the last linear map before the scores. */

import type { GraphProto, NodeProto } from "../onnx/schema.ts";

/** The last linear map of a graph. */
export interface FoundHead {
  /** The value that it reads. */
  readonly features: string;
  /** Initializer with the weights, [d, labels], or [labels, d] where `transposed`. */
  readonly weight: string;
  readonly transposed: boolean;
  /** Initializer with [labels]. */
  readonly bias: string | undefined;
  /** The node's name, for people. */
  readonly name: string;
}

/** What stands at the end of a graph. */
export interface GraphEnd {
  /** The value with the logits: what the output is, or what its last Softmax reads. */
  readonly logits: string;
  /** The operator that was left out behind the logits. */
  readonly leftOut: string | undefined;
  readonly head: FoundHead | undefined;
  /** The operator that gives the logits. */
  readonly last: string;
}

/** Operators behind logits: a loss brings its own. */
const behindLogits: readonly string[] = ["Softmax", "LogSoftmax", "Sigmoid"];
/** Operators that change nothing in use. */
const passing: readonly string[] = ["Identity", "Dropout"];

/** Walks back from a graph's first output. */
export function endOf({ nodes, initializers, outputs }: GraphProto): GraphEnd {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  // Exporters that fold nothing give one name of a tensor to another through Identity.
  const source = (name: string): string => {
    const maker = makers.get(name);
    return maker && passing.includes(maker.op) ? source(maker.inputs[0]!) : name;
  };
  /** A matrix of the file, or its transpose. */
  const matrixAt = (name: string | undefined): { readonly weight: string; readonly turned: boolean } | undefined => {
    const from = source(name ?? "");
    const maker = makers.get(from);
    if (maker?.op === "Transpose" && rankOf(maker.inputs[0]) === 2)
      return { weight: source(maker.inputs[0]!), turned: true };
    return rankOf(from) === 2 ? { weight: from, turned: false } : undefined;
  };
  const tensors = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const rankOf = (name: string | undefined): number | undefined =>
    name === undefined ? undefined : tensors.get(source(name))?.dims.length;

  let logits = source(outputs[0]!.name);
  let leftOut: string | undefined;
  const behind = makers.get(logits);
  if (behind && behindLogits.includes(behind.op)) {
    leftOut = behind.op;
    logits = source(behind.inputs[0]!);
  }
  const last = makers.get(logits);
  return { logits, leftOut, head: last && headAt(last), last: last?.op ?? "an input" };

  function headAt(node: NodeProto): FoundHead | undefined {
    const name = node.name || node.outputs[0]!;
    if (node.op === "Gemm") {
      const flag = (key: string): number => Number(node.attributes.find((one) => one.name === key)?.value ?? NaN);
      const plain = [flag("alpha"), flag("beta")].every((x) => Number.isNaN(x) || x === 1) && !(flag("transA") > 0);
      const [features, weight, bias] = node.inputs;
      const matrix = matrixAt(weight);
      if (!plain || !matrix || (bias && rankOf(bias) !== 1)) return undefined;
      return {
        ...{ features: features!, weight: matrix.weight, transposed: flag("transB") > 0 !== matrix.turned, name },
        bias: bias ? source(bias) : undefined,
      };
    }
    if (node.op === "MatMul") {
      const matrix = matrixAt(node.inputs[1]);
      if (!matrix) return undefined;
      return { features: node.inputs[0]!, weight: matrix.weight, transposed: matrix.turned, bias: undefined, name };
    }
    if (node.op !== "Add") return undefined;
    const bias = node.inputs.find((one) => rankOf(one) === 1);
    const product = makers.get(source(node.inputs.find((one) => one !== bias) ?? ""));
    if (!bias || product?.op !== "MatMul") return undefined;
    const found = headAt(product);
    return found && { ...found, bias: source(bias) };
  }
}

/** The part of a graph that one of its values needs, with that value as the only output. */
export function partUpTo(graph: GraphProto, output: string): GraphProto {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<string>();
  const waiting = [output];
  while (waiting.length > 0) {
    const name = waiting.pop()!;
    if (needed.has(name)) continue;
    needed.add(name);
    waiting.push(...(makers.get(name)?.inputs ?? []));
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => node.outputs.some((name) => needed.has(name))),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
    outputs: [{ name: output, dataType: undefined, shape: undefined }],
  };
}

/** Initializers with the means and variances of normalisations in their form for use. */
export function statisticsOf({ nodes }: GraphProto): ReadonlySet<string> {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const source = (name: string): string => {
    const maker = makers.get(name);
    return maker?.op === "Identity" ? source(maker.inputs[0]!) : name;
  };
  return new Set(
    nodes.flatMap(({ op, inputs }) => (op === "BatchNormalization" ? inputs.slice(3, 5).map(source) : [])),
  );
}
