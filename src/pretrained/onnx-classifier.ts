/** Somebody else's image classifier from an `.onnx` file: its graph up to the last linear map as a trunk that learns, and that map as a head of ours. */

import { VitrineError } from "../errors.ts";
import { symbol } from "../graph/dim.ts";
import type { Variable } from "../graph/value.ts";
import type { ImageClassifier, ImageClassifierConfig } from "../models/classifier.ts";
import { Linear } from "../nn/linear.ts";
import { Buffer, Module, Parameter } from "../nn/module.ts";
import { type ImportedModel, importModel } from "../onnx/decode.ts";
import { arrayOfTensor } from "../onnx/decode-tensors.ts";
import type { GraphProto, ModelProto } from "../onnx/schema.ts";
import { input, Tensor, tap } from "../tensor/index.ts";
import { toCamelCase } from "../weights/names.ts";
import { endOf, partUpTo, statisticsOf } from "./onnx-head.ts";

/** What was made of a graph, for people. */
export interface Remark {
  readonly what: string;
  readonly value: string;
  readonly reason: string;
}

/** What is known of a file besides its graph. */
export interface OnnxClassifierOptions {
  /** Channels, high, wide: what the preprocessing gives. */
  readonly inputSize: readonly [number, number, number];
  /** As many outputs of a new head; without it the file's own head stays. */
  readonly newHead?: number | undefined;
  /** What errors call the file. */
  readonly place: string;
}

/** Images in, logits out, by the operators of a file. */
export class OnnxClassifier extends Module implements ImageClassifier {
  readonly config: ImageClassifierConfig;
  /** A graph does not say what its values mean. */
  readonly tokens: undefined;
  readonly stages: readonly never[] = [];
  readonly trunk: Trunk;
  /** The last linear map; undefined where the graph ends otherwise and keeps its own end. */
  readonly head: Linear | undefined;
  /** What was decided about the graph. */
  readonly remarks: readonly Remark[];

  /**
   * @param model its tensors in the file itself, as `readModelFile` gives it
   * @throws {VitrineError} UNSUPPORTED_OPERATOR for operators that are not here; INVALID_FILE for a graph that is no classifier of images of the given
   * size in batches of any number, or whose weights are no float32.
   */
  constructor(model: ModelProto, { inputSize, newHead, place }: OnnxClassifierOptions) {
    super();
    const { graph } = model;
    const { logits, leftOut, head, last } = endOf(graph);
    const statistics = statisticsOf(graph);
    const imported = (part: GraphProto): ImportedModel => importModel({ ...model, graph: part }, new Map(), place);
    const whole = new Trunk(imported(partUpTo(graph, logits)), statistics, place);
    const scores = whole.outputShape(inputSize, place);
    if (scores.length !== 2 || typeof scores[1] !== "number")
      throw refused("the first output must be scores [b, labels]", `got [${scores.join(", ")}]`, place);
    const trunk = head ? new Trunk(imported(partUpTo(graph, head.features)), statistics, place) : whole;
    const features = trunk.outputShape(inputSize, place);
    const isRow = head !== undefined && features.length === 2 && typeof features[1] === "number";
    this.trunk = isRow ? trunk : whole;
    const labels = newHead ?? scores[1];
    const width = isRow ? (features[1] as number) : scores[1];
    if (isRow || newHead !== undefined)
      this.head = new Linear(width, labels, { bias: newHead !== undefined || head?.bias !== undefined });
    if (isRow && newHead === undefined) {
      const read = (name: string) =>
        arrayOfTensor(graph.initializers.find((one) => one.name === name)!, new Map(), place);
      const weight = read(head.weight);
      this.head!.weight.variable.data = head.transposed ? weight : turned(weight.data as Float32Array, width, labels);
      if (head.bias !== undefined) this.head!.bias!.variable.data = read(head.bias);
    }
    const [channels, high, wide] = inputSize;
    this.config = { imageSize: [high, wide], channels, labels, dropPath: 0 };
    this.remarks = [
      ...(newHead === undefined
        ? []
        : [
            isRow
              ? {
                  what: "head",
                  value: "new",
                  reason: `in place of ${head.name}, the last linear map before the scores`,
                }
              : {
                  what: "head",
                  value: "new",
                  reason: `on top of the ${scores[1]} scores: the graph ends with ${last}, not with a linear map that could be replaced`,
                },
          ]),
      ...(leftOut === undefined
        ? []
        : [{ what: "output", value: `before ${leftOut}`, reason: "scores are learnt and compared as logits" }]),
      ...(statistics.size === 0
        ? []
        : [
            {
              what: "statistics",
              value: "kept",
              reason: `the file has ${statistics.size / 2} BatchNormalization in their form for use: their scales and shifts learn, their statistics do not`,
            },
          ]),
    ];
  }

