/**
 * ONNX models as modules: their initializers are variables, and `apply` writes their operators into the computation at hand, so that an
 * imported model runs, is differentiated and fine-tuned like one of our own.
 *
 * Read are models of opset 7 and later whose operators are in the union or in `import-rules.ts`.
 */

import { VitrineError } from "../errors.ts";
import { type Shape, symbol } from "../graph/dim.ts";
import { type DType, dtypeOfCode, isFloat } from "../graph/dtype.ts";
import { constantValue, type Graph, inputValue, makeVariable } from "../graph/graph.ts";
import { isOpName, operatorSpec } from "../graph/ops.ts";
import type { Value, Variable } from "../graph/value.ts";
import { arrayOfTensor, type ExternalFiles } from "./decode-tensors.ts";
import { type AttributeValue, ImportContext, readAttributes, settle } from "./import-context.ts";
import { harmless, type ImportRule, importRules, microsoftRules } from "./import-rules.ts";
import { inlineFunctions, versionsOf } from "./inline-functions.ts";
import { parseDim } from "./parse-dim.ts";
import { readModel } from "./read-messages.ts";
import type { ModelProto, NodeProto, ValueInfoProto } from "./schema.ts";

/** What stands beside the file. */
export interface DecodeOptions {
  /** Bytes of the files that large tensors lie in, by the location that the model gives. */
  readonly external?: ExternalFiles;
  /** What errors call the model; default `model`. */
  readonly place?: string;
}

/** An input as the file declares it. */
export interface ImportedInput {
  readonly name: string;
  readonly dtype: DType;
  /** Named sizes as symbols, nameless ones as symbols named after the input; `undefined` where not even the rank is known. */
  readonly shape: Shape | undefined;
}

/** A model from a file. */
export interface ImportedModel {
  readonly inputs: readonly ImportedInput[];
  readonly outputNames: readonly string[];
  /** Floating-point initializers of rank 1 and more, under their names. */
  readonly variables: readonly Variable[];
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * The model's outputs on these inputs; sizes flow from the given values, not from the file.
   * @throws {VitrineError} INVALID_ARGUMENT for missing or unknown inputs, SHAPE_MISMATCH where an operator cannot take the sizes.
   */
  apply(inputs: Readonly<Record<string, Value>>): Record<string, Value>;
  /** The model as a graph of its declared inputs. */
  graph(): Graph;
}

