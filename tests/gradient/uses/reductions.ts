import { ints, scalar } from "../../../src/tensor/index.ts";
import { apart, normal, type Use, uniform, use } from "../check.ts";

const float32 = { dtype: "float32" } as const;
const second = { second: true } as const;

export const reductionUses: readonly Use[] = [
  use("ReduceSum", [normal(2, 3, 4), ints([-1])]),
  use("ReduceSum", [normal(2, 3, 4), ints([2, 0])], { keepdims: 0 }),
  use("ReduceSum", [normal(2, 3)], { keepdims: 0 }),
  use("ReduceSum", [normal(2, 3)], { noop_with_empty_axes: 1 }),
  use("ReduceSum", [normal(3, 2, 4), ints([0, -1])], { keepdims: 0 }, { free: [["b", 2, "t"]] }),
  use("ReduceMean", [normal(2, 3, 4), ints([1])], { keepdims: 0 }, second),
  use("ReduceMean", [normal(3, 2, 4), ints([0, 2])], {}, { free: [["b", 2, "t"]] }),
  use("ReduceMax", [apart(2, 3, 4), ints([1, 2])]),
  use("ReduceMax", [apart(2, 3), ints([-1])], { keepdims: 0 }),
  use("ReduceMin", [apart(2, 3), ints([0])]),
  use("ReduceProd", [normal(2, 3), ints([1])], {}, second),
  use("ReduceProd", [{ shape: [3, 3], data: [0, 2, 3, 0, 0, 4, 1, 2, 3] }, ints([1])], { keepdims: 0 }),
  use("ReduceL1", [apart(2, 3), ints([1])], {}, float32),
  use("ReduceL2", [normal(2, 3), ints([1])], { keepdims: 0 }, second),
  use("ReduceSumSquare", [normal(2, 3), ints([0])], {}, second),
  use("ReduceLogSumExp", [normal(2, 3), ints([-1])], { keepdims: 0 }, second),
  use("CumSum", [normal(2, 3), scalar(1, "int64")]),
  use("CumSum", [normal(2, 3), scalar(-2, "int64")], { exclusive: 1 }),
  use("CumSum", [normal(2, 4), scalar(1, "int64")], { reverse: 1 }),
  use("TopK", [apart(2, 5), ints([3])]),
  use("TopK", [apart(4, 2), ints([2])], { axis: 0, largest: 0 }, { free: [["b", 2]] }),

  use("Softmax", [normal(2, 3)], {}, second),
  use("Softmax", [normal(2, 3, 2)], { axis: 1 }),
  use("Softmax", [normal(2, 3, 4)], {}, { free: [["b", 3, "t"]] }),
  use("LogSoftmax", [normal(2, 3)], {}, second),
  use("LogSoftmax", [normal(3, 2)], { axis: 0 }),
  use("LayerNormalization", [normal(2, 3, 4), normal(4), normal(4)], { epsilon: 0.5 }, { ...float32, ...second }),
  use(
    "LayerNormalization",
    [normal(3, 2, 4), normal(4)],
    { epsilon: 0.1 },
    { free: [["b", "t", 4]], dtype: "float32" },
  ),
  use("LayerNormalization", [normal(2, 3, 4), normal(3, 4), normal(3, 4)], { axis: 1 }, float32),
  use("GroupNormalization", [normal(2, 4, 3), normal(4), normal(4)], { num_groups: 2 }, float32),
  use(
    "GroupNormalization",
    [normal(2, 4, 3, 2), normal(4), normal(4)],
    { num_groups: 4, epsilon: 0.1 },
    { ...float32, free: [["b", 4, 3, 2], [4], [4]] },
  ),
  use("InstanceNormalization", [normal(2, 3, 4), normal(3), normal(3)], {}, float32),
  use(
    "InstanceNormalization",
    [normal(2, 2, 3, 2), normal(2), normal(2)],
    { epsilon: 0.1 },
    { ...float32, free: [["b", 2, "h", 2], [2], [2]] },
  ),
  use("BatchNormalization", [normal(3, 2, 2), normal(2), normal(2), normal(2), uniform(0.5, 2, 2)], {}, float32),
  use(
    "BatchNormalization",
    [normal(4, 2, 3), normal(2), normal(2), normal(2), uniform(0.5, 2, 2)],
    { training_mode: 1, momentum: 0.7 },
    { ...float32, free: [["b", 2, 3], [2], [2], [2], [2]] },
  ),
];
