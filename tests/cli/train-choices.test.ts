import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const data = temporaryFolder();
const config = writeConfig(folder);

interface Outcome {
  readonly choices: readonly { readonly what: string; readonly value: string; readonly reason: string }[];
  readonly last: { readonly train: { readonly loss: number } };
}
const train = async (out: string, reference: string, ...more: readonly string[]) => {
  const args = ["train", reference, "--out", out, "--no-report", "--json", ...more];
  const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  return { ...(JSON.parse(stdout) as Outcome), stderr };
};

beforeAll(async () => {
  await writeImages(data, { cats: 8, dogs: 8 });
  await train("base", data, "--config", config);
});

test.each(["lora", "probe"])("--tune %s over random weights is refused, and leaves nothing behind", async (tune) => {
  const env = { HF_HUB_CACHE: join(folder, "no-cache") };
  const { code, stderr } = await vitrine(["train", data, "--tune", tune, "--out", "never"], { cwd: folder, env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/leaves weights as they are must begin with trained ones.*got tune .* --from/s);
  expect(filesBelow(folder)).not.toContain("never");
});

test("one image a class: no head in closed form, and a loss that is finite and small", async () => {
  const single = temporaryFolder();
  await writeImages(single, { a1: 1, b1: 1, c1: 1, d1: 1 });
  const { choices, last, stderr } = await train("single", single, "--from", "base", "--epochs", "2");
  expect(last.train.loss).toBeLessThan(10);
  expect(choices.map(({ value }) => value)).not.toContain("closed form");
  expect(stderr).not.toContain("a head alone gets");
});

test("--head chooses what the head begins with, also when the run goes on", async () => {
  const headOf = ({ choices }: Outcome) => choices.find(({ what }) => what === "head");
  const brief = ["--from", "base", "--tune", "full", "--epochs", "1"];
  expect(headOf(await train("kept", data, ...brief, "--head", "keep"))).toMatchObject({
    ...{ value: "kept", reason: "as asked" },
  });
  expect(headOf(await train("closed", data, ...brief, "--head", "closed"))).toMatchObject({
    ...{ value: "closed form", reason: "as asked" },
  });
  expect(headOf(await train("random", data, ...brief, "--head", "random"))).toMatchObject({
    ...{ value: "random", reason: "as asked" },
  });
  for (const name of ["closed", "random"]) {
    const checkpoints = join(folder, name, "checkpoints");
    const last = join(checkpoints, readdirSync(checkpoints).sort().at(-1)!, "model.safetensors");
    const undone = readFileSync(last);
    rmSync(checkpoints, { recursive: true });
    const resumed = await vitrine(["train", "--resume", "--out", name, "--no-report"], { cwd: folder });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(readFileSync(last).equals(undone)).toBe(true);
  }
  const others = temporaryFolder();
  await writeImages(others, { x1: 4, y1: 4 });
  const refused = await vitrine(["train", others, ...brief, "--head", "keep", "--out", "no"], { cwd: folder });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/a head is kept where the model's classes are the data's/);
  const without = await vitrine(["train", data, "--config", config, "--head", "keep", "--out", "no"], { cwd: folder });
  expect(without.code).toBe(2);
  expect(without.stderr).toMatch(/--head .* --from/s);
});

test("settings that are not the usual ones are said, with what they are for", async () => {
  const { choices } = await train("sgd", data, "--model", "resnet18", "--epochs", "1", "--batch", "8");
  const other = choices.find(({ what }) => what === "other settings")!;
  expect(other.value).toMatch(/optimizer sgd/);
  expect(other.value).toMatch(/weightDecay 5e-4/);
  expect(other.value).toMatch(/clipNorm no/);
  expect(other.reason).toMatch(/--config/);
});
