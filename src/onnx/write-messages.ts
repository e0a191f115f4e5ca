/** The messages of an ONNX file as bytes: each function returns the body of its message. */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { VitrineError } from "../errors.ts";
import {
  type AttributeProto,
  attributeType,
  type NodeProto,
  type OperatorSetId,
  type TensorProto,
  type ValueInfoProto,
} from "./schema.ts";

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
    case "strings":
      for (const value of attribute.value) writer.tag(9, WireType.LengthDelimited).string(value);
      break;
    case "reference":
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
