import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { filesBelow, type Result, temporaryFolder, vitrine, weightsOf } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const config = writeConfig(folder);
/** Two epochs of three steps. */
const tiny = ["train", "shapes", "--config", config, "--limit", "60", "--checkpoint-every", "1", "--no-report"];

/** A run that nothing disturbs: what all others must come to. */
let undisturbed: readonly string[];

beforeAll(async () => {
  const { code, stderr } = await vitrine([...tiny, "--out", "whole"], { cwd: folder });
  expect(code, stderr).toBe(0);
  undisturbed = weightsOf(join(folder, "whole"));
});

test("a run ends with a model, its recipe, the log and checkpoints, and says what to do next", async () => {
  const { code, stdout, stderr } = await vitrine([...tiny, "--out", "again"], { cwd: folder });
  expect(code).toBe(0);
  for (const verb of [
    "eval again shapes",
    "classify IMAGE --model again",
    "explain IMAGE --model again",
    "export again",
  ])
    expect(stdout).toContain(`vitrine ${verb}`);
  expect(stderr).toContain("its validation images");
  const files = filesBelow(join(folder, "again"));
  for (const file of ["config.json", "preprocessor_config.json", "model.safetensors", "recipe.json", "log.jsonl"])
    expect(files).toContain(file);
  expect(files.filter((file) => /tmp|writing/.test(file))).toEqual([]);
  expect(weightsOf(join(folder, "again"))).toEqual(undisturbed);
});

test("with --json there is one document on standard output, and with --quiet nothing else", async () => {
  const { code, stdout, stderr } = await vitrine([...tiny, "--out", "json", "--json", "--quiet"], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const result = JSON.parse(stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ folder: "json", parameters: 21162, epochs: 2, steps: 6, resumedAt: 0, skipped: [] });
  expect(Object.keys(result.images as object)).toEqual(["train", "validation"]);
});

test("how many workers read the images changes no bit", async () => {
  for (const workers of ["0", "3"]) {
    const out = `workers-${workers}`;
    const { code } = await vitrine([...tiny, "--out", out, "--workers", workers], { cwd: folder });
    expect(code).toBe(0);
    expect(weightsOf(join(folder, out))).toEqual(undisturbed);
  }
});

test("another seed gives other weights", async () => {
  await vitrine([...tiny, "--out", "seed", "--seed", "1"], { cwd: folder });
  expect(weightsOf(join(folder, "seed"))).not.toEqual(undisturbed);
});

