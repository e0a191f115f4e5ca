/**
 * The few protobuf messages of ONNX that vitrine reads and writes, as plain objects.
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { VitrineError } from "../errors.ts";

export interface ModelProto {
  readonly irVersion: number;
  readonly producer: string;
  readonly graph: GraphProto;
  readonly opsets: readonly OperatorSetId[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly functions: readonly FunctionProto[];
}

export interface OperatorSetId {
  readonly domain: string;
  readonly version: number;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  /** Number of initializers in a sparse form, which vitrine does not read. */
  readonly sparseInitializers: number;
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** An absent optional input is an empty name. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** A function of the model: nodes that stand for one operator. */
export interface FunctionProto {
  readonly name: string;
  readonly domain: string;
}

export type AttributeProto =
  | { readonly name: string; readonly kind: "float" | "int"; readonly value: number }
  | { readonly name: string; readonly kind: "string"; readonly value: string }
  | { readonly name: string; readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly name: string; readonly kind: "tensor"; readonly value: TensorProto }
  /** Subgraphs, lists of tensors, references to attributes of functions. */
  | { readonly name: string; readonly kind: "other"; readonly value: number };

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  /** `TensorProto.DataType`. */
  readonly dataType: number;
  /** Little-endian elements; present unless the tensor uses typed fields or lies in another file. */
  readonly raw?: Uint8Array | undefined;
  /** Elements from the typed fields (`float_data`, `int32_data`, `int64_data`, …); 16-bit floats as bits. */
  readonly elements?: readonly (number | bigint)[] | undefined;
  /** Entries of `external_data`, when the elements lie in another file. */
  readonly external?: ReadonlyMap<string, string> | undefined;
}

export interface ValueInfoProto {
  readonly name: string;
  /** `undefined` for sequences, maps and values without a type. */
  readonly dataType: number | undefined;
  /** Numbers, names, or `undefined` for sizes of which nothing is said; `undefined` as a whole where the rank is unknown. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

// Writing: each function returns the body of its message.

export function writeOperatorSetId({ domain, version }: OperatorSetId): Uint8Array {
  const writer = new BinaryWriter();
  if (domain !== "") writer.tag(1, WireType.LengthDelimited).string(domain);
  return writer.tag(2, WireType.Varint).int64(version).finish();
}

export function writeEntry(key: string, value: string): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(key)
    .tag(2, WireType.LengthDelimited)
    .string(value)
    .finish();
}

export function writeNode(node: NodeProto): Uint8Array {
  const writer = new BinaryWriter();
  for (const input of node.inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  for (const output of node.outputs) writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(node.name);
  writer.tag(4, WireType.LengthDelimited).string(node.op);
  for (const attribute of node.attributes) writer.tag(5, WireType.LengthDelimited).bytes(writeAttribute(attribute));
  if (node.domain !== "") writer.tag(7, WireType.LengthDelimited).string(node.domain);
  return writer.finish();
}

function writeAttribute(attribute: AttributeProto): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(attribute.name);
  switch (attribute.kind) {
    case "float":
      writer.tag(2, WireType.Bit32).float(attribute.value);
      break;
    case "int":
      writer.tag(3, WireType.Varint).int64(attribute.value);
      break;
    case "string":
      writer.tag(4, WireType.LengthDelimited).string(attribute.value);
      break;
    case "tensor":
      writer.tag(5, WireType.LengthDelimited).bytes(writeTensor(attribute.value));
      break;
    case "floats":
      for (const value of attribute.value) writer.tag(7, WireType.Bit32).float(value);
      break;
    case "ints":
      for (const value of attribute.value) writer.tag(8, WireType.Varint).int64(value);
      break;
    case "other":
      throw new VitrineError("UNSUPPORTED_OPERATOR", { rule: `attribute "${attribute.name}" cannot be written` });
  }
  return writer.tag(20, WireType.Varint).int32(attributeType[attribute.kind]).finish();
}

/** All of a tensor but `raw_data`, which the caller appends when it is large; `raw_data`'s tag and length are `writeRawHead`. */
export function writeTensorHead({ name, dims, dataType, external }: TensorProto): Uint8Array {
  const writer = new BinaryWriter();
  for (const dim of dims) writer.tag(1, WireType.Varint).int64(dim);
  writer.tag(2, WireType.Varint).int32(dataType);
  if (name !== "") writer.tag(8, WireType.LengthDelimited).string(name);
  if (external) {
    for (const [key, value] of external) writer.tag(13, WireType.LengthDelimited).bytes(writeEntry(key, value));
    writer.tag(14, WireType.Varint).int32(1);
  }
  return writer.finish();
}

function writeTensor(tensor: TensorProto): Uint8Array {
  const writer = new BinaryWriter().raw(writeTensorHead(tensor));
  if (tensor.raw) writer.tag(9, WireType.LengthDelimited).bytes(tensor.raw);
  return writer.finish();
}

export function writeValueInfo({ name, dataType, shape }: ValueInfoProto): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(dataType ?? 0);
  if (shape) {
    writer.tag(2, WireType.LengthDelimited).fork();
    for (const dim of shape) {
      writer.tag(1, WireType.LengthDelimited).fork();
      if (typeof dim === "number") writer.tag(1, WireType.Varint).int64(dim);
      else if (dim !== undefined) writer.tag(2, WireType.LengthDelimited).string(dim);
      writer.join();
    }
    writer.join();
  }
  return writer.join().join().finish();
}

