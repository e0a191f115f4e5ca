/**
 * Gradients through time, for recurrences that the engine ran as one operator.
 *
 * Only two things are a chain, one step after another: the state forward, which the operator did, and its gradient backward. All else is done
 * for all steps at once: the gates are made again from the states in one product, what multiplies the gradient at each step follows from
 * them, and the gradients of the weights are one product over all steps. A step back is one product and three to five elementwise operators
 * on [hidden, b]; states stand in columns there, since the engine's products are faster with the tall weights on the left.
 */

import type { Dim } from "../../graph/dim.ts";
import { mulDims } from "../../graph/dim.ts";
import type { Attributes } from "../../graph/ops.ts";
import {
  apply,
  at,
  cast,
  concat,
  equal,
  full,
  gather,
  less,
  scalar,
  sigmoid,
  sizeScalar,
  slice,
  split,
  square,
  stack,
  sum,
  type Tensor,
  tanh,
  unsqueeze,
  where,
} from "../../tensor/index.ts";
import type { GradientContext, GradientRules } from "../rule.ts";

type Recurrent = "RNN" | "GRU" | "LSTM";

export const recurrentRules: GradientRules<Recurrent> = {
  RNN: { chain: (context) => chain(context, plain(activationOf(context, ["Tanh", "Relu"])), 1) },
  GRU: {
    chain: (context) => {
      activationOf(context, ["Sigmoid"], ["Tanh"]);
      if (context.attributes.linear_before_reset !== 1)
        context.fail("the gradient is known where linear_before_reset is 1");
      return chain(context, gated, 3);
    },
  },
  LSTM: {
    chain: (context) => {
      activationOf(context, ["Sigmoid"], ["Tanh"], ["Tanh"]);
      if (context.attributes.input_forget !== 0) context.fail("the gradient is known without input_forget");
      if (context.inputs[7]) context.fail("the gradient is known without peepholes");
      return chain(context, celled, 4);
    },
  },
};

/** One direction of a recurrence, its time in the order in which it was run. */
interface Run {
  /** [t, b, in] */
  readonly x: Tensor;
  /** The states, and those before them: [t, b, h] each. */
  readonly states: Tensor;
  readonly before: Tensor;
  /** [gates · h, in], [gates · h, h] */
  readonly weight: Tensor;
  readonly recurrent: Tensor;
  /** [gates · h] each */
  readonly biases: readonly [Tensor, Tensor] | undefined;
  /** [b, h] */
  readonly initialCell: Tensor | undefined;
  /** ∂loss/∂state, of all steps [t, b, h]. */
  readonly cotangent: Tensor;
  /** ∂loss/∂cell that enters at each step, where any does: [b, h], of a length t. */
  readonly cellCotangents: readonly (Tensor | undefined)[];
  readonly steps: number;
  readonly hidden: number;
  readonly batch: Dim;
}

/** Gradients of what stands before the activations, [t · b, gates · h], by the input's map and by the state's; and of the first states [h, b]. */
interface Owed {
  readonly toInput: Tensor;
  readonly toState: Tensor;
  readonly toInitial: Tensor;
  readonly toInitialCell?: Tensor;
}

type Step = (run: Run) => Owed;

/** The activations, where they are the usual ones; the first is returned. */
function activationOf<K extends Recurrent>(
  context: GradientContext<K>,
  ...allowed: readonly (readonly string[])[]
): string {
  const { activations, clip, direction } = context.attributes as Attributes<Recurrent>;
  if (clip !== undefined) context.fail("the gradient is known without clip");
  const usual = allowed.map(([name]) => name!);
  const both = direction === "bidirectional" ? [...usual, ...usual] : usual;
  const given = activations ?? both;
  const known =
    given.every((name, i) => allowed[i % allowed.length]!.includes(name)) &&
    given.every((name, i) => name === given[i % allowed.length]);
  if (!known)
    context.fail(
      `the gradient is known of ${allowed.map((names) => names.join(" or ")).join(", ")}, not of ${given.join(", ")}`,
    );
  return given[0]!;
}

