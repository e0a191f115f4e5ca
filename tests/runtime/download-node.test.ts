import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { downloader } from "../../src/runtime/download-node.ts";

test("the host gets the same numbers, sizes and type; tensors of one type and rank share a session", async () => {
  let opened = 0;
  const download = downloader((model) => {
    opened++;
    return InferenceSession.create(model);
  });
  const tensors = [
    new Tensor("float32", [1, 2, 3, 4, 5, 6], [2, 3]),
    new Tensor("float32", [7, 8], [1, 2]),
    new Tensor("float32", [9], []),
    new Tensor("int64", [1n, -2n], [2]),
    new Tensor("bool", [true, false], [2, 1]),
  ];
  for (const tensor of tensors) {
    const copy = await download(tensor);
    expect([copy.type, copy.dims, copy.data]).toEqual([tensor.type, tensor.dims, tensor.data]);
    expect(copy.data).not.toBe(tensor.data);
  }
  expect(opened).toBe(4);
});
