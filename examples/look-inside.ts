/** The same forward runs, exports and explains: a tap is a named value that becomes an output when somebody asks. */

import { compile, ndarray, nodeRuntime } from "vitrine";
import { ViT, vitSizes } from "vitrine/models";

const model = new ViT({ ...vitSizes.Ti, depth: 2, imageSize: 32, patchSize: 8, labels: 10 });
console.log(model.parameterCount(), "parameters");

const run = await compile(
  ({ images }) => ({ logits: model.forward(images) }),
  { images: ["b", 3, 32, 32] },
  { runtime: await nodeRuntime(), taps: ["blocks.1.attn.probs"] },
);
const two = ndarray("float32", [2, 3, 32, 32], new Float32Array(2 * 3 * 32 * 32));
const { logits, "blocks.1.attn.probs": probs } = await run.run({ images: two });
console.log("logits", logits!.shape, "attention", probs!.shape); // [2, 10] and [2, 3, 17, 17]
await run.dispose();
