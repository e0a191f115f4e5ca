/**
 * How well a digit classifier reads other hands: MNIST's 10,000 test images, each rewritten in one way, and in all ways at once as a person draws on a canvas.
 *
 * `node tools/run.mjs bench/handwriting.ts MODEL MNIST_FOLDER`
 */

import { asWritten, drawHandwriting, type Handwriting, rewrite } from "../src/data/augment/handwriting.ts";
import { memoryDataset, sharedBytes } from "../src/data/datasets/memory.ts";
import { openDataset } from "../src/data/open-node.ts";
import { stream } from "../src/graph/random.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { evaluateDataset } from "../src/tasks/evaluate-node.ts";

const [reference, dataDir] = process.argv.slice(2) as [string, string];
const pretrained = await loadPretrained(reference);
const { test } = await openDataset("mnist", { dataDir });
const runtime = await nodeRuntime();

/** One way for all images, or one for each. */
const ways: Readonly<Record<string, (index: number) => Handwriting>> = {
  "as written": () => asWritten,
  "thick (+1.5 pixels on each side)": () => ({ ...asWritten, thickness: 1.5 }),
  "thin (−0.5 pixels on each side)": () => ({ ...asWritten, thickness: -0.5 }),
  "shifted (4 pixels right and down)": () => ({ ...asWritten, right: 4, down: 4 }),
  "shifted (4 pixels left and up)": () => ({ ...asWritten, right: -4, down: -4 }),
  "rotated (20° counter-clockwise)": () => ({ ...asWritten, degrees: 20 }),
  "rotated (20° clockwise)": () => ({ ...asWritten, degrees: -20 }),
  "small (0.7)": () => ({ ...asWritten, scale: 0.7 }),
  inverted: () => ({ ...asWritten, inverted: true }),
  "all at random": (index) => drawHandwriting(stream(2026, "handwriting", index)),
};
process.stdout.write("| handwriting | accuracy |\n|---|---|\n");
for (const [name, way] of Object.entries(ways)) {
  const pixels = sharedBytes(test!.length * 784);
  const labels = new Uint16Array(test!.length);
  for (let i = 0; i < test!.length; i++) {
    const { image, label } = await test!.get(i);
    pixels.set(rewrite(image, way(i)).data, i * 784);
    labels[i] = label;
  }
  const { classes } = test!;
  const sizes = Uint16Array.of(28, 28);
  const written = memoryDataset({ kind: "memory", name, classes, labels, channels: 1, sizes, pixels });
  const { accuracy } = await evaluateDataset(pretrained, written, runtime);
  process.stdout.write(`| ${name} | ${(100 * accuracy).toFixed(2)} % |\n`);
}
