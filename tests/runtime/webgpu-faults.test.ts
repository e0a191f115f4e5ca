import { expect, test } from "vitest";
import { encodeModel, joinChunks } from "../../src/onnx/encode.ts";
import { webgpuProvider } from "../../src/runtime/webgpu-faults.ts";
import {
  applyMany,
  conv,
  convTranspose,
  input,
  ints,
  maxPool,
  resize,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";

const image = input("image", [1, 4, 8, 8]);
const volume = input("volume", [1, 4, 4, 4, 4]);
const kernel = input("kernel", [4, 2, 2, 2]);
const block = input("block", [4, 2, 2, 2, 2]);

/** Names of the nodes that are kept from WebGPU. */
function kept(...outputs: readonly Tensor[]): readonly string[] {
  const model = encodeModel({
    inputs: [image, volume, kernel, block].map((t) => t.value),
    outputs: new Map(outputs.map((t, i) => [`y${i}`, t.value])),
    updates: new Map(),
  });
  return webgpuProvider(joinChunks(model.chunks)).forceCpuNodeNames ?? [];
}

test("what WebGPU would compute wrongly is kept from it", () => {
  expect(kept(...applyMany("MaxPool", [image], { kernel_shape: [2, 2] }))).toEqual(["MaxPool"]);
  expect(kept(convTranspose(volume, block), applyMany("ConvTranspose", [image, kernel], {})[0]!)).toEqual([
    "ConvTranspose",
    // The number of its axes is not in the file.
    "ConvTranspose_1",
  ]);
  const step = (size: number) => applyMany("Slice", [image, ints([9]), ints([-9]), ints([2]), ints([size])], {})[0]!;
  expect(kept(step(-1), step(2), step(-2))).toEqual(["Slice_2"]);
  const statistics = [1, 2, 3, 4].map(() => tensor([1, 1, 1, 1]));
  const normalised = applyMany("BatchNormalization", [image, ...statistics], { training_mode: 1 });
  expect(kept(...normalised)).toEqual(["BatchNormalization"]);
  const equations = ["...ij,...jk->...ik", "abij,abjk->abik"];
  expect(kept(...equations.map((equation) => applyMany("Einsum", [image, image], { equation })[0]!))).toEqual([
    "Einsum",
  ]);
  expect(kept(conv(volume, block, undefined, { groups: 2 }), conv(image, kernel, undefined, { groups: 2 }))).toEqual([
    "Conv",
  ]);
  expect(kept(resize(image, [5, 5], { mode: "linear", antialias: true }))).toEqual(["Resize"]);
});

test("the same operators in forms that it computes rightly are left to it", () => {
  const upwards = resize(image, [16, 16], { mode: "linear" });
  expect(kept(maxPool(image, 2), convTranspose(image, kernel), upwards)).toEqual([]);
});
