/**
 * What ONNX Runtime computes wrongly on WebGPU, and so has to compute on the processor.
 *
 * Its list of devices is an order of preference: what WebGPU has no kernel for goes to the processor anyway, at the price of a copy each way. The
 * nodes named here have a kernel, but one that fails or gives other numbers; the engine is told to treat them as if they had none.
 * `tests/browser/webgpu-faults.test.ts` compares each with the processor; docs/webgpu.md lists them for users.
 */

import type { InferenceSession } from "onnxruntime-common";
import { readModel } from "../onnx/read-messages.ts";
import type { GraphProto, NodeProto, TensorProto } from "../onnx/schema.ts";

/** The provider for a model: WebGPU, without the nodes that it would compute wrongly. @param bytes of the model's ONNX file */
export function webgpuProvider(bytes: Uint8Array): InferenceSession.WebGpuExecutionProviderOption {
  const names = faultyNodes(readModel(bytes, "the model").graph).map(({ name }) => name);
  // The engine refuses an empty list.
  return { name: "webgpu", ...(names.length > 0 && { forceCpuNodeNames: names }) };
}

/** The nodes that ONNX Runtime 1.30 fails on, or computes other numbers for, on WebGPU. */
function faultyNodes({ nodes, initializers }: GraphProto): readonly NodeProto[] {
  const constants = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  return nodes.filter((node) => {
    if (node.domain !== "") return false;
    const { inputs, outputs } = node;
    const axes = attribute(node, "kernel_shape")?.length ?? 3;
    switch (node.op) {
      // Both fail on three spatial axes, a convolution only where it has groups.
      case "Conv":
        return axes > 2 && (attribute(node, "group")?.[0] ?? 1) > 1;
      case "ConvTranspose":
        return axes > 2;
      // Fails where the places of the largest elements are asked for.
      case "MaxPool":
        return outputs.length > 1;
      // Fails where statistics are taken.
      case "BatchNormalization":
        return attribute(node, "training_mode")?.[0] === 1;
      // Fails on the wider filter of a shrinking image.
      case "Resize":
        return attribute(node, "antialias")?.[0] === 1;
      // Fails on axes without names.
      case "Einsum":
        return node.attributes.some(({ value }) => typeof value === "string" && value.includes("..."));
      // Gives other elements where it goes backwards in steps of more than one.
      case "Slice":
        return inputs[4] !== undefined && inputs[4] !== "" && !integers(constants.get(inputs[4])).every((n) => n >= -1);
      default:
        return false;
    }
  });
}

/** The integers of an attribute. */
function attribute({ attributes }: NodeProto, name: string): readonly number[] | undefined {
  const found = attributes.find((one) => one.name === name);
  return found?.kind === "ints" ? found.value : found?.kind === "int" ? [found.value] : undefined;
}

/** The elements of a constant of whole numbers; −∞ where they are not known. */
function integers(tensor: TensorProto | undefined): readonly number[] {
  if (tensor?.elements) return tensor.elements.map(Number);
  if (!tensor?.raw) return [Number.NEGATIVE_INFINITY];
  const { buffer, byteOffset, byteLength } = tensor.raw;
  const view = new DataView(buffer, byteOffset, byteLength);
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  return Array.from({ length: count }, (_, i) =>
    byteLength === 8 * count ? Number(view.getBigInt64(8 * i, true)) : view.getInt32(4 * i, true),
  );
}
