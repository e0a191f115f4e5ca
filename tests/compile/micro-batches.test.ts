import { expect, test } from "vitest";
import { accumulateGradients, compile, partsFor, traceGraph } from "../../src/compile/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import { fillNormal, keyOf } from "../../src/graph/random.ts";
import { crossEntropySoft } from "../../src/losses/index.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { mean, square, type Tensor } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });
const model = new ViT({ imageSize: 8, patchSize: 4, width: 16, depth: 2, heads: 2, labels: 3 });
const images = ndarray("float32", [6, 3, 8, 8], fillNormal(keyOf(1), new Float32Array(6 * 192)));
const targets = ndarray(
  "float32",
  [6, 3],
  Float32Array.from({ length: 18 }, (_, i) => (i % 3 === i % 2 ? 1 : 0)),
);

async function gradients(parts: number): Promise<Readonly<Record<string, Float32Array>>> {
  const parameters = [...model.parameters()];
  const run = await compile(
    (batch) => {
      const { outputs, gradients } = accumulateGradients(
        (part) => ({ loss: crossEntropySoft(model.forward(part.images!), part.targets!) }),
        batch,
        parameters.map(([, p]) => p),
        parts,
      );
      return {
        loss: outputs.loss,
        ...Object.fromEntries(parameters.map(([name], i) => [`grad.${name}`, gradients[i]!])),
      };
    },
    { images: [6, 3, 8, 8], targets: [6, 3] },
    { runtime },
  );
  const result = await run.run({ images, targets });
  await run.dispose();
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, data as Float32Array]));
}

test.each([2, 3, 4, 6])("gradients in %i parts are those of the whole batch", async (parts) => {
  const whole = await gradients(1);
  const parted = await gradients(parts);
  for (const [name, want] of Object.entries(whole)) {
    const scale = Math.max(...want.map(Math.abs), 1e-6);
    const got = parted[name]!;
    for (const [i, value] of want.entries())
      expect(Math.abs(got[i]! - value) / scale, `${name}[${i}]`).toBeLessThan(1e-4);
  }
});

test("running statistics go on from part to part", async () => {
  const norm = new BatchNorm2d(2);
  const x = ndarray("float32", [4, 2, 1, 1], [1, 10, 3, 30, 5, 50, 7, 70]);
  const lossOf = (part: Readonly<Record<string, Tensor>>) => ({
    loss: mean(square(norm.forward(part.x!, { train: true }))),
  });
  const run = await compile(
    (batch) => ({ loss: accumulateGradients(lossOf, batch, [...norm.parameters().values()], 2).outputs.loss }),
    { x: [4, 2, 1, 1] },
    { runtime },
  );
  await run.run({ x });
  const running = [...norm.buffers()].find(([name]) => name.endsWith("running_mean"))![1].variable.data.data;
  // 0.9 (0.9 · 0 + 0.1 · 2) + 0.1 · 6, as PyTorch after two batches.
  expect(running[0]).toBeCloseTo(0.9 * 0.2 + 0.6, 5);
  expect(running[1]).toBeCloseTo(9 * 0.2 + 6, 4);
  await run.dispose();
});

test("parts have 800 to 1,600 rows where the batch allows, and divide it", () => {
  expect(partsFor(32, 197)).toBe(8);
  expect(partsFor(8, 197)).toBe(2);
  expect(partsFor(1, 197)).toBe(1);
  expect(partsFor(1024, 197)).toBe(8);
  expect(partsFor(64, 65)).toBe(4);
});

test("a batch smaller than its parts is refused", async () => {
  const forward = (batch: Readonly<Record<string, Tensor>>) => ({
    loss: accumulateGradients((part) => ({ loss: mean(part.x!) }), batch, [], 4).outputs.loss,
  });
  await expect(compile(forward, { x: [2, 3] }, { runtime })).rejects.toThrow("at least 4");
});

test("the order of the parts is not differentiated", () => {
  const operators = (parts: number): readonly string[] => {
    const { graph } = traceGraph(
      (batch) => {
        const lossOf = (part: Readonly<Record<string, Tensor>>) => ({
          loss: crossEntropySoft(model.forward(part.images!), part.targets!),
        });
        const wrt = [...model.parameters().values()];
        const { outputs, gradients } = accumulateGradients(lossOf, batch, wrt, parts);
        return { loss: outputs.loss, ...Object.fromEntries(gradients.map((g, i) => [`grad.${i}`, g])) };
      },
      { images: [6, 3, 8, 8], targets: [6, 3] },
    );
    return topologicalOrder(rootsOf(graph)).map(({ op }) => op);
  };
  // A gradient that went on into the images would pass their convolution, and then all the parts before.
  expect(operators(3)).not.toContain("ConvTranspose");
  expect(operators(6).length).toBeLessThan(2.1 * operators(3).length);
});
