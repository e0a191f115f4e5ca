/** A compiled function: checks what it is fed, keeps the state of variables between runs, and computes. */

import { VitrineError } from "../errors.ts";
import { evaluateDim, isSymbolic, shapeText } from "../graph/dim.ts";
import type { NdArray } from "../graph/dtype.ts";
import { allocate, sizeOf } from "../graph/dtype.ts";
import { fillKeep } from "../graph/keep.ts";
import { fillUniform, foldIn, type Key } from "../graph/random.ts";
import type { Distribution, Variable } from "../graph/value.ts";
import type { EncodedModel, ModelInput } from "../onnx/encode.ts";
import { isDeviceTensor, type RunArray, type Runtime, type Session, toHost } from "../runtime/runtime.ts";

/** Options of a run. */
export interface RunOptions {
  /** Where the random numbers of this run come from; needed when the function draws any. */
  readonly key?: Key;
  /** Names of the outputs to compute; all without it. */
  readonly fetch?: readonly string[];
}

/** Where the state of one variable lives between runs. */
interface Slot {
  readonly variable: Variable;
  readonly output: string;
  /** New values may overwrite the old ones while the graph still runs. */
  readonly inPlace: boolean;
  /** The array that the next run writes into, when not in place. */
  spare: NdArray | undefined;
  /** The value on the device, where that is where state lives. */
  onDevice: RunArray | undefined;
}

/** A function that is loaded in a runtime. Made by `compile`. */
export class Executable {
  readonly runtime: Runtime;
  readonly model: EncodedModel;
  readonly #session: Session;
  readonly #slots: ReadonlyMap<Variable, Slot>;
  readonly #outputs: readonly string[];
  /** Arrays of random numbers that no run reads now, by input: the next run fills them again. */
  readonly #drawn = new Map<string, Float32Array>();