/** The gradients of all inputs of one operator. */
function chain<K extends Recurrent>(
  context: GradientContext<K>,
  step: Step,
  gates: number,
): readonly (Tensor | undefined)[] {
  const { cotangents, inputs, outputs, needs } = context;
  const { direction } = context.attributes as Attributes<Recurrent>;
  const [x, weights, recurrents] = [context.input(0), context.input(1), context.input(2)];
  const [, , , biases, lengths, initial, initialCell] = inputs;
  const [time, batch] = x.shape as readonly [Dim, Dim];
  const hidden = recurrents.shape[2] as number;
  if (typeof time !== "number")
    return context.fail(
      "the number of time steps must be a number where it is differentiated; compile once for each length",
    );
  const turn = turner(time, batch, lengths);
  const found = Array.from({ length: direction === "bidirectional" ? 2 : 1 }, (_, d) => {
    const turned = direction === "reverse" || d === 1;
    const inOrder = (t: Tensor): Tensor => (turned ? turn(t) : t);
    const of = (t: Tensor | undefined): Tensor | undefined => t && at(t, 0, d);
    const states = inOrder(at(outputs[0]!, 1, d));
    const first = of(initial) ?? full([batch, hidden], 0, x.dtype);
    const given = cotangents[0] && inOrder(at(cotangents[0], 1, d));
    const run: Run = {
      x: inOrder(x),
      states,
      before: time === 1 ? unsqueeze(first, 0) : concat([unsqueeze(first, 0), slice(states, 0, 0, time - 1)], 0),
      weight: at(weights, 0, d),
      recurrent: at(recurrents, 0, d),
      biases: biases && (split(at(biases, 0, d), 2, 0) as [Tensor, Tensor]),
      initialCell: of(initialCell),
      cotangent: stateCotangent(given, of(cotangents[1]), { time, batch, hidden, lengths, x }),
      cellCotangents: cellCotangents(of(cotangents[2]), time, lengths),
      steps: time,
      hidden,
      batch,
    };
    const { toInput, toState, toInitial, toInitialCell } = step(run);
    const rows = (t: Tensor): Tensor => t.reshape([mulDims(time, batch), t.shape[2]!]);
    const product = (a: Tensor, b: Tensor): Tensor => apply("Gemm", [a, b], { transA: 1 });
    return {
      x: needs(0) ? inOrder(toInput.matmul(run.weight).reshape(x.shape)) : undefined,
      weight: needs(1) ? product(toInput, rows(run.x)) : undefined,
      recurrent: needs(2) ? product(toState, rows(run.before)) : undefined,
      bias: needs(3) ? concat([sum(toInput, { axes: [0] }), sum(toState, { axes: [0] })], 0) : undefined,
      initial: needs(5) ? toInitial.transpose() : undefined,
      initialCell: needs(6) ? toInitialCell?.transpose() : undefined,
    };
  });
  const together = (name: "weight" | "recurrent" | "bias" | "initial" | "initialCell"): Tensor | undefined =>
    found[0]![name] &&
    stack(
      found.map((each) => each[name]!),
      0,
    );
  const [one, other] = found.map((each) => each.x);
  return [
    one && other ? one.add(other) : one,
    together("weight"),
    together("recurrent"),
    together("bias"),
    undefined,
    together("initial"),
    gates === 4 ? together("initialCell") : undefined,
  ];
}

/** Turns [t, b, …] around in time; where there are lengths, each sequence within its own. */
function turner(time: number, batch: Dim, lengths: Tensor | undefined): (t: Tensor) => Tensor {
  if (!lengths) return (t) => slice(t, 0, -1, undefined, -1);
  const steps = unsqueeze(range(time), 1); //                                      [t, 1]
  const ends = cast(lengths, "int64"); //                                          [b]
  const sources = where(less(steps, ends), ends.sub(1).sub(steps), steps); //      [t, b]
  const places = sources
    .mul(sizeScalar(batch))
    .add(range(batch))
    .reshape([mulDims(time, batch)]);
  return (t) => gather(t.reshape([mulDims(time, batch), t.shape[2]!]), places, 0).reshape(t.shape);
}

function range(n: Dim): Tensor {
  return apply("Range", [scalar(0, "int64"), sizeScalar(n), scalar(1, "int64")]);
}

/** 1 at the last step of each sequence: [t, b, 1]. */
function lastSteps(time: number, lengths: Tensor, like: Tensor): Tensor {
  const ends = cast(lengths, "int64").sub(1);
  return unsqueeze(cast(equal(unsqueeze(range(time), 1), ends), like.dtype), 2);
}

