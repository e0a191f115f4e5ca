/** A model of one's own, trained: a function that records updates is a training step. */

import { compile, grad, ndarray, nodeRuntime, type Tensor } from "vitrine";
import { crossEntropy } from "vitrine/losses";
import { Linear, Module } from "vitrine/nn";
import { adamW, weightDecayGroups } from "vitrine/optim";
import { tanh } from "vitrine/tensor";

class TwoLayers extends Module {
  readonly hidden: Linear = new Linear(2, 16);
  readonly output: Linear = new Linear(16, 2);

  forward(x: Tensor): Tensor {
    return this.output.forward(tanh(this.hidden.forward(x)));
  }
}

const model = new TwoLayers().initialize(1);
const parameters = model.parameters();
const optimizer = adamW(weightDecayGroups(parameters, 0.01));
const step = await compile(
  ({ x, labels, ...scalars }) => {
    const loss = crossEntropy(model.forward(x), labels);
    optimizer.update(grad(loss, [...parameters.values()]), scalars);
    return { loss };
  },
  { x: [4, 2], labels: { dtype: "int64", shape: [4] }, ...optimizer.inputs },
  { runtime: await nodeRuntime({ threads: 1 }) },
);

// Exclusive or: not learnable without the hidden layer.
const x = ndarray("float32", [4, 2], [0, 0, 0, 1, 1, 0, 1, 1]);
const labels = ndarray("int64", [4], [0, 1, 1, 0]);
for (let i = 0; i < 300; i++) {
  const { loss } = await step.run({ x, labels, ...optimizer.feeds(i, 0.02) });
  if (i % 100 === 99) console.log(`step ${i + 1}  loss ${(loss!.data[0] as number).toFixed(4)}`);
}
await step.dispose();
