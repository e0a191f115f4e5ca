import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "../../src/train/checkpoint-node.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function at(step: number): Checkpoint {
  return {
    state: {
      step,
      runId: "run",
      best: undefined,
      epochSums: { loss: 0.1 + step, accuracy: 0.5, steps: 3 },
      losses: [1, 0.1],
    },
    model: new Map([["w", ndarray("float32", [2], [step, 0.1])]]),
    optimizer: new Map([["w/exp_sum", ndarray("float32", [2], [1, 2])]]),
  };
}

const quiet = (): void => {};

test("what is saved is loaded, to the bit", async () => {
  await saveCheckpoint(folder, at(7));
  const loaded = (await loadCheckpoint(folder, quiet))!;
  expect(JSON.parse(JSON.stringify(loaded.state))).toEqual(JSON.parse(JSON.stringify(at(7).state)));
  expect(loaded.model.get("w")!.data).toEqual(Float32Array.of(7, 0.1));
  expect(loaded.optimizer.get("w/exp_sum")!.data).toEqual(Float32Array.of(1, 2));
});

test.each([
  [{ epoch: 1, accuracy: 0.75 }, "accuracy"],
  [{ epoch: 1, accuracy: 0.75, loss: 2 }, "loss"],
  [{ epoch: 1, by: "balanced accuracy", accuracy: 0.75, balancedAccuracy: 0.5 }, "balanced accuracy"],
] as const)(
  "the best epoch %o was chosen by %s, as checkpoints before there was a choice do not say",
  async (best, by) => {
    const checkpoint = at(7);
    await saveCheckpoint(folder, { ...checkpoint, state: { ...checkpoint.state, best: best as never } });
    expect((await loadCheckpoint(folder, quiet))!.state.best).toEqual({ ...best, by });
  },
);

test("only the newest two are kept, and the newest is loaded", async () => {
  for (const step of [1, 2, 10]) await saveCheckpoint(folder, at(step));
  expect((await readdir(folder)).sort()).toEqual(["step-00000002", "step-00000010"]);
  expect((await loadCheckpoint(folder, quiet))!.state.step).toBe(10);
});

test("no checkpoint is no error", async () => {
  expect(await loadCheckpoint(join(folder, "nothing"), quiet)).toBeUndefined();
});

const files = ["model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"];
const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
  missing: (path) => rm(path),
  empty: (path) => truncate(path, 0),
  "cut short": async (path) => truncate(path, (await readFile(path)).length - 3),
  "with a flipped bit": async (path) => {
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 4;
    await writeFile(path, bytes);
  },
};

test.each(files.flatMap((file) => Object.keys(damages).map((damage) => [file, damage] as const)))(
  "%s %s: the checkpoint before is used, and a message says why",
  async (file, damage) => {
    await saveCheckpoint(folder, at(1));
    const newest = await saveCheckpoint(folder, at(2));
    await damages[damage]!(join(newest, file));
    const messages: string[] = [];
    const loaded = await loadCheckpoint(folder, (message) => messages.push(message));
    expect(loaded!.state.step).toBe(1);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain("step-00000002 is damaged");
  },
);

test("when all are damaged, nothing is loaded and the user is told", async () => {
  const only = await saveCheckpoint(folder, at(1));
  await rm(join(only, "state.json"));
  await expect(loadCheckpoint(folder, quiet)).rejects.toThrow("no checkpoint is whole");
});

test("what a killed process left half-written is swept away", async () => {
  await saveCheckpoint(folder, at(1));
  await mkdir(join(folder, ".writing-abc"));
  await writeFile(join(folder, ".writing-abc", "model.safetensors"), "half");
  expect((await loadCheckpoint(folder, quiet))!.state.step).toBe(1);
  expect(await readdir(folder)).toEqual(["step-00000001"]);
});

test("a folder that cannot be written to is a clear error", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(saveCheckpoint(join(folder, "file"), at(1))).rejects.toThrow("the checkpoint could not be written");
});
