import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const config = writeConfig(folder);
const data = temporaryFolder();
const brief = ["--config", config, "--epochs", "1", "--no-report"];

/** Six shapes of two classes in training, two in validation, one of which is a copy of a training image. */
beforeAll(async () => {
  const shapes = shapesDataset({ split: "train", seed: 0, size: 64 });
  const counts = new Map<number, number>();
  for (let i = 0; i < 400; i++) {
    const label = shapes.labelOf(i);
    const count = counts.get(label) ?? 0;
    if (label > 1 || count >= 8) continue;
    counts.set(label, count + 1);
    const path = join(data, count < 6 ? "train" : "val", shapes.classes[label]!);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `${count}.png`), await encodePng((await shapes.get(i)).image));
  }
  const [one, other] = shapes.classes as [string, string];
  copyFileSync(join(data, "train", one, "0.png"), join(data, "val", one, "leaked.png"));
  copyFileSync(join(data, "train", one, "1.png"), join(data, "train", other, "conflict.png"));
  writeFileSync(join(data, "train", one, "broken.png"), "no image");
  const { code, stderr } = await vitrine(["train", "shapes", "--config", config, "--limit", "60", "--out", "small"], {
    cwd: folder,
  });
  expect(code, stderr).toBe(0);
});

test("inspect names the leak, the conflict and the broken file, and changes nothing", async () => {
  const before = filesBelow(data);
  const { code, stdout } = await vitrine(["inspect", data], { cwd: folder });
  expect(code).toBe(0);
  expect(stdout).toMatch(/LEAK: 1 validation or test image shows the same[^\n]*\n[^\n]*0\.png = [^\n]*leaked\.png/);
  expect(stdout).toMatch(/under different labels[^\n]*\n[^\n]*1\.png \(\w+\) = [^\n]*conflict\.png \(\w+\)/);
  expect(stdout).toMatch(/1 file cannot be read[^\n]*\n[^\n]*broken\.png/);
  expect(stdout).toContain("labels were not judged");
  expect(filesBelow(data)).toEqual(before);
});

test("inspect counts the files that it leaves out, by their endings", async () => {
  const phone = temporaryFolder();
  await writeImages(phone, { cats: 2, dogs: 2 });
  for (const name of ["cats/a.HEIC", "cats/b.heic", "dogs/notes.txt", "dogs/.DS_Store"])
    writeFileSync(join(phone, name), "");
  const { code, stdout } = await vitrine(["inspect", phone]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/2 \.heic files left out: HEIC cannot be read here; export as JPEG/);
  expect(stdout).toMatch(/1 \.txt file left out: not named like an image/);
  const document = JSON.parse((await vitrine(["inspect", phone, "--json"])).stdout) as { skipped: unknown };
  expect(document.skipped).toMatchObject([
    { ending: ".heic", count: 2 },
    { ending: ".txt", count: 1 },
  ]);
});

