/**
 * The few protobuf messages of ONNX that vitrine reads and writes, as plain objects.
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

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
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeProto[];
  readonly opsets: readonly OperatorSetId[];
  /** Values of attributes that a call does not give. */
  readonly defaults: readonly AttributeProto[];
}

export type AttributeProto =
  | { readonly name: string; readonly kind: "float" | "int"; readonly value: number }
  | { readonly name: string; readonly kind: "string"; readonly value: string }
  | { readonly name: string; readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly name: string; readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly name: string; readonly kind: "tensor"; readonly value: TensorProto }
  /** Inside a function: the attribute of the call with the name `value`. */
  | { readonly name: string; readonly kind: "reference"; readonly value: string }
  /** Subgraphs, lists of tensors. */
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

/** `AttributeProto.AttributeType`. */
export const attributeType: Readonly<
  Record<"float" | "int" | "string" | "tensor" | "floats" | "ints" | "strings", number>
> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  floats: 6,
  ints: 7,
  strings: 8,
};