/** Tag and length of a field whose body of `length` bytes follows in other chunks. */
export function writeHead(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

/** A message of one varint field or more small fields, written by the caller. */
export function writeFields(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

// Reading. A reader of a message calls `field` for each field; unknown fields are skipped.

type Field = (reader: BinaryReader, wire: WireType) => void;

function readMessage(bytes: Uint8Array, fields: Readonly<Record<number, Field>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wire);
    else reader.skip(wire, number);
  }
}

/** Repeated numbers, packed or not. */
function repeated<T>(into: T[], read: (reader: BinaryReader) => T): Field {
  return (reader, wire) => {
    if (wire !== WireType.LengthDelimited) {
      into.push(read(reader));
      return;
    }
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) into.push(read(reader));
  };
}

const integer = (reader: BinaryReader): number => Number(reader.int64());

/**
 * Reads a model.
 * @throws {VitrineError} INVALID_FILE when the bytes are not a protobuf of this form.
 */
export function readModel(bytes: Uint8Array, place: string): ModelProto {
  let irVersion = 0;
  let producer = "";
  let graph: GraphProto | undefined;
  const opsets: OperatorSetId[] = [];
  const metadata = new Map<string, string>();
  const functions: FunctionProto[] = [];
  try {
    readMessage(bytes, {
      1: (r) => (irVersion = integer(r)),
      2: (r) => (producer = r.string()),
      7: (r) => (graph = readGraph(r.bytes())),
      8: (r) => opsets.push(readOperatorSetId(r.bytes())),
      14: (r) => readEntryInto(metadata, r.bytes()),
      25: (r) => functions.push(readFunction(r.bytes())),
    });
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("INVALID_FILE", {
      rule: "onnx: the bytes must be an ONNX model",
      evidence: cause instanceof Error ? cause.message : String(cause),
      place,
      cause,
    });
  }
  if (!graph || opsets.length === 0)
    throw new VitrineError("INVALID_FILE", {
      rule: "onnx: a model has a graph and an operator set",
      evidence: graph ? "got no operator set" : "got no graph",
      place,
    });
  return { irVersion, producer, graph, opsets, metadata, functions };
}

function readEntryInto(map: Map<string, string>, bytes: Uint8Array): void {
  let key = "";
  let value = "";
  readMessage(bytes, { 1: (r) => (key = r.string()), 2: (r) => (value = r.string()) });
  map.set(key, value);
}

function readOperatorSetId(bytes: Uint8Array): OperatorSetId {
  let domain = "";
  let version = 0;
  readMessage(bytes, { 1: (r) => (domain = r.string()), 2: (r) => (version = integer(r)) });
  return { domain, version };
}

function readFunction(bytes: Uint8Array): FunctionProto {
  let name = "";
  let domain = "";
  readMessage(bytes, { 1: (r) => (name = r.string()), 10: (r) => (domain = r.string()) });
  return { name, domain };
}

function readGraph(bytes: Uint8Array): GraphProto {
  let name = "";
  let sparseInitializers = 0;
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const inputs: ValueInfoProto[] = [];
  const outputs: ValueInfoProto[] = [];
  readMessage(bytes, {
    1: (r) => nodes.push(readNode(r.bytes())),
    2: (r) => (name = r.string()),
    5: (r) => initializers.push(readTensor(r.bytes())),
    11: (r) => inputs.push(readValueInfo(r.bytes())),
    12: (r) => outputs.push(readValueInfo(r.bytes())),
    15: (r) => {
      r.bytes();
      sparseInitializers++;
    },
  });
  return { name, nodes, initializers, sparseInitializers, inputs, outputs };
}

