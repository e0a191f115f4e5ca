import type { Attributes } from "../../../src/graph/ops.ts";
import { ints, tensor } from "../../../src/tensor/index.ts";
import { apart, type Moved, normal, type Use, type UseOptions, uniform, use } from "../check.ts";

// The engine's convolutions, pools and samplers are float32 only.
const float32 = { dtype: "float32" } as const;

function conv(x: Moved, w: Moved, attributes: Partial<Attributes<"Conv">> = {}, options: UseOptions = {}): Use {
  return use("Conv", [x, w], attributes, { ...float32, ...options });
}

function transposed(x: Moved, w: Moved, attributes: Partial<Attributes<"ConvTranspose">> = {}): Use {
  return use("ConvTranspose", [x, w], attributes, float32);
}

function resize(shape: readonly number[], sizes: readonly number[], attributes: Partial<Attributes<"Resize">>): Use {
  return use("Resize", [normal(...shape), undefined, undefined, ints(sizes)], attributes, float32);
}

export const spaceUses: readonly Use[] = [
  use("Conv", [normal(2, 3, 5), normal(2, 3, 3), normal(2)], {}, { ...float32, second: true }),
  conv(normal(1, 2, 7), normal(3, 2, 3), { strides: [2], pads: [1, 0] }),
  conv(normal(1, 2, 8), normal(3, 2, 2), { strides: [3], pads: [0, 2], dilations: [2] }, { second: true }),
  conv(normal(2, 4, 6), normal(6, 2, 3), { group: 2, strides: [2], pads: [2, 1] }),
  conv(normal(2, 3, 4, 5), normal(2, 3, 3, 2), { pads: [1, 0, 1, 1], strides: [1, 2] }),
  conv(normal(1, 4, 5, 4), normal(4, 1, 3, 3), { group: 4, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv(normal(1, 4, 6, 5), normal(2, 2, 2, 2), { group: 2, dilations: [2, 1], strides: [1, 3] }),
  conv(normal(1, 2, 6, 6), normal(3, 2, 3, 3), { auto_pad: "SAME_UPPER", strides: [2, 2] }),
  conv(normal(1, 2, 5, 6), normal(3, 2, 2, 3), { auto_pad: "SAME_LOWER", strides: [2, 1] }),
  conv(normal(1, 2, 5, 6), normal(3, 2, 2, 3), { auto_pad: "VALID", strides: [2, 2] }),
  conv(normal(2, 3, 4, 3), normal(4, 3, 1, 1)),
  conv(normal(1, 2, 5, 4), normal(3, 2, 1, 1), { strides: [2, 3], pads: [0, 0, 1, 0] }),
  conv(normal(1, 1, 260), normal(1, 1, 3), { pads: [0, 1] }),
  conv(normal(2, 4, 3, 2), normal(2, 2, 1, 1), { group: 2 }),
  conv(normal(1, 2, 4, 5, 3), normal(2, 2, 2, 2, 2), { strides: [2, 1, 1], pads: [0, 1, 0, 1, 0, 1] }),
  conv(normal(1, 2, 5, 3, 3), normal(4, 1, 2, 1, 2), { group: 2, dilations: [3, 1, 2] }),
  conv(
    normal(3, 2, 4, 4),
    normal(5, 2, 2, 2),
    { strides: [2, 2] },
    {
      free: [
        ["b", 2, 4, 4],
        [5, 2, 2, 2],
      ],
    },
  ),
  conv(
    normal(2, 4, 5, 4),
    normal(4, 2, 3, 3),
    { group: 2, pads: [1, 1, 1, 1] },
    {
      free: [
        ["b", 4, 5, 4],
        [4, 2, 3, 3],
      ],
    },
  ),
  conv(
    normal(2, 2, 7, 6),
    normal(3, 2, 3, 2),
    { strides: [2, 2], pads: [1, 0, 0, 1] },
    {
      free: [
        ["b", 2, "h", "w"],
        [3, 2, 3, 2],
      ],
    },
  ),
  conv(
    normal(1, 4, 7),
    normal(4, 2, 2),
    { group: 2, strides: [2], dilations: [2] },
    {
      free: [
        ["b", 4, "t"],
        [4, 2, 2],
      ],
    },
  ),
  conv(
    normal(2, 4, 3, 2),
    normal(2, 4, 1, 1),
    {},
    {
      free: [
        ["b", 4, "h", "w"],
        [2, 4, 1, 1],
      ],
    },
  ),

  use("ConvTranspose", [normal(2, 2, 3), normal(2, 3, 2), normal(3)], { strides: [2] }, { ...float32, second: true }),
  transposed(normal(1, 2, 3, 4), normal(2, 3, 3, 2), { strides: [2, 1], pads: [1, 0, 1, 0], output_padding: [1, 0] }),
  transposed(normal(1, 4, 3, 2), normal(4, 2, 2, 3), { group: 2, strides: [3, 2], dilations: [2, 1] }),
  transposed(normal(1, 2, 2, 3, 2), normal(2, 1, 2, 2, 2), { strides: [1, 2, 2], pads: [0, 1, 0, 1, 0, 1] }),
  transposed(normal(1, 2, 3, 3), normal(2, 1, 3, 3), { strides: [2, 2], auto_pad: "SAME_UPPER" }),
  transposed(normal(1, 2, 3), normal(2, 1, 3), { strides: [2], output_shape: [6] }),

  use("MaxPool", [apart(2, 2, 6)], { kernel_shape: [2], strides: [2] }, { ...float32, second: true }),
  use("MaxPool", [apart(1, 2, 5, 4)], { kernel_shape: [3, 2], pads: [1, 0, 1, 1] }, float32),
  use("MaxPool", [apart(1, 1, 5, 6)], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, float32),
  use("MaxPool", [apart(1, 1, 6, 6)], { kernel_shape: [2, 2], dilations: [2, 2] }, float32),
  use(
    "MaxPool",
    [apart(3, 2, 4, 4)],
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    { ...float32, free: [["b", 2, 4, 4]] },
  ),
  use("MaxPool", [apart(1, 1, 3, 4, 2)], { kernel_shape: [2, 2, 2], strides: [1, 2, 1] }, float32),
  use("AveragePool", [normal(2, 2, 6)], { kernel_shape: [2], strides: [2] }, float32),
  use(
    "AveragePool",
    [normal(1, 2, 5, 4)],
    { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 1] },
    { ...float32, second: true },
  ),
  use("AveragePool", [normal(1, 2, 5, 4)], { kernel_shape: [3, 2], pads: [1, 0, 1, 1], count_include_pad: 1 }, float32),
  use("AveragePool", [normal(1, 1, 5, 6)], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, float32),
  use(
    "AveragePool",
    [normal(1, 1, 6)],
    { kernel_shape: [3], strides: [2], pads: [1, 1], ceil_mode: 1, count_include_pad: 1 },
    float32,
  ),
  use(
    "AveragePool",
    [normal(2, 2, 4, 6)],
    { kernel_shape: [2, 3], strides: [2, 3] },
    { ...float32, free: [["b", 2, "h", "w"]] },
  ),
  use("AveragePool", [normal(1, 2, 6, 5)], { kernel_shape: [2, 3], dilations: [3, 2] }, float32),
  use(
    "AveragePool",
    [normal(1, 1, 7, 6)],
    { kernel_shape: [2, 3], dilations: [2, 2], strides: [2, 1], pads: [1, 1, 0, 2], ceil_mode: 1 },
    float32,
  ),
  use("AveragePool", [normal(1, 2, 5)], { kernel_shape: [3], auto_pad: "SAME_UPPER", strides: [2] }, float32),
  use("GlobalAveragePool", [normal(2, 3, 2, 3)], {}, { ...float32, free: [["b", 3, "h", 3]] }),
  use("GlobalAveragePool", [normal(2, 3, 4)], {}, float32),
  use("GlobalMaxPool", [apart(2, 2, 2, 3)], {}, float32),
  use("Col2Im", [normal(1, 8, 4), ints([3, 3]), ints([2, 2])], {}, float32),
  use("Col2Im", [normal(2, 6, 9), ints([5, 4]), ints([3, 1])], { strides: [2, 2], pads: [1, 0, 1, 1] }, float32),

  resize([1, 2, 3, 4], [1, 2, 6, 6], { mode: "nearest" }),
  resize([1, 1, 6, 4], [1, 1, 4, 3], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  }),
  resize([1, 2, 3, 4], [1, 2, 5, 7], { mode: "linear" }),
  resize([1, 2, 5, 4], [1, 2, 3, 7], { mode: "linear", coordinate_transformation_mode: "align_corners" }),
  resize([1, 1, 7, 5], [1, 1, 3, 2], { mode: "linear", antialias: 1 }),
  resize([1, 1, 3, 4], [1, 1, 5, 3], { mode: "cubic" }),
  resize([1, 1, 5, 4], [1, 1, 7, 6], { mode: "cubic", coordinate_transformation_mode: "align_corners" }),
  resize([1, 1, 7, 5], [1, 1, 3, 4], { mode: "cubic", antialias: 1, cubic_coeff_a: -0.5, exclude_outside: 1 }),
  resize([1, 1, 4, 5], [1, 1, 6, 3], { mode: "cubic", exclude_outside: 1 }),
  use("Resize", [normal(1, 1, 4, 4), undefined, tensor([1, 1, 1.7, 0.6], [4])], { mode: "linear" }, float32),

  ...(["zeros", "border", "reflection"] as const).flatMap((padding_mode) =>
    [0, 1].flatMap((align_corners) => [
      use(
        "GridSample",
        [normal(1, 2, 4, 3), grid([1, 3, 2], [4, 3], align_corners)],
        { padding_mode, align_corners },
        float32,
      ),
      use(
        "GridSample",
        [normal(1, 1, 4, 5), grid([1, 2, 2], [4, 5], align_corners)],
        { padding_mode, align_corners, mode: "bicubic" },
        float32,
      ),
    ]),
  ),
  use(
    "GridSample",
    [normal(2, 2, 4, 3), grid([2, 2, 2], [4, 3], 0)],
    {},
    {
      ...float32,
      free: [
        ["b", 2, "h", 3],
        ["b", 2, "n", 2],
      ],
    },
  ),
  use("GridSample", [normal(1, 1, 4, 3), tensor([0.3, -0.4, 1.4, 0.2], [1, 1, 2, 2])], { mode: "nearest" }, float32),
  use("DeformConv", [normal(1, 2, 4, 4), normal(2, 2, 2, 2), offsets(1, 8, 3, 3)], {}, float32),
  use(
    "DeformConv",
    [normal(2, 4, 5, 4), normal(2, 2, 2, 2), offsets(2, 16, 3, 3), normal(2), uniform(0.2, 1, 2, 8, 3, 3)],
    { group: 2, offset_group: 2, strides: [2, 1], pads: [1, 0, 0, 0], dilations: [1, 1] },
    float32,
  ),
];

/** Sampling positions in and around a picture, near the middle between two elements: slopes jump at the elements. */
function grid(points: readonly number[], [height, width]: readonly [number, number], alignCorners: number): Moved {
  const { data, shape } = uniform(0, 1, ...points, 2);
  const scaled = data.map((u, i) => {
    const size = i % 2 === 0 ? width : height;
    const pixel = Math.floor(u * (size + 2)) - 1.5 + 0.2 * ((u * 97) % 1);
    return alignCorners ? (2 * pixel) / (size - 1) - 1 : (2 * pixel + 1) / size - 1;
  });
  return { shape, data: scaled };
}

function offsets(...shape: readonly number[]): Moved {
  return uniform(0.2, 0.8, ...shape);
}
