/**
 * Convolutions in a form that ONNX Runtime computes rightly on WebGPU.
 *
 * Its kernel for that device (1.30) takes four input channels at once, or three where three divide their number and four do not. In the second way the
 * sums are wrong where there are more than three, if four divide the number of output channels: 6 → 8 channels is off by as much as the values are
 * large. Zeros that fill the channels up to a multiple of four change no sum; where the number of channels is free, one output channel more does it.
 */

import { type Dim, isSymbolic } from "../graph/dim.ts";
import { type Graph, rebuild, withInputs } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { pad, slice, Tensor, withPath } from "../tensor/index.ts";

/** Fills the channels of convolutions that WebGPU would compute wrongly. The results are the same. */
export function fillChannels(graph: Graph): Graph {
  return rebuild(graph, (node, inputs) => {
    if (node.op !== "Conv") return undefined;
    const [x, weight, bias] = inputs as readonly [Value, Value, Value | undefined];
    const [out, channels, ...kernel] = weight.shape as readonly [Dim, Dim, ...Dim[]];
    const { group, strides = [], pads = [] } = (node as unknown as Node<"Conv">).attributes;
    // A map of each pixel on its own is a matrix product, which has its own kernel.
    const isProduct = [...kernel, ...strides].every((size) => size === 1) && pads.every((size) => size === 0);
    if (group !== 1 || isProduct || (!isSymbolic(out) && out % 4 !== 0)) return undefined;
    const fill = (value: Value, axis: number, zeros: number): Value =>
      withPath(node.scope, () => pad(new Tensor(value), [axis], [[0, zeros]]).value);
    if (isSymbolic(channels)) {
      const more = withInputs(node, [x, fill(weight, 0, 1), bias && fill(bias, 0, 1)]).outputs[0]!;
      return [withPath(node.scope, () => slice(new Tensor(more), 1, 0, out).value)];
    }
    if (channels <= 3 || channels % 3 !== 0 || channels % 4 === 0) return undefined;
    const zeros = 4 - (channels % 4);
    return withInputs(node, [fill(x, 1, zeros), fill(weight, 1, zeros), bias]).outputs;
  });
}