/** What the loss says of each state, in the order of the run: of all states, and of the last ones. */
function stateCotangent(
  all: Tensor | undefined,
  last: Tensor | undefined,
  {
    time,
    batch,
    hidden,
    lengths,
    x,
  }: {
    readonly time: number;
    readonly batch: Dim;
    readonly hidden: number;
    readonly lengths: Tensor | undefined;
    readonly x: Tensor;
  },
): Tensor {
  if (!lengths) {
    const given = all ?? (last && time === 1 ? unsqueeze(last, 0) : full([time, batch, hidden], 0, x.dtype));
    if (!last || (!all && time === 1)) return given;
    const zeros = full([time - 1, batch, hidden], 0, x.dtype);
    const end = time === 1 ? unsqueeze(last, 0) : concat([zeros, unsqueeze(last, 0)], 0);
    return all ? given.add(end) : end;
  }
  // After a sequence's end the results are zeros that depend on nothing.
  const valid = unsqueeze(cast(less(unsqueeze(range(time), 1), cast(lengths, "int64")), x.dtype), 2);
  const ofAll = all?.mul(valid);
  const ofLast = last && lastSteps(time, lengths, x).mul(unsqueeze(last, 0));
  return ofAll && ofLast ? ofAll.add(ofLast) : (ofAll ?? ofLast ?? full([time, batch, hidden], 0, x.dtype));
}

/** What the loss says of the cell after the last step of each sequence, by step. */
function cellCotangents(
  last: Tensor | undefined,
  time: number,
  lengths: Tensor | undefined,
): readonly (Tensor | undefined)[] {
  if (!last || !lengths) return Array.from({ length: time }, (_, t) => (t === time - 1 ? last : undefined));
  return steps(lastSteps(time, lengths, last).mul(unsqueeze(last, 0)), time);
}

/** [t, b, n] → t times [n, b]. */
function columns(t: Tensor, time: number): readonly Tensor[] {
  const [, b, n] = t.shape as readonly [Dim, Dim, number];
  return split(t.transpose([0, 2, 1]).reshape([time * n, b]), Array<number>(time).fill(n), 0);
}

/** [t, b, n] → t times [b, n]. */
function steps(t: Tensor, time: number): readonly Tensor[] {
  return Array.from({ length: time }, (_, i) => at(t, 0, i));
}

/** t times [n, b] → [t · b, n]. */
function rowsOf(parts: readonly Tensor[]): Tensor {
  const [n, b] = parts[0]!.shape as readonly [number, Dim];
  const whole = concat(parts, 0).reshape([parts.length, n, b]);
  return whole.transpose([0, 2, 1]).reshape([mulDims(parts.length, b), n]);
}

/** The product of the state's map turned around with a gradient, plus what the step before is owed anyway. */
function back(turned: Tensor, owed: Tensor, own: Tensor | undefined): Tensor {
  return apply("Gemm", [turned, owed, own]);
}

/** h = f(a): the gradient of a is that of h times f′, which follows from h. */
const plain =
  (activation: string): Step =>
  ({ states, recurrent, cotangent, steps: time }) => {
    const slope =
      activation === "Relu"
        ? cast(apply("Greater", [states, scalar(0, states.dtype)]), states.dtype)
        : square(states).neg().add(1);
    const [slopes, own] = [columns(slope, time), columns(cotangent, time)];
    const turned = recurrent.transpose();
    const owed: Tensor[] = [];
    let state = own[time - 1]!;
    for (let t = time - 1; t >= 0; t--) {
      owed[t] = state.mul(slopes[t]!);
      state = back(turned, owed[t]!, own[t - 1]);
    }
    const all = rowsOf(owed);
    return { toInput: all, toState: all, toInitial: state };
  };

