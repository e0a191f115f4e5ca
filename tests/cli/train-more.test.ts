/** What `vitrine train` may be given besides data: a teacher, a place for decoded pictures, a pattern of archives. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { filesBelow, temporaryFolder, vitrine, weightsOf } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const config = writeConfig(folder);
const short = ["--no-report", "--no-inspect"];
const tiny = ["train", "shapes", "--config", config, "--limit", "60", ...short];

beforeAll(async () => {
  const { code, stderr } = await vitrine([...tiny, "--out", "teacher"], { cwd: folder });
  expect(code, stderr).toBe(0);
});

test("a student with a token of its own learns from a teacher, and goes on from another folder to the same bits", async () => {
  const place = temporaryFolder();
  const distilled = writeConfig(place, {
    distillationAlpha: 0.7,
    model: { patchSize: 4, width: 16, depth: 2, heads: 2, mlpWidth: 32, distilled: true },
  });
  const args = ["train", "shapes", "--config", distilled, "--limit", "60", "--teacher", "teacher", ...short];
  const whole = await vitrine([...args, "--out", "student"], { cwd: folder });
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stderr).toMatch(/teacher {5}.*\/teacher, 21,162 parameters: the label it names, weight 0\.7/);
  const { distillation, distillationAlpha } = JSON.parse(readFileSync(join(folder, "student/recipe.json"), "utf8"));
  expect({ distillation, distillationAlpha }).toEqual({ distillation: "hard", distillationAlpha: 0.7 });
  const out = join(folder, "stopped");
  let sent = false;
  const stopped = await vitrine([...args, "--checkpoint-every", "1", "--out", out], {
    cwd: folder,
    onStderr: (text, kill) => {
      if (sent || !text.includes("epoch 1/2")) return;
      sent = true;
      kill("SIGINT");
    },
  });
  expect(stopped.code).toBe(130);
  const resumed = await vitrine(["train", "--resume", "--out", out, ...short], { cwd: place });
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(weightsOf(out)).toEqual(weightsOf(join(folder, "student")));
});

test("a teacher that does not fit is refused, and so is distillation without one", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 4, dogs: 4 });
  const other = await vitrine(["train", data, "--teacher", "teacher", "--out", "no", ...short], { cwd: folder });
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/must have the student's labels, got 10 for 2/);
  const alone = await vitrine([...tiny, "--distillation", "soft", "--out", "no"], { cwd: folder });
  expect(alone.stderr).toMatch(/distillation is soft, and there is no teacher; .*--teacher/);
  expect(filesBelow(folder)).not.toContain("no");
});

test("pictures that are kept give the same weights", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 12, dogs: 12 });
  const args = ["train", data, "--config", config, "--batch", "8", ...short];
  for (const [out, store] of Object.entries({ decoded: [], kept: ["memory"], disk: ["cache"], again: ["cache"] })) {
    const more = store.flatMap((where) => ["--store", where]);
    const { code, stderr } = await vitrine([...args, ...more, "--out", out], { cwd: folder });
    expect(code, stderr).toBe(0);
    expect(weightsOf(join(folder, out))).toEqual(weightsOf(join(folder, "decoded")));
  }
  const kept = filesBelow(join(folder, "cache"));
  expect(kept.filter((file) => /^validation\/.*\.pixels$/.test(file))).toHaveLength(2);
  expect(kept.filter((file) => /^train\/.*\.pixels$/.test(file)).length).toBeGreaterThanOrEqual(16);
});

test("large pictures are made smaller first, and kept in memory unless that is refused", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 12, dogs: 12 }, 200);
  const small = { imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, mlpWidth: 16 };
  const file = writeConfig(temporaryFolder(), { epochs: 3, batchSize: 8, model: small });
  const args = ["train", data, "--config", file, "--no-report"];
  const { code, stderr } = await vitrine([...args, "--out", "large"], { cwd: folder });
  expect(code, stderr).toBe(0);
  // √(0.3 × 3/4) of 96 pixels is 46, of 64 it is 30.
  expect(stderr).toMatch(/presize +96 +.*200 pixels/);
  expect(stderr).toMatch(/estimate .*of memory without the images that are kept/);
  expect(JSON.parse(readFileSync(join(folder, "large/recipe.json"), "utf8"))).toMatchObject({ presize: 96 });
  const decoded = await vitrine([...args, "--store", "none", "--out", "large-decoded"], { cwd: folder });
  expect(decoded.code, decoded.stderr).toBe(0);
  expect(decoded.stderr).toMatch(/estimate .*of memory \(/);
  expect(weightsOf(join(folder, "large-decoded"))).toEqual(weightsOf(join(folder, "large")));
});

test("a named model takes small images in a form that fits them, and goes on in it", async () => {
  const place = temporaryFolder();
  const small = { depths: [1, 1], widths: [8, 16] };
  const file = writeConfig(place, { model: small, warmupEpochs: 0 });
  const args = ["train", "shapes", "--model", "resnet18", "--config", file, "--limit", "40", ...short];
  const { code, stderr } = await vitrine([...args, "--out", "named"], { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/images 64 × 64/);
  expect(stderr).toMatch(/the data's images are small/);
  expect(JSON.parse(readFileSync(join(folder, "named/recipe.json"), "utf8"))).toMatchObject({
    optimizer: "sgd",
    momentum: 0.9,
    crop: "padded",
    pad: 4,
  });
  const again = await vitrine(["train", "--resume", "--out", "named", ...short, "--json"], { cwd: folder });
  expect(again.code, again.stderr).toBe(0);
  const wide = writeConfig(place, { model: { ...small, imageSize: 96 }, warmupEpochs: 0 });
  const own = await vitrine(
    ["train", "shapes", ...args.slice(2, 4), "--config", wide, ...args.slice(6), "--out", "own"],
    {
      cwd: folder,
    },
  );
  expect(own.stderr).toMatch(/images 96 × 96/);
});

test("a place that cannot hold pictures is refused, and drawn shapes need none", async () => {
  writeFileSync(join(folder, "file"), "");
  const data = temporaryFolder();
  mkdirSync(join(data, "cats"));
  const { code, stderr } = await vitrine([...tiny, "--store", "file", "--out", "no"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toMatch(/--store must be memory, none, or a folder.*EEXIST/);
  const drawn = await vitrine([...tiny, "--store", "memory", "--epochs", "1", "--out", "drawn"], { cwd: folder });
  expect(drawn.stderr).toContain("--store keeps nothing: the images of shapes");
});

test.each([["classify"], ["explain"]])("%s of a file that is not there says only that", async (verb) => {
  const { code, stdout, stderr } = await vitrine([verb, "nowhere.png"], { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain("nowhere.png");
});

test("a named model made for small images sees them whole afterwards, as it did in training", async () => {
  const place = temporaryFolder();
  const small = writeConfig(place, {
    epochs: 1,
    model: { imageSize: 24, patchSize: 8, width: 16, depth: 1, heads: 2, mlpWidth: 16 },
  });
  const args = ["train", "shapes", "--model", "vit_tiny_patch16_224", "--config", small, "--limit", "40", ...short];
  const { code, stderr } = await vitrine([...args, "--out", "small"], { cwd: place });
  expect(code, stderr).toBe(0);
  const { pretrained_cfg } = JSON.parse(readFileSync(join(place, "small/config.json"), "utf8"));
  expect(pretrained_cfg).toMatchObject({ input_size: [3, 24, 24], crop_pct: 1 });
});
