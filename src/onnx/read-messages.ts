/** The messages of an ONNX file from bytes. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { VitrineError } from "../errors.ts";
import {
  type AttributeProto,
  attributeType,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetId,
  type TensorProto,
  type ValueInfoProto,
} from "./schema.ts";

/** Reads one field of a message. */
type Field = (reader: BinaryReader, wire: WireType) => void;

/** Calls the reader of each field; unknown fields are skipped. */
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
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: NodeProto[] = [];
  const opsets: OperatorSetId[] = [];
  const defaults: AttributeProto[] = [];
  readMessage(bytes, {
    1: (r) => (name = r.string()),
    4: (r) => inputs.push(r.string()),
    5: (r) => outputs.push(r.string()),
    7: (r) => nodes.push(readNode(r.bytes())),
    9: (r) => opsets.push(readOperatorSetId(r.bytes())),
    10: (r) => (domain = r.string()),
    11: (r) => defaults.push(readAttribute(r.bytes())),
  });
  return { name, domain, inputs, outputs, nodes, opsets, defaults };
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
  const strings: string[] = [];
  readMessage(bytes, {
    1: (r) => (name = r.string()),
    2: (r) => (float = r.float()),
    3: (r) => (int = integer(r)),
    4: (r) => (string = new TextDecoder().decode(r.bytes())),
    5: (r) => (tensor = readTensor(r.bytes())),
    7: repeated(floats, (r) => r.float()),
    8: repeated(ints, integer),
    9: (r) => strings.push(new TextDecoder().decode(r.bytes())),
    20: (r) => (type = r.int32()),
    21: (r) => (reference = r.string()),
  });
  if (reference !== "") return { name, kind: "reference", value: reference };
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
    case attributeType.strings:
      return { name, kind: "strings", value: strings };
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
