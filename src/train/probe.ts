/**
 * Linear probe: the part of a model that stays as it is runs once on each image; only what comes after it is trained, on the stored results.
 *
 * Where the two parts meet is found in the traced graph: at the values that depend on no trained parameter and are read by one that does.
 */

import { compile, type Executable } from "../compile/index.ts";
import { VitrineError } from "../errors.ts";
import { type Dim, equalDims, shapeText } from "../graph/dim.ts";
import { inputValue, substitute, topologicalOrder } from "../graph/graph.ts";
import type { Value, Variable } from "../graph/value.ts";
import { type Buffer, evaluation, Module, type Parameter } from "../nn/module.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { concat, slice, Tensor, trace } from "../tensor/index.ts";
import type { Classifier } from "./objective.ts";

type ImageShape = readonly [channels: number, height: number, width: number];

/**
 * The trained end of a classifier as one of its own, whose images are the features [b, d, 1, 1] that the frozen part makes. Its parameters
 * are the classifier's. Nothing is dropped, in training either.
 */
export class Probe extends Module implements Classifier {
  /** Shape of one image's features: [d, 1, 1]. */
  readonly imageShape: ImageShape;
  readonly #model: Classifier;
  readonly #trained: ReadonlyMap<string, Parameter>;
  readonly #pixels: ImageShape;

  /**
   * @param trained which parameters, by name
   * @param pixels shape of one image
   * @throws {VitrineError} INVALID_ARGUMENT where the frozen part does not make a row of numbers of each image.
   */
  constructor(model: Classifier, trained: (name: string) => boolean, pixels: ImageShape) {
    super();
    this.#model = model;
    this.#trained = new Map([...model.parameters()].filter(([name]) => trained(name)));
    this.#pixels = pixels;
    const { cut } = this.#traced(1);
    this.imageShape = [cut.reduce((sum, value) => sum + widthOf(value, 1), 0), 1, 1];
  }

  override parameters(): ReadonlyMap<string, Parameter> {
    return this.#trained;
  }

  override buffers(): ReadonlyMap<string, Buffer> {
    return new Map();
  }

  override variables(): ReadonlyMap<string, Variable> {
    return new Map([...this.#trained].map(([name, { variable }]) => [name, variable]));
  }

  /** Features [b, d, 1, 1] → logits [b, labels]. */
  forward(features: Tensor): Tensor {
    const b = features.shape[0]!;
    const { cut, logits } = this.#traced(b);
    const places = new Map<Value, Value>();
    let first = 0;
    for (const value of cut) {
      const d = widthOf(value, b);
      places.set(value, slice(features, 1, first, first + d).reshape(value.shape).value);
      first += d;
    }
    const graph = { inputs: [], outputs: new Map([["logits", logits]]), updates: new Map() };
    return new Tensor(substitute(graph, places).outputs.get("logits")!);
  }

  /** Compiles the frozen part: `images` [b, c, H, W] → `features` [b, d]. */
  compileFeatures(runtime: Runtime): Promise<Executable> {
    return compile(
      ({ images }) => {
        const b = images!.shape[0]!;
        const cut = cutBefore(this.#model.forward(images!, evaluation).value, this.#trained.values());
        return {
          features: concat(
            cut.map((value) => new Tensor(value).reshape([b, widthOf(value, b)])),
            1,
          ),
        };
      },
      { images: ["b", ...this.#pixels] },
      { runtime },
    );
  }

  #traced(b: Dim): { readonly cut: readonly Value[]; readonly logits: Value } {
    const images = new Tensor(inputValue("images", "float32", [b, ...this.#pixels]));
    const logits = trace(() => this.#model.forward(images, evaluation)).result.value;
    return { cut: cutBefore(logits, this.#trained.values()), logits };
  }
}

/** The values that come of the images, depend on none of the parameters, and are read together with one that does, in the order of the computation. */
function cutBefore(result: Value, parameters: Iterable<Parameter>): readonly Value[] {
  const moving = new Set<Value>([...parameters].map(({ variable }) => variable.value));
  const still = new Set<Value>();
  const cut = new Set<Value>();
  const isStill = (value: Value | undefined): value is Value =>
    value !== undefined && (still.has(value) || value.source.kind === "input");
  for (const { inputs, outputs } of topologicalOrder([result])) {
    const moves = inputs.some((value) => value && moving.has(value));
    if (moves) for (const value of inputs) if (isStill(value)) cut.add(value);
    if (moves || inputs.some(isStill)) for (const value of outputs) (moves ? moving : still).add(value);
  }
  return [...cut];
}

/** Numbers of one image in a value of the cut. */
function widthOf({ dtype, shape }: Value, b: Dim): number {
  const [first, ...rest] = shape;
  const sizes = rest.filter((size) => typeof size === "number");
  if (dtype === "float32" && sizes.length === rest.length && first !== undefined && equalDims(first, b))
    return sizes.reduce((product, size) => product * size, 1);
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "a probe needs a row of numbers for each image",
    evidence: `got ${dtype} ${shapeText(shape)}`,
    next: "set probeViews to 0",
  });
}
