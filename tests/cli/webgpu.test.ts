/** WebGPU in Node: processes of their own, since a fault of the engine there would end the whole process. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { softwareVulkan } from "../runtime/software-vulkan.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
// Steps of AdamW would make a number that is nearly zero on one device as large as any other.
const config = writeConfig(folder, { epochs: 1, batchSize: 8, optimizer: "sgd", learningRate: 0.02, momentum: 0.9 });

async function told(device: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const options = { cwd: folder, env: softwareVulkan ?? {} };
  const { code, stdout, stderr } = await vitrine([...args, "--device", device, "--json", "--quiet"], options);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** All numbers of a folder's model, and of its optimiser. */
function numbersOf(run: string): ReadonlyMap<string, Float32Array> {
  const files = ["model.safetensors", "checkpoints/step-00000003/optimizer.safetensors"];
  return new Map(
    files.flatMap((file) =>
      [...readSafetensors(readFileSync(join(folder, run, file)), file).tensors].map(
        ([name, { data }]) => [`${file} ${name}`, data as Float32Array] as const,
      ),
    ),
  );
}

// The software driver computes a hundred times as slowly as the processor.
const patience = { timeout: 400_000 };

test.skipIf(!softwareVulkan)(
  "a training on WebGPU is kept whole, ends as on the processor, and its model answers alike on both",
  patience,
  async () => {
    const args = ["train", "shapes", "--config", config, "--limit", "27", "--no-inspect", "--no-report"];
    for (const device of ["webgpu", "cpu"]) await told(device, ...args, "--out", device);
    const [there, here] = [numbersOf("webgpu"), numbersOf("cpu")];
    expect([...there.keys()]).toEqual([...here.keys()]);
    for (const [name, numbers] of here) {
      const others = there.get(name)!;
      const gap = numbers.reduce((most, x, i) => Math.max(most, Math.abs(x - others[i]!)), 0);
      expect(gap, name).toBeLessThan(1e-4);
    }
    await writeImages(folder, { noise: 1 });
    const [one, other] = [
      await told("webgpu", "classify", "noise/0.png", "--model", "webgpu"),
      await told("cpu", "classify", "noise/0.png", "--model", "webgpu"),
    ].map((answer) => (answer as unknown as { predictions: { label: string; score: number }[] }[])[0]!.predictions);
    expect(one!.map(({ label }) => label)).toEqual(other!.map(({ label }) => label));
    for (const [i, { score }] of one!.entries()) expect(score).toBeCloseTo(other![i]!.score, 4);
  },
);

test.skipIf(!softwareVulkan || !hasShared)(
  "verify finds the references' values and gradients there",
  patience,
  async () => {
    const files = ["vit-class-token", "swin-timm", "resnet-basic-train", "gpt2-tiny"].map((name) =>
      sharedPath(`goldens/${name}.safetensors`),
    );
    const { code, stdout, stderr } = await vitrine(["verify", ...files, "--device", "webgpu"], {
      env: softwareVulkan ?? {},
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("4 of 4 files within tolerance");
  },
);
