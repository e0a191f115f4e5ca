/** Recurrence over time, one operator a layer. Weights are ONNX's: one or both directions in the first axis, gates in its order. */

import { applyMany, type Tensor } from "./tensor.ts";

/** What the three recurrences may be told besides weights. */
export interface RecurrenceOptions {
  /** [directions, 2 · gates · hidden]: biases of the input's map, then of the state's. */
  readonly bias?: Tensor | undefined;
  /** int32 [b]: steps of each sequence; those after them are not read, and zero in the result. */
  readonly lengths?: Tensor | undefined;
  /** [directions, b, hidden]; zeros without it. */
  readonly initial?: Tensor | undefined;
  readonly direction?: "forward" | "reverse" | "bidirectional" | undefined;
}

/** All states [t, directions, b, hidden], and those after the last step of each sequence [directions, b, hidden]. */
export interface RecurrenceStates {
  readonly states: Tensor;
  readonly last: Tensor;
}

const hiddenOf = (recurrent: Tensor): number => recurrent.shape[2] as number;

/** h = f(W x + R h + b). @param x [t, b, in]; weight: [directions, hidden, in]; recurrent: [directions, hidden, hidden] */
export function rnn(
  x: Tensor,
  weight: Tensor,
  recurrent: Tensor,
  {
    bias,
    lengths,
    initial,
    direction = "forward",
    activation = "Tanh",
  }: RecurrenceOptions & { readonly activation?: "Tanh" | "Relu" } = {},
): RecurrenceStates {
  const activations = Array<string>(direction === "bidirectional" ? 2 : 1).fill(activation);
  const attributes = { direction, hidden_size: hiddenOf(recurrent), activations };
  const [states, last] = applyMany("RNN", [x, weight, recurrent, bias, lengths, initial], attributes);
  return { states: states!, last: last! };
}

/** Gates z (update), r (reset), n (hidden), the reset after the state's map, as in PyTorch. @param weight [directions, 3 · hidden, in] */
export function gru(
  x: Tensor,
  weight: Tensor,
  recurrent: Tensor,
  { bias, lengths, initial, direction = "forward" }: RecurrenceOptions = {},
): RecurrenceStates {
  const attributes = { direction, hidden_size: hiddenOf(recurrent), linear_before_reset: 1 };
  const [states, last] = applyMany("GRU", [x, weight, recurrent, bias, lengths, initial], attributes);
  return { states: states!, last: last! };
}

/** Gates i (input), o (output), f (forget), g (cell). @param weight [directions, 4 · hidden, in] */
export function lstm(
  x: Tensor,
  weight: Tensor,
  recurrent: Tensor,
  {
    bias,
    lengths,
    initial,
    initialCell,
    direction = "forward",
  }: RecurrenceOptions & { readonly initialCell?: Tensor | undefined } = {},
): RecurrenceStates & { readonly lastCell: Tensor } {
  const attributes = { direction, hidden_size: hiddenOf(recurrent) };
  const [states, last, lastCell] = applyMany(
    "LSTM",
    [x, weight, recurrent, bias, lengths, initial, initialCell],
    attributes,
  );
  return { states: states!, last: last!, lastCell: lastCell! };
}
