/**
 * Gradients through time, for recurrences that the engine runs as one operator.
 *
 * The operator keeps its gates to itself. The gradient needs them, so it makes the states again step by step, and where both stand in one graph
 * the operator is left out: training runs the steps, use runs the operator. (A plain RNN has no gates; its operator stays.) All that is no
 * chain is done for all steps at once: what the input's map gives, and the gradients of the weights. A step is one product forward, one back,
 * and elementwise operators on [gates · h, b]: states stand in columns, since the engine's products are faster with the tall weights on the
 * left, and gates lie one after another in memory.
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
  RNN: { chain: (context) => chain(context, plain(activationOf(context, ["Tanh", "Relu"]))) },
  GRU: {
    chain: (context) => {
      activationOf(context, ["Sigmoid"], ["Tanh"]);
      if (context.attributes.linear_before_reset !== 1)
        context.fail("the gradient is known where linear_before_reset is 1");
      return chain(context, gated);
    },
  },
  LSTM: {
    chain: (context) => {
      activationOf(context, ["Sigmoid"], ["Tanh"], ["Tanh"]);
      if (context.attributes.input_forget !== 0) context.fail("the gradient is known without input_forget");
      if (context.inputs[7]) context.fail("the gradient is known without peepholes");
      return chain(context, celled);
    },
  },
};

/** One direction of a recurrence, its time in the order in which it was run. */
interface Run {
  /** [t, b, in] */
  readonly x: Tensor;
  /** All states, as the operator gave them: [t, b, h]. */
  readonly states: () => Tensor;
  /** [gates · h, in], [gates · h, h] */
  readonly weight: Tensor;
  readonly recurrent: Tensor;
  /** [gates · h] each */
  readonly biases: readonly [Tensor, Tensor] | undefined;
  /** The first state and cell, [h, b]. */
  readonly first: Tensor;
  readonly firstCell: Tensor;
  /** ∂loss/∂state of each step, [h, b]. */
  readonly cotangents: readonly Tensor[];
  /** ∂loss/∂cell that enters at each step, where any does: [h, b], of a length t. */
  readonly cellCotangents: readonly (Tensor | undefined)[];
  readonly steps: number;
  readonly hidden: number;
  readonly batch: Dim;
}

/** What a run owes: [gates · h, t · b] to what the input's map and the state's map gave, [h, b] to the first state and cell. */
interface Owed {
  readonly toInput: Tensor;
  readonly toState: Tensor;
  readonly toFirst: Tensor;
  readonly toFirstCell?: Tensor;
  /** States and cells of each step, [h, b], where they were made again. */
  readonly remade?: { readonly states: readonly Tensor[]; readonly cells?: readonly Tensor[] };
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
function chain<K extends Recurrent>(context: GradientContext<K>, step: Step): readonly (Tensor | undefined)[] {
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
    const nothing = full([hidden, batch], 0, x.dtype);
    const given = cotangents[0] && inOrder(at(cotangents[0], 1, d));
    const run: Run = {
      x: inOrder(x),
      states: () => inOrder(at(outputs[0]!, 1, d)),
      weight: at(weights, 0, d),
      recurrent: at(recurrents, 0, d),
      biases: biases && (split(at(biases, 0, d), 2, 0) as [Tensor, Tensor]),
      first: of(initial)?.transpose() ?? nothing,
      firstCell: of(initialCell)?.transpose() ?? nothing,
      cotangents: columns(stateCotangent(given, of(cotangents[1]), { time, batch, hidden, lengths, x }), time),
      cellCotangents: cellCotangents(of(cotangents[2])?.transpose(), time, lengths),
      steps: time,
      hidden,
      batch,
    };
    const { toInput, toState, toFirst, toFirstCell, remade } = step(run);
    const product = (a: Tensor, b: Tensor, turns: Partial<Attributes<"Gemm">> = {}): Tensor =>
      apply("Gemm", [a, b], turns);
    const states = remade?.states ?? columns(run.states(), time);
    const before = concat([run.first, ...states.slice(0, -1)], 1); // [h, t · b]
    const rows = run.x.reshape([mulDims(time, batch), x.shape[2]!]); // [t · b, in]
    return {
      x: needs(0) ? inOrder(product(toInput, run.weight, { transA: 1 }).reshape(x.shape)) : undefined,
      weight: needs(1) ? product(toInput, rows) : undefined,
      recurrent: needs(2) ? product(toState, before, { transB: 1 }) : undefined,
      bias: needs(3) ? concat([sum(toInput, { axes: [1] }), sum(toState, { axes: [1] })], 0) : undefined,
      initial: needs(5) ? toFirst.transpose() : undefined,
      initialCell: needs(6) ? toFirstCell?.transpose() : undefined,
      results: remade && resultsOf(remade, inOrder, lengths, x),
      witness: toInput,
    };
  });
  const together = (name: "weight" | "recurrent" | "bias" | "initial" | "initialCell"): Tensor | undefined =>
    found[0]![name] &&
    stack(
      found.map((each) => each[name]!),
      0,
    );
  const results = found.flatMap((each) => (each.results ? [each.results] : []));
  if (results.length > 0)
    context.instead(
      outputs.map((_, i) =>
        stack(
          results.map((each) => each[i]!),
          i === 0 ? 1 : 0,
        ),
      ),
      found[0]!.witness,
    );
  const [one, other] = found.map((each) => each.x);
  const all = [
    one && other ? one.add(other) : one,
    together("weight"),
    together("recurrent"),
    together("bias"),
    undefined,
  ];
  return [...all, together("initial"), together("initialCell")];
}

