/**
 * A graph as the bytes of an ONNX model.
 *
 * Nodes and values carry their module's path (`blocks.3.attn/MatMul_2`), so that profiles and errors of the engine are readable.
 * The same graph always gives the same bytes. The opset is the lowest that has all operators of the graph, at least 18: newer revisions
 * of an operator are missing from some devices of the engine.
 */

import { VitrineError } from "../errors.ts";
import { isSymbolic, type Shape } from "../graph/dim.ts";
import { codeOfDType, type DType, type NdArray } from "../graph/dtype.ts";
import { type Graph, leavesOf, rootsOf, topologicalOrder, variablesOf } from "../graph/graph.ts";
import { operatorSpec } from "../graph/ops.ts";
import type { Distribution, Node, Value, Variable } from "../graph/value.ts";
import { encodeAttributes, opsetOf } from "./encode-attributes.ts";
import { bytesOfArray, type TensorFile, writeInitializers } from "./encode-tensors.ts";
import type { NodeProto, ValueInfoProto } from "./schema.ts";
import { SizeNodes } from "./size-nodes.ts";
import { writeEntry, writeFields, writeHead, writeNode, writeOperatorSetId, writeValueInfo } from "./write-messages.ts";

/** What becomes part of the file, and where large tensors go. */
export interface EncodeOptions {
  /** Whether variables become part of the file (default), or inputs that are fed at each run. */
  readonly variables?: "initializers" | "inputs";
  /** Name of the second file that large tensors go to when one file would exceed `maxBytes`; default `model.onnx.data`. */
  readonly externalLocation?: string;
  /** Most bytes of a file before its tensors move to a second one; default 2^31 − 2^20, protobuf's limit with room for the nodes. */
  readonly maxBytes?: number;
  /**
   * `file` (default): as few files as `maxBytes` allows. `memory`: every large tensor as a file of its own that is a view of its array,
   * for a session of this process; loading then takes about half the memory.
   */
  readonly layout?: "file" | "memory";
  /** Entries of `metadata_props`. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** Something the caller feeds. */
export type ModelInput =
  | { readonly role: "input"; readonly name: string; readonly dtype: DType; readonly shape: Shape }
  | {
      readonly role: "variable";
      readonly name: string;
      readonly dtype: DType;
      readonly shape: readonly number[];
      readonly variable: Variable;
    }
  /** Numbers drawn from (key of the run, site). */
  | {
      readonly role: "random";
      readonly name: string;
      readonly dtype: DType;
      readonly shape: Shape;
      readonly site: string;
      readonly distribution: Distribution;
    };

/** Something the caller fetches. */
export type ModelOutput =
  | { readonly role: "output"; readonly name: string; readonly dtype: DType; readonly shape: Shape }
  /** The new value of a variable. */
  | {
      readonly role: "update";
      readonly name: string;
      readonly dtype: DType;
      readonly shape: Shape;
      readonly variable: Variable;
    };

/** An ONNX model in pieces that follow one another; tensors are views of their arrays, not copies. */
export interface EncodedModel {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  /** Further files that hold the large tensors, when they are not in the model's own. */
  readonly files: readonly TensorFile[];
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly ModelOutput[];
  readonly opset: number;
}

/**
 * Writes a graph.
 * @throws {VitrineError} INVALID_ARGUMENT when names of inputs, outputs or variables clash, or a symbolic size is no axis of an input.
 */
export function encodeModel(graph: Graph, options: EncodeOptions = {}): EncodedModel {
  return new Encoder(graph, options).encode();
}

/** The pieces of a file as one array; the piece itself where there is only one. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}

class Encoder {
  readonly #graph: Graph;
  readonly #options: EncodeOptions;
  readonly #opset: number;
  readonly #names = new Map<Value, string>();
  readonly #used = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  readonly #variables = new Set<Variable>();
  readonly #initializers: { readonly name: string; readonly array: NdArray }[] = [];
  readonly #nodes: Uint8Array[] = [];
  readonly #domains = new Set<string>([""]);
  readonly #inputs: ModelInput[] = [];
  readonly #outputs: ModelOutput[] = [];
  readonly #sizes: SizeNodes;

  constructor(graph: Graph, options: EncodeOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#opset = opsetOf(topologicalOrder(rootsOf(graph)));
    this.#sizes = new SizeNodes(
      {
        node: (op, inputs, attributes, label) => {
          const name = this.#unique(label);
          this.#write({ name, op, domain: "", inputs, outputs: [name], attributes });
          return name;
        },
        vector: (values) => this.#vector(values),
      },
      graph.inputs,
    );
  }

  encode(): EncodedModel {
    const roots = rootsOf(this.#graph);
    const order = topologicalOrder(roots);
    const copies = this.#nameEnds();
    const used = new Set<Value>(roots);
    for (const node of order) for (const input of node.inputs) if (input) used.add(input);
    for (const node of order) this.#node(node, used);
    for (const [name, value] of copies) {
      const inputs = [this.#name(value)];
      this.#write({
        name: this.#unique(`${name}/Identity`),
        op: "Identity",
        domain: "",
        inputs,
        outputs: [name],
        attributes: [],
      });
    }
    return this.#assemble();
  }

  /** Names inputs and outputs; returns the outputs that need a copy: leaves, and values that serve two outputs. */
  #nameEnds(): readonly (readonly [string, Value])[] {
    for (const value of this.#graph.inputs) {
      if (value.source.kind !== "input") continue;
      const { name } = value.source;
      this.#reserve(name, "input");
      this.#names.set(value, name);
      this.#inputs.push({ role: "input", name, dtype: value.dtype, shape: value.shape });
    }
    const copies: [string, Value][] = [];
    const end = (name: string, value: Value): void => {
      this.#reserve(name, "output");
      if (value.source.kind === "node" && !this.#names.has(value)) this.#names.set(value, name);
      else copies.push([name, value]);
    };
    const variables = variablesOf(this.#graph);
    for (const [name, value] of this.#graph.outputs) {
      end(name, value);
      this.#outputs.push({ role: "output", name, dtype: value.dtype, shape: value.shape });
    }
    for (const [variable, value] of this.#graph.updates) {
      const name = `next:${variable.name}`;
      end(name, value);
      this.#outputs.push({ role: "update", name, dtype: value.dtype, shape: value.shape, variable });
    }
    for (const variable of variables) this.#reserveVariable(variable);
    for (const value of leavesOf(rootsOf(this.#graph))) this.#nameLeaf(value);
    return copies;
  }

  #reserveVariable(variable: Variable): void {
    if (this.#used.has(variable.name))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "export: a variable cannot have the name of an input or output",
        evidence: `got "${variable.name}"`,
      });
    this.#used.add(variable.name);
  }

  #nameLeaf(value: Value): void {
    const { source, dtype, shape } = value;
    if (source.kind === "variable") {
      const { variable } = source;
      this.#names.set(value, variable.name);
      // Several values may read one variable; it is listed once.
      if (this.#variables.has(variable)) return;
      this.#variables.add(variable);
      if (this.#options.variables === "inputs")
        this.#inputs.push({ role: "variable", name: variable.name, dtype, shape: variable.shape, variable });
      else this.#initializers.push({ name: variable.name, array: variable.data });
    } else if (source.kind === "random") {
      const name = `random:${source.site}`;
      this.#reserve(name, "random site");
      this.#names.set(value, name);
      const { site, distribution } = source;
      this.#inputs.push({ role: "random", name, dtype, shape, site, distribution });
    } else if (source.kind === "input" && !this.#names.has(value))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "export: every input that is used must be listed in the graph's inputs",
        evidence: `"${source.name}" is not`,
      });
  }

  #node(node: Node, used: ReadonlySet<Value>): void {
    const spec = operatorSpec(node.op);
    const inputs = node.inputs.map((value) => (value ? this.#name(value) : ""));
    while (inputs.length > 0 && inputs[inputs.length - 1] === "") inputs.pop();
    const name = this.#unique(`${node.scope === "" ? "" : `${node.scope}/`}${node.op}`);
    const all = needsAllOutputs(node);
    const outputs = node.outputs.map((value, index) => {
      const before = this.#names.get(value);
      if (before !== undefined) return before;
      if (index > 0 && !all && !used.has(value)) return "";
      const output = index === 0 ? name : this.#unique(`${name}:${index}`);
      this.#names.set(value, output);
      return output;
    });
    while (outputs.length > 1 && outputs[outputs.length - 1] === "") outputs.pop();
    const attributes = encodeAttributes(node, this.#opset);
    this.#write({ name, op: node.op, domain: spec.domain ?? "", inputs, outputs, attributes });
  }

  #name(value: Value): string {
    const before = this.#names.get(value);
    if (before !== undefined) return before;
    const { source } = value;
    if (source.kind === "constant") {
      const name = this.#constant(source.data);
      this.#names.set(value, name);
      return name;
    }
    if (source.kind === "sizes") {
      const name = this.#sizes.name(value.known ?? [], value.shape.length === 0);
      this.#names.set(value, name);
      return name;
    }
    throw new Error(`unnamed ${source.kind}`);
  }

  /** The name of an initializer with these contents; small equal ones are shared. */
  #constant(array: NdArray): string {
    const small = array.data.length <= 64;
    const key = small ? `${array.dtype} [${array.shape}] ${textOf(array)}` : "";
    const before = this.#constants.get(key);
    if (small && before !== undefined) return before;
    const name = this.#unique("constant");
    this.#initializers.push({ name, array });
    if (small) this.#constants.set(key, name);
    return name;
  }

  #vector(values: readonly number[]): string {
    return this.#constant({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  #write(node: NodeProto): void {
    this.#domains.add(node.domain);
    this.#nodes.push(writeNode(node));
  }

  #reserve(name: string, what: string): void {
    if (this.#used.has(name))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `export: names of inputs, outputs and random sites must be unique`,
        evidence: `${what} "${name}" is taken`,
      });
    this.#used.add(name);
  }

  #unique(base: string): string {
    for (;;) {
      const count = this.#counts.get(base) ?? 0;
      this.#counts.set(base, count + 1);
      const name = count === 0 ? base : `${base}_${count}`;
      if (!this.#used.has(name)) {
        this.#used.add(name);
        return name;
      }
    }
  }

  #assemble(): EncodedModel {
    const { files, chunks: tensors } = writeInitializers(this.#initializers, {
      maxBytes: this.#options.maxBytes ?? 2 ** 31 - 2 ** 20,
      location: this.#options.externalLocation ?? "model.onnx.data",
      apart: this.#options.layout === "memory",
    });
    const before = writeFields((writer) => {
      for (const node of this.#nodes) writer.raw(writeHead(1, node.byteLength)).raw(node);
      const name = new TextEncoder().encode("vitrine");
      writer.raw(writeHead(2, name.byteLength)).raw(name);
    });
    const after = writeFields((writer) => {
      const ends: readonly (readonly [number, readonly (ModelInput | ModelOutput)[]])[] = [
        [11, this.#inputs],
        [12, this.#outputs],
      ];
      for (const [field, values] of ends)
        for (const value of values) {
          const info = writeValueInfo(valueInfo(value.name, value.dtype, value.shape));
          writer.raw(writeHead(field, info.byteLength)).raw(info);
        }
    });
    const graph = [before, ...tensors, after];
    const graphLength = graph.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    const head = writeFields((writer) => {
      const producer = new TextEncoder().encode("vitrine");
      writer.tag(1, 0).int64(irVersionOf(this.#opset));
      writer.raw(writeHead(2, producer.byteLength)).raw(producer);
      for (const domain of this.#domains) {
        const opset = writeOperatorSetId({ domain, version: domain === "" ? this.#opset : 1 });
        writer.raw(writeHead(8, opset.byteLength)).raw(opset);
      }
      for (const [key, value] of this.#options.metadata ?? []) {
        const entry = writeEntry(key, value);
        writer.raw(writeHead(14, entry.byteLength)).raw(entry);
      }
      writer.raw(writeHead(7, graphLength));
    });
    const chunks = [head, ...graph];
    return {
      chunks,
      byteLength: head.byteLength + graphLength,
      files,
      inputs: this.#inputs,
      outputs: this.#outputs,
      opset: this.#opset,
    };
  }
}

/** Outputs of which none may be left unnamed. */
function needsAllOutputs(node: Node): boolean {
  const spec = operatorSpec(node.op);
  if (spec.outputs[0] === "…" || node.op === "TopK" || node.op === "DynamicQuantizeLinear") return true;
  return node.op === "BatchNormalization" && (node as Node<"BatchNormalization">).attributes.training_mode === 1;
}

/** The oldest version of the file format that knows the opset, as onnx.helper pairs them. */
function irVersionOf(opset: number): number {
  return opset <= 18 ? 8 : opset <= 20 ? 9 : 10;
}

function valueInfo(name: string, dtype: DType, shape: Shape): ValueInfoProto {
  const sizes = shape.map((dim) => (isSymbolic(dim) ? dim.text : dim));
  return { name, dataType: codeOfDType(dtype), shape: sizes };
}

function textOf(array: NdArray): string {
  return String(bytesOfArray(array));
}
