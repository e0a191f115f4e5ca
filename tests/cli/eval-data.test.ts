import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const data = temporaryFolder();
const config = writeConfig(folder);

const train = async (out: string, ...more: readonly string[]): Promise<void> => {
  const brief = ["--config", config, "--epochs", "1", "--no-report", "--out", out];
  const { code, stderr } = await vitrine(["train", data, ...brief, ...more], { cwd: folder });
  expect(code, stderr).toBe(0);
};
const judge = async (model: string, reference: string, ...more: readonly string[]) => {
  const { code, stdout, stderr } = await vitrine(["eval", model, reference, ...more], { cwd: folder });
  expect(code, stderr).toBe(0);
  return stdout;
};

beforeAll(async () => {
  await writeImages(data, { cats: 10, dogs: 10 });
  await train("some", "--hold-back", "0.3", "--seed", "5");
});

test("a run is judged by the very images that it held back, and says so", async () => {
  const text = await judge("some", data);
  expect(text).toContain("judged are the 6 images that the run held back from training");
  const document = JSON.parse(await judge("some", data, "--json"));
  expect(document).toMatchObject({ count: 6, judged: "held back", learntFrom: "no" });
  const log = readFileSync(join(folder, "some/log.jsonl"), "utf8").trim().split("\n");
  const best = log.map((line) => JSON.parse(line)).find(({ type }) => type === "epoch.end");
  expect(document.loss).toBeCloseTo(best.validation.loss, 5);
  expect(JSON.parse(await judge("some", data, "--limit", "2", "--json"))).toMatchObject({ count: 2, learntFrom: "no" });
});

test("a model that learnt from all images, or whose images are not known, gets a warning", async () => {
  await train("none", "--hold-back", "0");
  expect(await judge("none", data)).toMatch(/the model learnt from these images: .* will do worse on others/);
  expect(JSON.parse(await judge("none", data, "--json"))).toMatchObject({ count: 20, learntFrom: "yes" });
  const copy = temporaryFolder();
  for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"])
    copyFileSync(join(folder, "some", name), join(copy, name));
  expect(await judge(copy, data)).toContain("these images may include those it learnt from");
  expect(JSON.parse(await judge(copy, data, "--json"))).toMatchObject({ judged: "all", learntFrom: "unknown" });
});

test("data that has changed since the run is not taken for what it was", async () => {
  const more = temporaryFolder();
  await writeImages(more, { cats: 10, dogs: 10 });
  const brief = ["--config", config, "--epochs", "1", "--no-report", "--out", "before"];
  const trained = await vitrine(["train", more, ...brief], { cwd: folder });
  expect(trained.code, trained.stderr).toBe(0);
  await writeImages(more, { cats: 14, dogs: 10 });
  expect(JSON.parse(await judge("before", more, "--json"))).toMatchObject({ count: 24, learntFrom: "unknown" });
});

test("the folder of one split of a run's data is known for what it is", async () => {
  const parted = temporaryFolder();
  await writeImages(parted, { "train/cats": 3, "train/dogs": 3, "val/cats": 2, "val/dogs": 2 });
  const brief = ["--config", config, "--epochs", "1", "--no-report", "--out", "parted"];
  const trained = await vitrine(["train", parted, ...brief], { cwd: folder });
  expect(trained.code, trained.stderr).toBe(0);
  const part = async (name: string) => JSON.parse(await judge("parted", join(parted, name), "--json"));
  expect(await part("val")).toMatchObject({ count: 4, judged: "validation", learntFrom: "no" });
  expect(await part("train")).toMatchObject({ count: 6, judged: "all", learntFrom: "yes" });
});

test("images that the data keeps for it are judged without a word", async () => {
  const parted = temporaryFolder();
  await writeImages(parted, { "train/cats": 3, "train/dogs": 3, "val/cats": 2, "val/dogs": 2 });
  const text = await judge("some", parted);
  expect(text).not.toContain("learnt from");
  expect(JSON.parse(await judge("some", parted, "--json"))).toMatchObject({
    ...{ count: 4, judged: "validation", learntFrom: "no" },
  });
});