test("a second run into the same folder is refused and changes nothing", async () => {
  const { code, stderr } = await vitrine([...tiny, "--out", "whole"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toMatch(/must be new or empty.*--resume/);
  expect(weightsOf(join(folder, "whole"))).toEqual(undisturbed);
});

test("a folder of something else is refused even with --resume", async () => {
  const other = temporaryFolder();
  writeFileSync(join(other, "letter.txt"), "dear");
  for (const resume of [[], ["--resume"]]) {
    const { code } = await vitrine([...tiny, "--out", other, ...resume], { cwd: folder });
    expect(code).toBe(1);
    expect(filesBelow(other)).toEqual(["letter.txt"]);
  }
});

test("--resume goes on with no other settings than the run's own", async () => {
  const { code, stderr } = await vitrine(["train", "--resume", "--out", "whole", "--lr", "0.5"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toContain("continued with the data, model, recipe and seed it began with");
  expect(weightsOf(join(folder, "whole"))).toEqual(undisturbed);
});

test("two processes cannot train in one folder", async () => {
  let second: Promise<Result> | undefined;
  const first = await vitrine([...tiny, "--out", "twice"], {
    cwd: folder,
    onStderr: (text) => {
      if (text.includes("epoch 1/2")) second ??= vitrine(["train", "--resume", "--out", "twice"], { cwd: folder });
    },
  });
  expect(first.code).toBe(0);
  // Beside the first it is refused; had the first just ended, it finds the run done.
  const { code, stderr } = await second!;
  if (code !== 0) expect(stderr).toMatch(/one process at a time trains in a folder, process \d+ does/);
  expect(weightsOf(join(folder, "twice"))).toEqual(undisturbed);
  expect(filesBelow(join(folder, "twice"))).not.toContain("run.lock");
});

test("a finished run, resumed, is finished", async () => {
  const { code, stdout } = await vitrine(["train", "--resume", "--out", "whole", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ steps: 6, resumedAt: 6 });
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s stops a run after its step; --resume gives the same bits",
  async (name) => {
    let sent = false;
    const stopped = await vitrine([...tiny, "--out", name], {
      cwd: folder,
      onStderr: (text, kill) => {
        if (!sent && text.includes("epoch 1/2")) {
          sent = true;
          kill(name);
        }
      },
    });
    expect(stopped.code).toBe(name === "SIGINT" ? 130 : 143);
    expect(stopped.stderr).toMatch(/vitrine: stopped after step \d of 6; continue with --resume/);
    expect(stopped.stderr).toContain(`vitrine train --resume --out ${name}`);
    const resumed = await vitrine(["train", "--resume", "--out", name], { cwd: folder });
    expect(resumed.code).toBe(0);
    expect(weightsOf(join(folder, name))).toEqual(undisturbed);
  },
);

test("a run killed at any moment goes on to the same bits", async () => {
  const started = performance.now();
  await vitrine([...tiny, "--out", "timed"], { cwd: folder });
  const whole = performance.now() - started;
  for (const [i, moment] of [0.3, 0.5, 0.65, 0.8, 0.9].entries()) {
    const out = `killed-${i}`;
    await vitrine([...tiny, "--out", out], { cwd: folder, killAfter: moment * whole });
    // Where it was killed before it wrote anything, there is no run to go on with.
    const again = await vitrine(["train", "--resume", "--out", out], { cwd: folder });
    const result = again.code === 0 ? again : await vitrine([...tiny, "--out", out], { cwd: folder });
    expect(result.code, result.stderr).toBe(0);
    expect(weightsOf(join(folder, out))).toEqual(undisturbed);
    expect(filesBelow(join(folder, out)).filter((file) => /tmp|writing/.test(file))).toEqual([]);
  }
});

test("the log of a resumed run has each step once", async () => {
  const lines = readFileSync(join(folder, "SIGINT/log.jsonl"), "utf8").trimEnd().split("\n");
  const steps = lines
    .map((line) => JSON.parse(line) as { type: string; step?: number })
    .filter((e) => e.type === "step");
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a folder without validation images holds some back, and names the files that it skips", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 12, dogs: 12 });
  writeFileSync(join(data, "cats/broken.png"), "no image");
  writeFileSync(join(data, "dogs/notes.txt"), "good dog");
  const args = ["train", data, "--config", config, "--seed", "5", "--json"];
  const { code, stdout, stderr } = await vitrine([...args, "--out", "folder"], { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("held back");
  expect(stderr).toMatch(/skipped .*notes\.txt: not named like an image/);
  expect(stderr).toMatch(/skipped .*broken\.png: /);
  const result = JSON.parse(stdout) as { classes: string[]; images: { train: number; validation: number } };
  expect(result.classes).toEqual(["cats", "dogs"]);
  expect(result.images).toEqual({ train: 23, validation: 2 });
});

test("--strict stops at a file that cannot be read", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 6, dogs: 6 });
  writeFileSync(join(data, "cats/broken.png"), "no image");
  const { code, stderr } = await vitrine(["train", data, "--config", config, "--strict", "--out", "strict"], {
    cwd: folder,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/every image must be readable under strict.*broken\.png/);
  expect(filesBelow(folder)).not.toContain("strict");
});

test("without augmentation, too, other images stand in for those that cannot be read", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 12, dogs: 12 });
  writeFileSync(join(data, "cats/broken.png"), "no image");
  const plain = writeConfig(temporaryFolder(), { crop: "none", flip: 0 });
  const args = ["train", data, "--config", plain, "--epochs", "4", "--batch", "8", "--out", "plain", "--json"];
  const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ skipped: [{ file: join(data, "cats/broken.png") }] });
});

test("--from fine-tunes a model with a new head for the data's classes", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 8, dogs: 8 });
  const args = ["train", data, "--from", "whole", "--epochs", "1", "--batch", "4", "--out", "tuned", "--json"];
  const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ classes: ["cats", "dogs"], epochs: 1 });
  const evaluation = await vitrine(["eval", "tuned", data, "--json"], { cwd: folder });
  expect(evaluation.code).toBe(0);
  expect(JSON.parse(evaluation.stdout)).toMatchObject({ count: 2, judged: "held back" });
});

test("--from keeps the head where the model's classes are the data's, also when the run goes on", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 8, dogs: 8 });
  const again = ["--tune", "full", "--epochs", "2", "--batch", "4", "--no-report", "--json"];
  const args = ["train", data, "--from", "tuned", ...again];
  const { code, stdout, stderr } = await vitrine([...args, "--out", "more"], { cwd: folder });
  expect(code, stderr).toBe(0);
  const { choices } = JSON.parse(stdout) as { choices: readonly { what: string; value: string }[] };
  expect(choices).toContainEqual(expect.objectContaining({ what: "head", value: "kept" }));
  // As if it had been killed before its first checkpoint: all is done again, from the same head.
  const checkpoints = join(folder, "more/checkpoints");
  const last = join(checkpoints, readdirSync(checkpoints).sort().at(-1)!, "model.safetensors");
  const undone = readFileSync(last);
  rmSync(checkpoints, { recursive: true });
  const resumed = await vitrine(["train", "--resume", "--out", "more", "--no-report"], { cwd: folder });
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(readFileSync(last).equals(undone)).toBe(true);
});
