/** Where in a step numbers stop being finite: the step is computed again, and every value on the way is looked at. */

import { compile } from "../compile/index.ts";
import { grad } from "../gradient/index.ts";
import { type NdArray, sizeOf } from "../graph/dtype.ts";
import { topologicalOrder } from "../graph/graph.ts";
import type { Key } from "../graph/random.ts";
import type { Node, Value } from "../graph/value.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { scalar, stack, sum, Tensor, withRepeat } from "../tensor/index.ts";
import type { LearningBatch, Lesson } from "./lesson.ts";

/** The first place where a number is not finite, as far as it can be found. */
export interface Origin {
  /** What is not finite: a name of an input or a parameter, or the path of a module (`blocks.3.attn`; empty outside of all). */
  readonly place: string;
  /**
   * `input` and `parameter`: it was so before the step. `forward` and `backward`: an operator there made it so from finite numbers. `squares`: all
   * values are finite, but the gradients' squares are not. `lost`: the weights from before the step are no longer there.
   */
  readonly kind: "input" | "parameter" | "forward" | "backward" | "squares" | "lost";
  /** ONNX's name of the operator. */
  readonly operator?: string | undefined;
}

/** The origin in words. */
export function originText({ place, kind, operator }: Origin): string {
  if (kind === "input") return `the input "${place}" is not finite`;
  if (kind === "parameter") return `the parameter ${place} is not finite`;
  if (kind === "squares") return "every gradient is finite, their squares are not";
  if (kind === "lost") return "where it begins is not known: this device keeps no weights from before a step";
  const where = place === "" ? "outside of all modules" : place;
  return `it begins in the ${kind} pass, in ${where} (${operator})`;
}

/**
 * Looks for the first value that is not finite when the model, as it is now, learns from a batch.
 * @param feeds what a step of this batch is fed, without the optimiser's scalars
 * @returns `undefined` when all values of loss and gradients are finite
 */
export async function findOrigin<B extends LearningBatch>(
  lesson: Lesson<B>,
  runtime: Runtime,
  feeds: Readonly<Record<string, NdArray>>,
  key: Key,
): Promise<Origin | undefined> {
  for (const [place, array] of Object.entries(feeds)) if (!allFinite(array)) return { place, kind: "input" };
  for (const [place, { variable }] of lesson.model.parameters())
    if (!allFinite(variable.data)) return { place, kind: "parameter" };
  const { parts } = lesson;
  const size = Object.values(feeds)[0]!.shape[0]!;
  for (let part = 0; part < parts; part++) {
    const begin = Math.floor((size * part) / parts);
    const end = Math.floor((size * (part + 1)) / parts);
    const rows = Object.entries(feeds).map(([name, array]) => [name, rowsOf(array, begin, end)] as const);
    // The name of the repeat is the step's own, so that the random numbers are too.
    const found = await originInPart(lesson, runtime, Object.fromEntries(rows), parts > 1 ? `part${part}` : "", key);
    if (found) return found;
  }
  return undefined;
}

async function originInPart<B extends LearningBatch>(
  lesson: Lesson<B>,
  runtime: Runtime,
  feeds: Readonly<Record<string, NdArray>>,
  repeat: string,
  key: Key,
): Promise<Origin | undefined> {
  const parameters = [...lesson.parameters.values()];
  let values: readonly Value[] = [];
  let ends: readonly Value[] = [];
  let forward: ReadonlySet<Node> = new Set();
  const specs = Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
  await using probe = await compile(
    (inputs) => {
      const { loss } = withRepeat(repeat, () => lesson.means(inputs));
      forward = new Set(topologicalOrder([loss.value]));
      ends = [loss.value, ...grad(loss, parameters).map(({ value }) => value)];
      values = topologicalOrder(ends)
        .flatMap(({ outputs }) => outputs)
        .filter(({ dtype }) => dtype === "float32");
      // Zero times what is not finite is NaN, and a sum keeps it.
      const sums = values.map((value) => sum(new Tensor(value).mul(0)));
      return { sums: stack([scalar(0), ...sums], 0) };
    },
    specs,
    { runtime, variables: "live", rewrite: false },
  );
  const { sums } = await probe.run(feeds, { key });
  const bad = new Set(values.filter((_, i) => !Number.isFinite(Number(sums!.data[i + 1]))));
  const node = firstCause(ends, bad);
  return node && { place: node.scope, kind: forward.has(node) ? "forward" : "backward", operator: node.op };
}

/**
 * The earliest node with finite inputs among those through which the ends became bad. Masks hold −∞ on purpose: a bad value that no end
 * suffers from is none.
 */
function firstCause(ends: readonly Value[], bad: ReadonlySet<Value>): Node | undefined {
  for (const end of ends) {
    if (!bad.has(end)) continue;
    let current = end;
    for (;;) {
      const node = current.source.kind === "node" ? current.source.node : undefined;
      const before = node?.inputs.find((input) => input && bad.has(input));
      if (!before) return node;
      current = before;
    }
  }
  return undefined;
}

function rowsOf({ dtype, shape, data }: NdArray, begin: number, end: number): NdArray {
  const size = sizeOf(shape.slice(1));
  return { dtype, shape: [end - begin, ...shape.slice(1)], data: data.slice(begin * size, end * size) };
}

function allFinite({ dtype, data }: NdArray): boolean {
  return dtype !== "float32" || (data as Float32Array).every(Number.isFinite);
}