function readNode(bytes: Uint8Array): NodeProto {
  let name = "";
  let op = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: AttributeProto[] = [];
  readMessage(bytes, {
    1: (r) => inputs.push(r.string()),
    2: (r) => outputs.push(r.string()),
    3: (r) => (name = r.string()),
    4: (r) => (op = r.string()),
    5: (r) => attributes.push(readAttribute(r.bytes())),
    7: (r) => (domain = r.string()),
  });
  return { name, op, domain: domain === "ai.onnx" ? "" : domain, inputs, outputs, attributes };
}

function readAttribute(bytes: Uint8Array): AttributeProto {
  let name = "";
  let type = 0;
  let float = 0;
  let int = 0;
  let string = "";
  let tensor: TensorProto | undefined;
  let reference = "";
  const floats: number[] = [];
  const ints: number[] = [];
  readMessage(bytes, {
    1: (r) => (name = r.string()),
    2: (r) => (float = r.float()),
    3: (r) => (int = integer(r)),
    4: (r) => (string = new TextDecoder().decode(r.bytes())),
    5: (r) => (tensor = readTensor(r.bytes())),
    7: repeated(floats, (r) => r.float()),
    8: repeated(ints, integer),
    20: (r) => (type = r.int32()),
    21: (r) => (reference = r.string()),
  });
  if (reference !== "") return { name, kind: "other", value: type };
  switch (type) {
    case attributeType.float:
      return { name, kind: "float", value: shortest(float) };
    case attributeType.int:
      return { name, kind: "int", value: int };
    case attributeType.string:
      return { name, kind: "string", value: string };
    case attributeType.floats:
      return { name, kind: "floats", value: floats.map(shortest) };
    case attributeType.ints:
      return { name, kind: "ints", value: ints };
    case attributeType.tensor:
      if (tensor) return { name, kind: "tensor", value: tensor };
  }
  return { name, kind: "other", value: type };
}

/** The shortest decimal that is the same float32: 1e-5 rather than 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}

/** Reads one tensor, as ONNX test data holds them. */
export function readTensor(bytes: Uint8Array): TensorProto {
  let name = "";
  let dataType = 0;
  let raw: Uint8Array | undefined;
  let location = 0;
  const dims: number[] = [];
  const elements: (number | bigint)[] = [];
  const external = new Map<string, string>();
  readMessage(bytes, {
    1: repeated(dims, integer),
    2: (r) => (dataType = r.int32()),
    4: repeated<number | bigint>(elements, (r) => r.float()),
    5: repeated<number | bigint>(elements, (r) => r.int32()),
    7: repeated<number | bigint>(elements, (r) => BigInt(r.int64())),
    8: (r) => (name = r.string()),
    9: (r) => (raw = r.bytes()),
    10: repeated<number | bigint>(elements, (r) => r.double()),
    11: repeated<number | bigint>(elements, (r) => BigInt(r.uint64())),
    13: (r) => readEntryInto(external, r.bytes()),
    14: (r) => (location = r.int32()),
  });
  if (location === 1) return { name, dims, dataType, external };
  return raw ? { name, dims, dataType, raw } : { name, dims, dataType, elements };
}

function readValueInfo(bytes: Uint8Array): ValueInfoProto {
  let name = "";
  let dataType: number | undefined;
  let shape: (number | string | undefined)[] | undefined;
  readMessage(bytes, {
    1: (r) => (name = r.string()),
    2: (r) =>
      readMessage(r.bytes(), {
        1: (tensorType) =>
          readMessage(tensorType.bytes(), {
            1: (t) => (dataType = t.int32()),
            2: (t) => {
              const sizes: (number | string | undefined)[] = [];
              readMessage(t.bytes(), { 1: (d) => sizes.push(readDimension(d.bytes())) });
              shape = sizes;
            },
          }),
      }),
  });
  return { name, dataType, shape };
}

function readDimension(bytes: Uint8Array): number | string | undefined {
  let size: number | string | undefined;
  readMessage(bytes, { 1: (r) => (size = integer(r)), 2: (r) => (size = r.string()) });
  return size === "" ? undefined : size;
}
