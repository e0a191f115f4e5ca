import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const data = temporaryFolder();
const others = temporaryFolder();

interface Answer {
  readonly label: string;
  readonly score: number;
}
const run = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await vitrine([...args, "--json"], { cwd: folder });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};
const answers = async (model: string): Promise<readonly Answer[]> =>
  (await run("classify", join(data, "cats/0.png"), "--model", model))[0].predictions;

beforeAll(async () => {
  await writeImages(data, { cats: 8, dogs: 8 });
  await writeImages(others, { x1: 6, y1: 6, z1: 6 });
  const config = writeConfig(folder);
  await run("train", others, "--config", config, "--epochs", "1", "--no-report", "--out", "base");
  const lora = ["--from", "base", "--tune", "lora", "--epochs", "2", "--lr", "0.01", "--no-report"];
  await run("train", data, ...lora, "--out", "adapted");
});

test("an adapter's folder is read with its base: the model that the run merged", async () => {
  const [merged, read] = [await answers("adapted"), await answers("adapted/adapter")];
  expect(read.map(({ label }) => label)).toEqual(merged.map(({ label }) => label));
  for (const [i, { score }] of merged.entries()) expect(read[i]!.score).toBeCloseTo(score, 5);
  expect((await answers("base")).map(({ label }) => label).sort()).toEqual(["x1", "y1", "z1"]);
});

test("--from an adapter's folder fine-tunes what it makes of its base, with a head for the data's classes", async () => {
  const brief = ["--epochs", "1", "--no-report", "--tune", "full"];
  const same = await run("train", data, "--from", "adapted/adapter", ...brief, "--out", "same");
  expect(same.choices).toContainEqual(expect.objectContaining({ what: "head", value: "kept" }));
  const other = await run("train", others, "--from", "adapted/adapter", ...brief, "--out", "other");
  expect(other.classes).toEqual(["x1", "y1", "z1"]);
});

test("an adapter whose base is not there says where its name stands", async () => {
  const path = join(folder, "adapted/adapter/adapter_config.json");
  const before = readFileSync(path, "utf8");
  writeFileSync(path, before.replace(/("base_model_name_or_path": )".*"/, '$1"./moved"'));
  const { code, stderr } = await vitrine(["eval", "adapted/adapter", data], { cwd: folder });
  writeFileSync(path, before);
  expect(code).toBe(1);
  expect(stderr).toMatch(/needs the model that it was trained on.*"\.\/moved".*set base_model_name_or_path/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