  constructor(runtime: Runtime, model: EncodedModel, session: Session, inPlace: ReadonlySet<Variable>) {
    this.runtime = runtime;
    this.model = model;
    this.#session = session;
    this.#outputs = model.outputs.filter((o) => o.role === "output").map((o) => o.name);
    this.#slots = new Map(
      model.outputs.flatMap((o) =>
        o.role === "update"
          ? [
              [
                o.variable,
                {
                  variable: o.variable,
                  output: o.name,
                  inPlace: inPlace.has(o.variable),
                  spare: undefined,
                  onDevice: undefined,
                },
              ],
            ]
          : [],
      ),
    );
  }

  /**
   * Computes the outputs, and moves every updated variable on to its new value. On the host that value is `variable.data`, whose array is
   * written again two runs later: copy it to keep it. On a device it stays there until `sync`.
   * @throws {VitrineError} SHAPE_MISMATCH or DTYPE_MISMATCH naming the input and the sizes that were expected.
   */
  async run(
    inputs: Readonly<Record<string, NdArray>>,
    options: RunOptions = {},
  ): Promise<Readonly<Record<string, NdArray>>> {
    const bindings = this.#bind(inputs);
    const feeds = new Map<string, RunArray>();
    for (const slot of this.model.inputs) feeds.set(slot.name, this.#feed(slot, inputs, bindings, options.key));

    const fetches = new Map<string, NdArray | undefined>();
    for (const name of options.fetch ?? this.#outputs) fetches.set(name, undefined);
    const stateOnDevice = this.runtime.device === "webgpu";
    for (const slot of this.#slots.values()) fetches.set(slot.output, stateOnDevice ? undefined : this.#target(slot));

    const results = await this.#session.run(feeds, fetches);
    for (const { name, role } of this.model.inputs)
      if (role === "random") this.#drawn.set(name, (feeds.get(name) as NdArray).data as Float32Array);
    for (const slot of this.#slots.values()) this.#advance(slot, results.get(slot.output)!);
    const outputs: Record<string, NdArray> = {};
    for (const name of options.fetch ?? this.#outputs) outputs[name] = await toHost(results.get(name)!);
    return outputs;
  }

  /** What variables held before the last run, of those whose old array still exists: neither updated in place nor on a device. */
  previous(): ReadonlyMap<Variable, NdArray> {
    return new Map([...this.#slots].flatMap(([variable, { spare }]) => (spare ? [[variable, spare]] : [])));
  }

  /** Brings variables that live on a device back into `variable.data`. */
  async sync(): Promise<void> {
    for (const slot of this.#slots.values()) if (slot.onDevice) slot.variable.data = await toHost(slot.onDevice);
  }

  /** Forgets what lives on the device, so that the next run starts from `variable.data` (after loading a checkpoint). */
  reset(): void {
    for (const slot of this.#slots.values()) {
      if (slot.onDevice && isDeviceTensor(slot.onDevice)) slot.onDevice.dispose();
      slot.onDevice = undefined;
    }
  }

  async dispose(): Promise<void> {
    this.reset();
    await this.#session.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Checks the inputs and finds what their free sizes are in this run. */
  #bind(inputs: Readonly<Record<string, NdArray>>): ReadonlyMap<string, number> {
    const bindings = new Map<string, number>();
    for (const spec of this.model.inputs) {
      if (spec.role !== "input") continue;
      const array = inputs[spec.name];
      const expected = `expected ${spec.dtype} ${shapeText(spec.shape)}`;
      if (!array)
        throw new VitrineError("INVALID_ARGUMENT", {
          rule: `run: the input "${spec.name}" is missing`,
          evidence: expected,
        });
      if (array.dtype !== spec.dtype)
        throw new VitrineError("DTYPE_MISMATCH", {
          rule: `run: ${expected}`,
          evidence: `got ${array.dtype}`,
          place: `input "${spec.name}"`,
        });
      const fits =
        array.shape.length === spec.shape.length &&
        spec.shape.every((dim, i) => {
          const size = array.shape[i]!;
          if (!isSymbolic(dim)) return dim === size;
          const bound = bindings.get(dim.text);
          if (bound === undefined) bindings.set(dim.text, size);
          return bound === undefined || bound === size;
        });
      if (!fits)
        throw new VitrineError("SHAPE_MISMATCH", {
          rule: `run: ${expected}`,
          evidence: `got [${array.shape.join(", ")}]`,
          place: `input "${spec.name}"`,
        });
    }
    return bindings;
  }

  #feed(
    slot: ModelInput,
    inputs: Readonly<Record<string, NdArray>>,
    bindings: ReadonlyMap<string, number>,
    key: Key | undefined,
  ): RunArray {
    if (slot.role === "input") return inputs[slot.name]!;
    if (slot.role === "variable") return this.#slots.get(slot.variable)?.onDevice ?? slot.variable.data;
    if (!key)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "run: a function that draws random numbers needs a key",
        place: slot.site,
      });
    const shape = slot.shape.map((dim) => evaluateDim(dim, bindings));
    const length = sizeOf(shape);
    const spare = this.#drawn.get(slot.name);
    this.#drawn.delete(slot.name);
    const data = spare?.length === length ? spare : new Float32Array(length);
    return { dtype: "float32", shape, data: draw(foldIn(key, slot.site), slot.distribution, data) };
  }

  #target(slot: Slot): NdArray {
    const { variable } = slot;
    if (slot.inPlace) return variable.data;
    slot.spare ??= {
      dtype: variable.dtype,
      shape: variable.shape,
      data: allocate(variable.dtype, sizeOf(variable.shape)),
    };
    return slot.spare;
  }

  #advance(slot: Slot, next: RunArray): void {
    if (isDeviceTensor(next)) {
      if (slot.onDevice && isDeviceTensor(slot.onDevice)) slot.onDevice.dispose();
      slot.onDevice = next;
      return;
    }
    if (!slot.inPlace) slot.spare = slot.variable.data;
    slot.variable.data = next;
  }
}

/** The random numbers of one site in one run. */
function draw(key: Key, distribution: Distribution, into: Float32Array): Float32Array {
  return distribution.kind === "keep" ? fillKeep(key, into, distribution.keep) : fillUniform(key, into);
}