interface PlannedNode {
  readonly node: NodeProto;
  readonly version: number;
  readonly rule: ImportRule | undefined;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/**
 * Reads a model.
 * @throws {VitrineError} INVALID_FILE when the bytes are no ONNX model, UNSUPPORTED_OPERATOR naming every operator and attribute
 * that vitrine does not have.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): ImportedModel {
  const { place = "model", external = new Map() } = options;
  return importModel(readModel(bytes, place), external, place);
}

/** The same for a model that is parsed already. */
export function importModel(model: ModelProto, external: ExternalFiles, place: string): ImportedModel {
  const { graph } = model;
  const plan = planNodes(model, external, place);
  const settings = settingNames(plan);
  const leaves = new Map<string, Value>();
  const variables: Variable[] = [];
  for (const tensor of graph.initializers) {
    const array = arrayOfTensor(tensor, external, place);
    if (isFloat(array.dtype) && array.shape.length > 0 && !settings.has(tensor.name)) {
      const variable = makeVariable(tensor.name, array.dtype, array.shape, () => array);
      variables.push(variable);
      leaves.set(tensor.name, variable.value);
    } else leaves.set(tensor.name, constantValue(array));
  }
  const inputs = graph.inputs.filter(({ name }) => !leaves.has(name)).map((info) => importedInput(info, place));
  const outputNames = graph.outputs.map(({ name }) => name);

  const apply = (given: Readonly<Record<string, Value>>): Record<string, Value> => {
    checkInputs(inputs, given, place);
    const values = new Map<string, Value>([...leaves, ...Object.entries(given)]);
    const read = (name: string, reader: string): Value | undefined => {
      if (name === "") return undefined;
      const value = values.get(name);
      if (value) return value;
      throw new VitrineError("INVALID_FILE", {
        rule: "every value that is read must be made before",
        evidence: `"${name}" is not`,
        place: `${place}, ${reader}`,
      });
    };
    for (const { node, version, rule, attributes } of plan) {
      const nodeInputs = node.inputs.map((name) => read(name, node.name || node.op));
      const context = new ImportContext(node, version, attributes, nodeInputs);
      const outputs = rule ? rule.build(context) : context.same();
      for (const [i, name] of node.outputs.entries()) {
        if (name === "") continue;
        const value = outputs[i] ?? context.fail(`output ${i} is not available`);
        values.set(name, settle(value));
      }
    }
    return Object.fromEntries(outputNames.map((name) => [name, read(name, "outputs")!]));
  };

  return {
    inputs,
    outputNames,
    variables,
    metadata: model.metadata,
    apply,
    graph() {
      const values = inputs.map(({ name, dtype, shape }) => {
        if (shape) return inputValue(name, dtype, shape);
        throw new VitrineError("INVALID_FILE", {
          rule: "an input must declare its axes",
          place: `${place}, "${name}"`,
        });
      });
      const outputs = apply(Object.fromEntries(values.map((value, i) => [inputs[i]!.name, value])));
      return { inputs: values, outputs: new Map(Object.entries(outputs)), updates: new Map() };
    },
  };
}

/** Finds the rule and the attributes of every node, and reports all that is missing at once. */
function planNodes(model: ModelProto, external: ExternalFiles, place: string): readonly PlannedNode[] {
  const opset = versionsOf(model.opsets).get("") ?? 0;
  if (opset < 7)
    throw new VitrineError("UNSUPPORTED_OPERATOR", {
      rule: "import: models of operator set 7 and later are read",
      evidence: `got ${opset}`,
      place,
      next: "convert it with onnx.version_converter",
    });
  const problems = new Map<string, string[]>();
  const report = (what: string, node: NodeProto): void => {
    const names = problems.get(what) ?? [];
    problems.set(what, [...names, node.name || node.outputs[0] || "unnamed"]);
  };
  const flat = inlineFunctions(model, isKnown, place);
  const plan = flat.map(({ node, versions }): PlannedNode => {
    const rule = ruleOf(node);
    const spec = specOf(node);
    if (!isKnown(node)) report(node.domain === "" ? node.op : `${node.domain}::${node.op}`, node);
    const attributes = readAttributes(node, (tensor) => arrayOfTensor(tensor, external, place));
    const allowed = [...Object.keys(spec?.attributes ?? {}), ...(rule?.attributes ?? [])];
    for (const { name, kind } of node.attributes) {
      if (!isKnown(node)) break;
      const isRead = allowed.includes(name) ? kind !== "other" : harmless[name]?.(attributes.get(name)) === true;
      if (!isRead) report(`attribute ${name} of ${node.op}`, node);
    }
    return { node, version: versions.get(node.domain) ?? opset, rule, attributes };
  });
  if (model.graph.sparseInitializers > 0) problems.set("sparse initializers", [String(model.graph.sparseInitializers)]);
  if (problems.size > 0)
    throw new VitrineError("UNSUPPORTED_OPERATOR", {
      rule: "import: every operator and attribute must be one that vitrine has",
      evidence: `not there: ${[...problems].map(([what, names]) => `${what} × ${names.length} (${some(names)})`).join("; ")}`,
      place,
    });
  return plan;
}

function isKnown(node: NodeProto): boolean {
  return ruleOf(node) !== undefined || specOf(node) !== undefined;
}

function ruleOf({ domain, op }: NodeProto): ImportRule | undefined {
  const rules = domain === "" ? importRules : domain === "com.microsoft" ? microsoftRules : {};
  return Object.hasOwn(rules, op) ? rules[op] : undefined;
}

/** The union's operator of this name and domain. */
function specOf({ domain, op }: NodeProto): ReturnType<typeof operatorSpec> | undefined {
  const spec = isOpName(op) ? operatorSpec(op) : undefined;
  return (spec?.domain ?? "") === domain ? spec : undefined;
}

function some(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
}

/** Inputs that are settings of an operator rather than weights, by operator and position. */
const settingInputs: Readonly<Record<string, readonly number[]>> = {
  Resize: [1, 2, 3],
  Upsample: [1],
  Clip: [1, 2],
  Pad: [2],
  Dropout: [1, 2],
  Range: [0, 1, 2],
  OneHot: [1, 2],
  QuantizeLinear: [1],
  DequantizeLinear: [1],
  DynamicQuantizeMatMul: [2],
  MatMulNBits: [2],
};

function settingNames(nodes: readonly PlannedNode[]): ReadonlySet<string> {
  return new Set(nodes.flatMap(({ node: { op, inputs } }) => (settingInputs[op] ?? []).map((i) => inputs[i] ?? "")));
}

function importedInput({ name, dataType, shape }: ValueInfoProto, place: string): ImportedInput {
  if (dataType === undefined)
    throw new VitrineError("UNSUPPORTED_OPERATOR", {
      rule: "import: inputs must be arrays",
      place: `${place}, "${name}"`,
    });
  const dims = shape?.map((dim, axis) =>
    typeof dim === "number"
      ? dim
      : dim === undefined
        ? symbol(identifier(`${name}_${axis}`))
        : (parseDim(dim) ?? symbol(identifier(dim))),
  );
  return { name, dtype: dtypeOfCode(dataType, `${place}, "${name}"`), shape: dims };
}

function identifier(text: string): string {
  return text.replaceAll(/[^\w.]/g, "_").replace(/^(?![A-Za-z_])/, "_");
}

function checkInputs(inputs: readonly ImportedInput[], given: Readonly<Record<string, Value>>, place: string): void {
  const names = inputs.map(({ name }) => name);
  const missing = names.filter((name) => !Object.hasOwn(given, name));
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (missing.length > 0 || unknown.length > 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `the model takes ${names.join(", ")}`,
      evidence: `missing: ${missing.join(", ") || "none"}; unknown: ${unknown.join(", ") || "none"}`,
      place,
    });
  for (const { name, dtype } of inputs)
    if (given[name]!.dtype !== dtype)
      throw new VitrineError("DTYPE_MISMATCH", {
        rule: `"${name}" must be ${dtype}`,
        evidence: `got ${given[name]!.dtype}`,
        place,
      });
}