/** What the operator gives of one direction, from what was made again: states [t, b, h], the last ones and the last cells [b, h]. */
function resultsOf(
  { states, cells }: NonNullable<Owed["remade"]>,
  inOrder: (t: Tensor) => Tensor,
  lengths: Tensor | undefined,
  x: Tensor,
): readonly Tensor[] {
  const time = states.length;
  const inTime = (parts: readonly Tensor[]): Tensor => stack(parts, 0).transpose([0, 2, 1]);
  const all = inTime(states);
  if (!lengths) return [inOrder(all), states[time - 1]!.transpose(), ...(cells ? [cells[time - 1]!.transpose()] : [])];
  const ends = lastSteps(time, lengths, x);
  const last = (t: Tensor): Tensor => sum(t.mul(ends), { axes: [0] });
  return [inOrder(all.mul(validSteps(time, lengths, x))), last(all), ...(cells ? [last(inTime(cells))] : [])];
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

/** 1 at the steps of each sequence, 0 after them: [t, b, 1]. */
function validSteps(time: number, lengths: Tensor, like: Tensor): Tensor {
  return unsqueeze(cast(less(unsqueeze(range(time), 1), cast(lengths, "int64")), like.dtype), 2);
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
  const ofAll = all?.mul(validSteps(time, lengths, x));
  const ofLast = last && lastSteps(time, lengths, x).mul(unsqueeze(last, 0));
  return ofAll && ofLast ? ofAll.add(ofLast) : (ofAll ?? ofLast ?? full([time, batch, hidden], 0, x.dtype));
}

/** What the loss says of the cell after the last step of each sequence, by step. @param last [h, b] */
function cellCotangents(
  last: Tensor | undefined,
  time: number,
  lengths: Tensor | undefined,
): readonly (Tensor | undefined)[] {
  if (!last || !lengths) return Array.from({ length: time }, (_, t) => (t === time - 1 ? last : undefined));
  const ends = cast(lengths, "int64").sub(1);
  return Array.from({ length: time }, (_, t) => last.mul(cast(equal(ends, t), last.dtype)));
}

/** [t, b, n] → t times [n, b]. */
function columns(t: Tensor, time: number): readonly Tensor[] {
  const [, b, n] = t.shape as readonly [Dim, Dim, number];
  return split(t.transpose([0, 2, 1]).reshape([time * n, b]), Array<number>(time).fill(n), 0);
}

/** What the input's map gives at each step, with its bias: t times [n, b]. */
function fromInputs({ x, weight, steps, batch }: Run, bias: Tensor | undefined): readonly Tensor[] {
  const rows = x.reshape([mulDims(steps, batch), x.shape[2]!]);
  const gates = weight.shape[0] as number;
  return columns(apply("Gemm", [rows, weight, bias], { transB: 1 }).reshape([steps, batch, gates]), steps);
}

const oneMinus = (t: Tensor): Tensor => scalar(1, t.dtype).sub(t);

/** h = f(a): the gradient of a is that of h times f′, which follows from h. */
const plain =
  (activation: string): Step =>
  ({ states, recurrent, cotangents, steps: time }) => {
    const all = states();
    const slope =
      activation === "Relu" ? cast(apply("Greater", [all, scalar(0, all.dtype)]), all.dtype) : oneMinus(square(all));
    const slopes = columns(slope, time);
    const turned = recurrent.transpose();
    const owed: Tensor[] = [];
    let state = cotangents[time - 1]!;
    for (let t = time - 1; t >= 0; t--) {
      owed[t] = state.mul(slopes[t]!);
      state = apply("Gemm", [turned, owed[t]!, cotangents[t - 1]]);
    }
    const together = concat(owed, 1);
    return { toInput: together, toState: together, toFirst: state };
  };

/** GRU: h = (1 − z) n + z h₋, n = tanh(a_n + r q), q the state's part of the third gate. */
const gated: Step = (run) => {
  const { recurrent, biases, cotangents, steps: time, hidden } = run;
  const inputs = fromInputs(run, biases?.[0]);
  const bias = biases && unsqueeze(biases[1], 1);
  const parts = (t: Tensor): [Tensor, Tensor] => split(t, [2 * hidden, hidden], 0) as [Tensor, Tensor];
  let state = run.first;
  const made = inputs.map((input) => {
    const before = state;
    const [x, a] = parts(input);
    const [y, q] = parts(apply("Gemm", [recurrent, before, bias]));
    const gates = sigmoid(x.add(y)); //                              z, r
    const [z, r] = split(gates, 2, 0) as [Tensor, Tensor];
    const n = tanh(a.add(r.mul(q)));
    const away = before.sub(n);
    state = n.add(z.mul(away));
    return { state, gates, z, r, q, n, away };
  });

  const turned = recurrent.transpose();
  const [toInput, toState]: [Tensor[], Tensor[]] = [[], []];
  let owed = cotangents[time - 1]!;
  for (let t = time - 1; t >= 0; t--) {
    const { gates, z, r, q, n, away } = made[t]!;
    const kept = owed.mul(z);
    const toNew = owed.sub(kept).mul(oneMinus(square(n)));
    const toGates = concat([owed.mul(away), toNew.mul(q)], 0).mul(gates.sub(square(gates)));
    toInput[t] = concat([toGates, toNew], 0);
    toState[t] = concat([toGates, toNew.mul(r)], 0);
    const own = t > 0 ? kept.add(cotangents[t - 1]!) : kept;
    owed = apply("Gemm", [turned, toState[t]!, own]);
  }
  const states = made.map((each) => each.state);
  return { toInput: concat(toInput, 1), toState: concat(toState, 1), toFirst: owed, remade: { states } };
};

/** LSTM: c = f c₋ + i g, h = o tanh(c). */
const celled: Step = (run) => {
  const { recurrent, biases, cotangents, cellCotangents: ownCells, steps: time, hidden } = run;
  const inputs = fromInputs(run, biases?.[0].add(biases[1]));
  let [last, cell] = [run.first, run.firstCell];
  const made = inputs.map((input) => {
    const before = cell;
    const [open, newer] = split(apply("Gemm", [recurrent, last, input]), [3 * hidden, hidden], 0) as [Tensor, Tensor];
    const gates = sigmoid(open); //                                  i, o, f
    const [i, o, f] = split(gates, 3, 0) as [Tensor, Tensor, Tensor];
    const g = tanh(newer);
    const gain = i.mul(g);
    cell = f.mul(before).add(gain);
    const squashed = tanh(cell);
    last = o.mul(squashed);
    return { state: last, cell, before, gates, i, o, f, g, gain, squashed };
  });

  const turned = recurrent.transpose();
  const owed: Tensor[] = [];
  let toState = cotangents[time - 1]!;
  let toCell: Tensor | undefined;
  for (let t = time - 1; t >= 0; t--) {
    const { state, before, gates, i, o, f, g, gain, squashed } = made[t]!;
    const own = ownCells[t];
    const entering = toCell && own ? toCell.add(own) : (toCell ?? own);
    const through = toState.mul(o.sub(state.mul(squashed))); // o (1 − tanh²)
    const now = entering ? entering.add(through) : through;
    const toGates = concat([now.mul(g), toState.mul(squashed), now.mul(before)], 0).mul(gates.sub(square(gates)));
    owed[t] = concat([toGates, now.mul(i.sub(gain.mul(g)))], 0);
    toState = apply("Gemm", [turned, owed[t]!, cotangents[t - 1]]);
    toCell = now.mul(f);
  }
  const all = concat(owed, 1);
  const remade = { states: made.map((each) => each.state), cells: made.map((each) => each.cell) };
  return { toInput: all, toState: all, toFirst: toState, toFirstCell: toCell!, remade };
};
