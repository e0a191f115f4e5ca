import { tensor } from "../../../src/tensor/index.ts";
import { normal, type Use, uniform, use } from "../check.ts";

const lengths = tensor([3, 1], [2], "int32");
// The engine's kernels are float32 only.
const float32 = { dtype: "float32" } as const;
const small = (...shape: readonly number[]) => uniform(-0.7, 0.7, ...shape);

export const recurrentUses: readonly Use[] = [
  use("RNN", [normal(3, 2, 2), small(1, 3, 2), small(1, 3, 3)], { hidden_size: 3 }, float32),
  use(
    "RNN",
    [normal(3, 2, 2), small(2, 2, 2), small(2, 2, 2), small(2, 4), lengths, small(2, 2, 2)],
    { hidden_size: 2, direction: "bidirectional" },
    float32,
  ),
  use("GRU", [normal(1, 2, 2), small(1, 6, 2), small(1, 6, 2)], { hidden_size: 2, linear_before_reset: 1 }, float32),
  use(
    "GRU",
    [normal(3, 2, 2), small(1, 6, 2), small(1, 6, 2), small(1, 12), undefined, small(1, 2, 2)],
    { hidden_size: 2, linear_before_reset: 1, direction: "reverse" },
    {
      ...float32,
      free: [
        [3, "b", 2],
        [1, 6, 2],
        [1, 6, 2],
        [1, 12],
        [1, "b", 2],
      ],
    },
  ),
  use(
    "GRU",
    [normal(3, 2, 2), small(2, 6, 2), small(2, 6, 2), small(2, 12), lengths],
    { hidden_size: 2, linear_before_reset: 1, direction: "bidirectional" },
    float32,
  ),
  use("LSTM", [normal(2, 2, 2), small(1, 8, 2), small(1, 8, 2)], { hidden_size: 2 }, float32),
  use(
    "LSTM",
    [normal(3, 2, 2), small(1, 8, 2), small(1, 8, 2), small(1, 16), undefined, small(1, 2, 2), small(1, 2, 2)],
    { hidden_size: 2 },
    {
      ...float32,
      free: [
        [3, "b", 2],
        [1, 8, 2],
        [1, 8, 2],
        [1, 16],
        [1, "b", 2],
        [1, "b", 2],
      ],
    },
  ),
  use(
    "LSTM",
    [normal(3, 2, 2), small(2, 8, 2), small(2, 8, 2), small(2, 16), lengths, small(2, 2, 2), small(2, 2, 2)],
    { hidden_size: 2, direction: "bidirectional" },
    float32,
  ),
];