  /** Images [b, c, H, W] → logits [b, labels]. Taps: `pooled`, what the head reads. */
  forward(images: Tensor): Tensor {
    const features = this.trunk.forward(images); // [b, d]
    return this.head ? this.head.forward(tap("pooled", features)) : features;
  }
}

/** The operators of a file, their weights as fields under the file's names. */
class Trunk extends Module {
  readonly #imported: ImportedModel;

  constructor(imported: ImportedModel, statistics: ReadonlySet<string>, place: string) {
    super();
    this.#imported = imported;
    const taken = new Set<string>(["forward"]);
    for (const variable of imported.variables) {
      if (variable.dtype !== "float32")
        throw refused("weights must be float32", `${variable.name} is ${variable.dtype}`, place);
      // One number is a constant of some formula, such as the scale of an attention.
      const fixed = statistics.has(variable.name) || variable.shape.every((size) => size === 1);
      const member = fixed ? new Buffer(variable) : new Parameter(variable);
      Object.assign(this, { [fieldFor(variable, taken)]: member });
    }
  }

  /** Images [b, c, H, W] → the output. */
  forward(images: Tensor): Tensor {
    const { inputs, outputNames, apply } = this.#imported;
    return new Tensor(apply({ [inputs[0]!.name]: images.value })[outputNames[0]!]!);
  }

  /** Sizes of the output for images of a size, in a batch of any number. */
  outputShape([channels, high, wide]: readonly [number, number, number], place: string): Tensor["shape"] {
    const [images, ...others] = this.#imported.inputs;
    if (!images || others.length > 0)
      throw refused(
        "the model must take images and nothing else",
        `it takes ${this.#imported.inputs.map(({ name }) => name).join(", ") || "nothing"}`,
        place,
      );
    const { shape, dtype } = images;
    if (dtype !== "float32" || (shape && shape.length !== 4))
      throw refused(
        "the input must be images [b, c, H, W] of float32",
        `"${images.name}" is [${shape?.join(", ") ?? ""}] of ${dtype}`,
        place,
      );
    if (typeof shape?.[0] === "number")
      throw refused(
        "the model must take batches of any number of images",
        `the file fixes it at ${shape[0]}`,
        place,
        "export it again with a free first size: `dynamic_shapes`, or `dynamic_axes`, of torch.onnx.export",
      );
    const sizes = [channels, high, wide];
    if (shape?.slice(1).some((size, i) => typeof size === "number" && size !== sizes[i]))
      throw refused(
        `the model takes images of ${shape.slice(1).join(" × ")}`,
        `its preprocessing makes ${sizes.join(" × ")}`,
        place,
        "correct the sizes in preprocessor_config.json",
      );
    return this.forward(input("images", [symbol("b"), ...sizes])).shape;
  }
}

/** A field whose name in checkpoints is the file's, where that has only small letters. */
function fieldFor({ name }: Variable, taken: Set<string>): string {
  const plain = toCamelCase(name.replace(/^trunk\./, "").toLowerCase());
  let field = plain;
  for (let i = 2; taken.has(field); i++) field = `${plain}.${i}`;
  taken.add(field);
  return field;
}

/** [d, labels] → [labels, d]. */
function turned(
  data: Float32Array,
  d: number,
  labels: number,
): { dtype: "float32"; shape: readonly number[]; data: Float32Array } {
  return {
    ...{ dtype: "float32", shape: [labels, d] },
    data: Float32Array.from({ length: d * labels }, (_, i) => data[(i % d) * labels + Math.floor(i / d)]!),
  };
}

function refused(rule: string, evidence: string, place: string, next?: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule, evidence, place, next });
}