test("inspect --json is one document with all that was found", async () => {
  const { code, stdout, stderr } = await vitrine(["inspect", data, "--from", "small", "--json", "--quiet"], {
    cwd: folder,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const document = JSON.parse(stdout) as Record<string, unknown>;
  expect(document).toMatchObject({
    splits: [
      { split: "train", images: 14, width: { least: 64, median: 64, greatest: 64 } },
      { split: "validation", images: 5 },
    ],
    unreadable: [{ split: "train", file: expect.stringContaining("broken.png") }],
  });
  expect((document.copies as unknown[]).length).toBe(2);
  expect(typeof document.probeAccuracy).toBe("number");
});

test("inspect stops at what is no data set", async () => {
  const { code, stderr } = await vitrine(["inspect", join(folder, "nothing")]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/a data set must be a/);
});

test("train says first what it found and what it chose, each with its reason", async () => {
  const { code, stderr, stdout } = await vitrine(["train", data, ...brief, "--out", "told", "--json"], { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/! LEAK: 1 validation or test image/);
  expect(stderr).toMatch(/method full {2,}nothing is trained yet/);
  expect(stderr).toMatch(/epochs 1 {2,}as asked/);
  const { findings, choices } = JSON.parse(stdout) as { findings: { code: string }[]; choices: { what: string }[] };
  expect(findings.map(({ code }) => code)).toEqual(["leak", "conflict", "unreadable", "few"]);
  expect(choices.map(({ what }) => what)).toContain("learning rate");
  const kept = JSON.parse(readFileSync(join(folder, "told/recipe.json"), "utf8")) as {
    settings: { choices: unknown[] };
  };
  expect(kept.settings.choices).toEqual(choices);
});

test("--no-inspect looks at nothing", async () => {
  const { code, stderr, stdout } = await vitrine(
    ["train", data, ...brief, "--out", "blind", "--no-inspect", "--json"],
    {
      cwd: folder,
    },
  );
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain("LEAK");
  expect(JSON.parse(stdout)).toMatchObject({ findings: [], report: null });
});

test("the share that is held back can be chosen, down to nothing: then the last epoch is kept, and the report says what it judges", async () => {
  const data = temporaryFolder();
  await writeImages(data, { cats: 10, dogs: 10 });
  const train = (...more: readonly string[]) =>
    vitrine(["train", data, "--config", config, "--no-inspect", ...more], { cwd: folder });
  const some = await train("--hold-back", ".3", "--no-report", "--out", "some");
  expect(some.stderr).toContain(
    "validation  6 of its images, held back (30.0 % of each class, chosen by --seed) (6 images)",
  );
  const none = await train("--hold-back", "0", "--out", "none");
  expect(none.code, none.stderr).toBe(0);
  expect(none.stderr).toContain("20 images, 2 classes");
  expect(none.stderr).toContain("validation  none, as asked");
  expect(readFileSync(join(folder, "none/log.jsonl"), "utf8")).not.toContain('"validation":{');
  expect(readFileSync(join(folder, "none/report.html"), "utf8")).toContain("training images");
});

test("nothing is held back of data with validation images of its own", async () => {
  const data = temporaryFolder();
  await writeImages(data, { "train/cats": 3, "train/dogs": 3, "val/cats": 2, "val/dogs": 2 });
  const { code, stderr } = await vitrine(["train", data, "--hold-back", "0.2", "--out", "never"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /images are held back only where the data has no validation images.*it has 4.*leave out --hold-back/s,
  );
  expect(filesBelow(folder)).not.toContain("never");
});

test("copies of one image are never on both sides of a split", async () => {
  const own = temporaryFolder();
  await writeImages(own, { cats: 10, dogs: 10 });
  for (let i = 0; i < 9; i++) copyFileSync(join(own, "cats/3.png"), join(own, `cats/copy-${i}.png`));
  for (const seed of ["1", "2", "3"]) {
    const args = ["train", own, ...brief, "--out", `split-${seed}`, "--seed", seed, "--json"];
    const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
    expect(code, stderr).toBe(0);
    const { images } = JSON.parse(stdout) as { images: { train: number; validation: number } };
    // One cat and one dog, or all ten copies of the cat and a dog.
    expect([2, 11]).toContain(images.validation);
    expect(images.train + images.validation).toBe(29);
  }
  const resumed = await vitrine(["train", "--resume", "--out", "split-1", "--no-report"], { cwd: folder });
  expect(resumed.code, resumed.stderr).toBe(0);
});

test("from trained weights few images train the head alone, which begins in closed form; --tune has the last word", async () => {
  const args = ["train", data, "--from", "small", "--epochs", "2", "--json", "--no-report"];
  const chosen = await vitrine([...args, "--out", "chosen"], { cwd: folder });
  expect(chosen.code, chosen.stderr).toBe(0);
  const methodIn = (stdout: string): unknown =>
    (JSON.parse(stdout) as { choices: { what: string; value: string }[] }).choices.find(
      ({ what }) => what === "method",
    );
  expect(methodIn(chosen.stdout)).toMatchObject({ value: expect.stringMatching(/^(probe|lora)$/) });
  expect(chosen.stderr).toMatch(/head closed form {2,}training begins with the best linear head/);
  const asked = await vitrine([...args, "--tune", "full", "--out", "asked"], { cwd: folder });
  expect(methodIn(asked.stdout)).toMatchObject({ value: "full", reason: "as asked" });
  const again = await vitrine(["train", "--resume", "--out", "chosen", "--json", "--no-report"], { cwd: folder });
  expect(again.code, again.stderr).toBe(0);
});

test("--find-lr sets the learning rate and says how", async () => {
  const args = [
    "train",
    "shapes",
    "--config",
    config,
    "--limit",
    "60",
    "--epochs",
    "1",
    "--find-lr",
    "--json",
    "--no-report",
  ];
  const { code, stdout, stderr } = await vitrine([...args, "--out", "found"], { cwd: folder });
  expect(code, stderr).toBe(0);
  const { choices } = JSON.parse(stdout) as { choices: { what: string; value: string; reason: string }[] };
  const rate = choices.find(({ what }) => what === "learning rate")!;
  expect(rate.reason).toContain("range test");
  const kept = JSON.parse(readFileSync(join(folder, "found/recipe.json"), "utf8")) as { learningRate: number };
  expect(Number(rate.value)).toBe(kept.learningRate);
});

test.each([
  ["--find-lr and --lr", ["--find-lr", "--lr", "1"], /cannot be used with/],
  ["a method that is none", ["--tune", "some"], /Allowed choices are probe, lora, full/],
  ["an average that keeps all", ["--ema", "1"], /from 0 to below 1/],
  ["an optimizer that is none", ["--optimizer", "adamz"], /Allowed choices are adamw/],
  ["no patience", ["--patience", "0"], /at least 1/],
])("%s is wrong usage and leaves nothing behind", async (_, args, message) => {
  const empty = temporaryFolder();
  const { code, stderr } = await vitrine(["train", "shapes", ...args], { cwd: empty });
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(filesBelow(empty)).toEqual([]);
});

test("a run ends with a report, which `vitrine report` writes again", async () => {
  const { code, stdout, stderr } = await vitrine(
    ["train", data, "--config", config, "--epochs", "1", "--out", "reported"],
    {
      cwd: folder,
    },
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/report {7}reported\/report\.html/);
  expect(stdout).toContain(`vitrine inspect ${data} --from reported`);
  const page = join(folder, "reported/report.html");
  expect(readFileSync(page, "utf8")).toContain("LEAK");
  writeFileSync(page, "old");
  const again = await vitrine(["report", "reported", "--json"], { cwd: folder });
  expect(again.code, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({
    path: "reported/report.html",
    judged: "validation images",
    count: 5,
  });
  expect(readFileSync(page, "utf8").length).toBeGreaterThan(1000);
});

test("a report of what is no run is refused", async () => {
  const empty = temporaryFolder();
  const { code, stderr } = await vitrine(["report", empty]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/must hold a run/);
  expect(filesBelow(empty)).toEqual([]);
});

test("--tta answers by several views, in eval and classify", async () => {
  for (const views of ["flip", "crops", "flip-crops"]) {
    const judged = await vitrine(["eval", "small", "shapes", "--limit", "20", "--tta", views, "--json"], {
      cwd: folder,
    });
    expect(judged.code, judged.stderr).toBe(0);
    expect((JSON.parse(judged.stdout) as { count: number }).count).toBeGreaterThan(0);
  }
  const image = join(data, "val", filesBelow(join(data, "val")).find((file) => file.endsWith("leaked.png"))!);
  const [plain, several] = await Promise.all(
    [[], ["--tta", "flip"]].map((more) =>
      vitrine(["classify", image, "--model", "small", "--json", ...more], { cwd: folder }),
    ),
  );
  const scores = ({ stdout }: { stdout: string }): number[] =>
    (JSON.parse(stdout) as { predictions: { score: number }[] }[])[0]!.predictions.map(({ score }) => score);
  expect(scores(several!).length).toBe(scores(plain!).length);
  expect(scores(several!)).not.toEqual(scores(plain!));
});

test("without weights nearby, photographs are learnt from nothing, and it says so", async () => {
  const photos = temporaryFolder();
  const shapes = shapesDataset({ split: "train", seed: 1, size: 128 });
  for (let i = 0; i < 12; i++) {
    const path = join(photos, String(i % 2));
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `${i}.png`), await encodePng((await shapes.get(i)).image));
  }
  const small = join(folder, "plain.json");
  writeFileSync(small, JSON.stringify({ epochs: 1 }));
  const { code, stdout, stderr } = await vitrine(
    ["train", photos, "--config", small, "--out", "photos", "--json", "--no-report"],
    {
      cwd: folder,
      env: { HF_HUB_CACHE: join(folder, "no-cache") },
    },
  );
  expect(code, stderr).toBe(0);
  expect((JSON.parse(stdout) as { choices: unknown[] }).choices[0]).toMatchObject({ what: "weights", value: "none" });
  expect(existsSync(join(folder, "no-cache"))).toBe(false);
});