/** GRU: h = (1 − z) n + z h₋, n = tanh(a_n + r q), q the state's part of the third gate. */
const gated: Step = ({ x, before, weight, recurrent, biases, cotangent, steps: time, hidden, batch }) => {
  const rows = mulDims(time, batch);
  const flat = (t: Tensor): Tensor => t.reshape([rows, t.shape[2]!]);
  const made = (t: Tensor, w: Tensor, bias: Tensor | undefined): readonly [Tensor, Tensor] =>
    split(apply("Gemm", [flat(t), w, bias], { transB: 1 }), [2 * hidden, hidden], 1) as [Tensor, Tensor];
  const [fromInput, a] = made(x, weight, biases?.[0]);
  const [fromState, q] = made(before, recurrent, biases?.[1]);
  const [z, r] = split(sigmoid(fromInput.add(fromState)), 2, 1) as [Tensor, Tensor];
  const n = tanh(a.add(r.mul(q)));
  const one = (t: Tensor): Tensor => t.neg().add(1);
  const toNew = one(z).mul(one(square(n)));
  const toUpdate = flat(before).sub(n).mul(z).mul(one(z));
  const toReset = toNew.mul(q).mul(r).mul(one(r));
  const factors = concat([toUpdate, toReset, toNew.mul(r)], 1); // [t · b, 3h]

  const inTime = (t: Tensor): Tensor => t.reshape([time, batch, t.shape[1]!]);
  const [factor, keep, own] = [columns(inTime(factors), time), columns(inTime(z), time), columns(cotangent, time)];
  const turned = recurrent.transpose();
  const states: Tensor[] = [];
  let state = own[time - 1]!;
  for (let t = time - 1; t >= 0; t--) {
    states[t] = state;
    const kept = state.mul(keep[t]!);
    state = back(turned, concat([state, state, state], 0).mul(factor[t]!), t > 0 ? kept.add(own[t - 1]!) : kept);
  }
  const all = rowsOf(states); //                                        [t · b, h]
  const first = concat([all.mul(toUpdate), all.mul(toReset)], 1); // [t · b, 2h]
  return {
    toInput: concat([first, all.mul(toNew)], 1),
    toState: concat([first, all.mul(toNew).mul(r)], 1),
    toInitial: state,
  };
};

/** LSTM: c = f c₋ + i g, h = o tanh(c). The cells are not among the operator's results: they are made again, two elementwise operators a step. */
const celled: Step = (run) => {
  const { x, before, weight, recurrent, biases, cotangent, cellCotangents: ownCells, steps: time, hidden, batch } = run;
  const rows = mulDims(time, batch);
  const flat = (t: Tensor): Tensor => t.reshape([rows, t.shape[2]!]);
  const bias = biases?.[0].add(biases[1]);
  const fromInput = apply("Gemm", [flat(x), weight, bias], { transB: 1 });
  const gates = apply("Gemm", [flat(before), recurrent, fromInput], { transB: 1 }).reshape([time, batch, 4 * hidden]);
  // [t, gates, b] from here on.
  const [open, newer] = split(gates.transpose([0, 2, 1]), [3 * hidden, hidden], 1) as [Tensor, Tensor];
  const [i, o, f] = split(sigmoid(open), 3, 1) as [Tensor, Tensor, Tensor];
  const g = tanh(newer);
  const apart = (t: Tensor): readonly Tensor[] => {
    const n = t.shape[1] as number;
    return split(t.reshape([time * n, batch]), Array<number>(time).fill(n), 0);
  };
  const [keeps, gains] = [apart(f), apart(i.mul(g))];
  const firstCell = run.initialCell?.transpose() ?? full([hidden, batch], 0, x.dtype);
  const cells: Tensor[] = [firstCell];
  for (let t = 0; t < time; t++) cells.push(keeps[t]!.mul(cells[t]!).add(gains[t]!));
  const inTime = (parts: readonly Tensor[]): Tensor => concat(parts, 0).reshape([time, hidden, batch]);
  const squashed = tanh(inTime(cells.slice(1)));
  const one = (t: Tensor): Tensor => t.neg().add(1);
  const slope = (t: Tensor): Tensor => t.mul(one(t));
  const factors = concat(
    [g.mul(slope(i)), squashed.mul(slope(o)), inTime(cells.slice(0, -1)).mul(slope(f)), i.mul(one(square(g)))],
    1,
  ); // [t, 4h, b]

  const [factor, toCell, own] = [apart(factors), apart(o.mul(one(square(squashed)))), columns(cotangent, time)];
  const turned = recurrent.transpose();
  const owed: Tensor[] = [];
  let state = own[time - 1]!;
  let cell: Tensor | undefined;
  for (let t = time - 1; t >= 0; t--) {
    const given = ownCells[t]?.transpose();
    const entering = cell && given ? cell.add(given) : (cell ?? given);
    const through = state.mul(toCell[t]!);
    const now = entering ? entering.add(through) : through;
    owed[t] = concat([now, state, now, now], 0).mul(factor[t]!);
    state = back(turned, owed[t]!, own[t - 1]);
    cell = now.mul(keeps[t]!);
  }
  const all = rowsOf(owed);
  return { toInput: all, toState: all, toInitial: state, toInitialCell: cell! };
};
