import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";
import { writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const image = "noise/0.png";

interface Prediction {
  readonly index: number;
  readonly label: string;
  readonly score: number;
}

beforeAll(async () => {
  await writeImages(folder, { noise: 2 });
  const config = writeConfig(folder, { epochs: 1 });
  const { code } = await vitrine(["train", "shapes", "--config", config, "--limit", "60", "--out", "model"], {
    cwd: folder,
  });
  expect(code).toBe(0);
});

test("classify prints the best labels, and the agreed document with --json", async () => {
  const { code, stdout } = await vitrine(
    ["classify", image, "noise/1.png", "--model", "model", "--json", "--top", "3"],
    {
      cwd: folder,
    },
  );
  expect(code).toBe(0);
  const answers = JSON.parse(stdout) as { file: string; predictions: Prediction[] }[];
  expect(answers.map(({ file }) => file)).toEqual([image, "noise/1.png"]);
  for (const { predictions } of answers) {
    expect(predictions).toHaveLength(3);
    expect(Object.keys(predictions[0]!)).toEqual(["index", "label", "score"]);
    expect(predictions.map(({ score }) => score)).toEqual(predictions.map(({ score }) => score).sort((a, b) => b - a));
  }
  const text = await vitrine(["classify", image, "--model", "model"], { cwd: folder });
  expect(text.stdout).toContain(answers[0]!.predictions[0]!.label);
});

test("classify answers the same on every device that works here", async () => {
  const scores = async (device: string): Promise<readonly number[]> => {
    const args = ["classify", image, "--model", "model", "--json", "--top", "10", "--device", device];
    const { stdout } = await vitrine(args, { cwd: folder });
    const [answer] = JSON.parse(stdout) as { predictions: Prediction[] }[];
    return answer!.predictions.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
  };
  const [cpu, wasm] = [await scores("cpu"), await scores("wasm")];
  for (const [i, score] of cpu.entries()) expect(wasm[i]).toBeCloseTo(score, 5);
});

test("one unreadable image among several is reported, the others are classified", async () => {
  writeFileSync(join(folder, "broken.png"), "no image");
  const { code, stdout, stderr } = await vitrine(["classify", "broken.png", image, "--model", "model", "--json"], {
    cwd: folder,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^vitrine: .*broken\.png\n$/);
  const [bad, good] = JSON.parse(stdout) as { predictions: Prediction[]; error?: { code: string } }[];
  expect(bad).toMatchObject({ predictions: [], error: { code: "INVALID_FILE" } });
  expect(good!.predictions).toHaveLength(5);
});

test.each(["relevance", "attention", "rollout", "positions", "filters"])("explain draws %s", async (method) => {
  const out = `why-${method}.png`;
  const args = ["explain", image, "--model", "model", "--method", method, "--out", out, "--json"];
  const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ file: image, out, method });
  expect(readFileSync(join(folder, out)).subarray(1, 4).toString()).toBe("PNG");
});

test.each(["svg", "html", "json"])("explain writes .%s", async (ending) => {
  const out = `why.${ending}`;
  const { code } = await vitrine(["explain", image, "--model", "model", "--out", out], { cwd: folder });
  expect(code).toBe(0);
  expect(statSync(join(folder, out)).size).toBeGreaterThan(500);
});

test("explain without --out overwrites nothing", async () => {
  const args = ["explain", image, "--model", "model"];
  for (const name of ["0-relevance.png", "0-relevance-2.png"]) {
    const { stdout } = await vitrine(args, { cwd: folder });
    expect(stdout).toContain(name);
    expect(filesBelow(folder)).toContain(name);
  }
});

test.each([
  ["a class that is none", ["--class", "giraffe"], /--class must be a label of the model/],
  ["a class out of range", ["--class", "10"], /0 to 9/],
  ["a block out of range", ["--method", "attention", "--block", "2"], /0 to 1/],
  [
    "a choice that the method does not know",
    ["--method", "grad-cam", "--block", "0"],
    /grad-cam has no choice of block/,
  ],
])("explain refuses %s and writes nothing", async (_, choice, message) => {
  const before = filesBelow(folder);
  const { code, stderr } = await vitrine(["explain", image, "--model", "model", ...choice], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(filesBelow(folder)).toEqual(before);
});

test("export writes a graph, weights and both kinds of folders, and overwrites only with --force", async () => {
  for (const out of ["m.onnx", "m.safetensors"]) {
    expect((await vitrine(["export", "model", out], { cwd: folder })).code).toBe(0);
    const again = await vitrine(["export", "model", out], { cwd: folder });
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("--force");
    expect((await vitrine(["export", "model", out, "--force"], { cwd: folder })).code).toBe(0);
  }
  const own = readSafetensors(readFileSync(join(folder, "model/model.safetensors"))).tensors;
  expect(readSafetensors(readFileSync(join(folder, "m.safetensors"))).tensors).toEqual(own);
  for (const layout of ["timm", "huggingface"]) {
    const args = ["export", "model", `as-${layout}`, "--layout", layout];
    expect((await vitrine(args, { cwd: folder })).code).toBe(0);
    expect(readdirSync(join(folder, `as-${layout}`)).sort()).toEqual([
      "README.md",
      "config.json",
      "model.safetensors",
      "preprocessor_config.json",
    ]);
    const again = await vitrine(args, { cwd: folder });
    expect(again.code).toBe(1);
    const answer = async (model: string): Promise<string> =>
      (await vitrine(["classify", image, "--model", model, "--json"], { cwd: folder })).stdout;
    expect(await answer(`as-${layout}`)).toBe(await answer("model"));
  }
});

test("eval counts every image once", async () => {
  const { code, stdout } = await vitrine(["eval", "model", "shapes", "--limit", "50", "--json"], { cwd: folder });
  expect(code).toBe(0);
  const { count, correct, accuracy, confusion, classes } = JSON.parse(stdout) as {
    count: number;
    correct: number;
    accuracy: number;
    confusion: number[][];
    classes: unknown[];
  };
  expect(count).toBe(50);
  expect(accuracy).toBe(correct / count);
  expect(classes).toHaveLength(10);
  expect(confusion.flat().reduce((a, b) => a + b, 0)).toBe(50);
  expect(confusion.reduce((sum, row, i) => sum + row[i]!, 0)).toBe(correct);
});

test("bench gives the agreed document", async () => {
  for (const task of ["infer", "train"]) {
    const args = ["bench", "model", "--task", task, "--batch", "2", "--json", "--threads", "1"];
    const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout) as Record<string, number>;
    expect(Object.keys(result)).toEqual([
      ...["model", "task", "batch", "threads", "medianSeconds", "imagesPerSecond", "gflops", "peakShare"],
      "peakMemoryBytes",
    ]);
    expect(result).toMatchObject({ model: "model", task, batch: 2, threads: 1 });
    expect(result.imagesPerSecond).toBeCloseTo(2 / result.medianSeconds!, 6);
    expect(result.peakShare).toBeGreaterThan(0);
  }
});

test("Ctrl-C ends what has nothing to save at once", async () => {
  const { code, stdout } = await vitrine(["bench", "model"], { cwd: folder, onStderr: (_, kill) => kill("SIGINT") });
  expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
});

test("models lists all names, or shows one in full", async () => {
  const all = await vitrine(["models", "--json"]);
  const { architectures } = JSON.parse(all.stdout) as { architectures: { name: string; parameters: number }[] };
  expect(architectures.find(({ name }) => name === "vit_base_patch16_224")?.parameters).toBe(86567656);
  const one = await vitrine(["models", "vit_tiny_patch16_224"]);
  expect(one.stdout).toContain("5,717,416");
});

test("models says whose a number is, and of which weights", async () => {
  const { stdout } = await vitrine(["models"]);
  const row = (name: string) => stdout.split("\n").find((line) => line.startsWith(`${name} `));
  expect(row("resnet50")).toMatch(/ 4\.089\* +80\.382 +a1_in1k /);
  expect(row("resnet152")).toMatch(/ 11\.514\* +82\.818 +a1h_in1k /);
  expect(row("swin_small_patch4_window7_224")).toMatch(/ 8\.77 +83\.33 +ms_in22k_ft_in1k /);
  expect(stdout).not.toContain("as timm publishes them for each name");

  const one = await vitrine(["models", "swin_small_patch4_window7_224"]);
  expect(one.stdout).toContain("83.33 % of ms_in22k_ft_in1k (timm)");
  expect(one.stdout).toContain("timm/swin_small_patch4_window7_224.ms_in22k_ft_in1k on the hub");
  const none = await vitrine(["models", "vitc_1gf_224", "--json"]);
  expect(JSON.parse(none.stdout)).toMatchObject({ weights: null, tags: [], published: { top1: [] } });
});

test("models prints no number of other weights than those asked for", async () => {
  const of = async (name: string) => JSON.parse((await vitrine(["models", name, "--json"])).stdout) as object;
  expect(await of("resnet50.tv2_in1k")).toMatchObject({
    weights: "timm/resnet50.tv2_in1k",
    of: "a1_in1k",
    preprocessing: null,
    published: {
      top1: [
        { value: 79.434, weights: "tv2_in1k", by: "timm", side: 176 },
        { value: 80.858, weights: "tv2_in1k", by: "torchvision" },
      ],
    },
  });
  expect(await of("resnet50.a1_in1k")).toMatchObject({
    preprocessing: { crop_pct: 0.95 },
    published: { top1: [{ value: 80.382, weights: "a1_in1k", by: "timm" }] },
  });
  const { stdout } = await vitrine(["models", "vit_base_patch16_224.augreg_in21k"]);
  expect(stdout).toMatch(/preprocessing +not known here/);
  expect(stdout).toMatch(/top-1 +not known here/);
  expect(stdout).not.toContain("0.5 0.5 0.5");
});

test("doctor finds that the cpu computes right numbers, and why other devices do not work", async () => {
  const { code, stdout } = await vitrine(["doctor", "--json"]);
  expect(code).toBe(0);
  const { ok, devices } = JSON.parse(stdout) as {
    ok: boolean;
    devices: { device: string; ok: boolean; reason?: string }[];
  };
  expect(ok).toBe(true);
  expect(devices.map(({ device }) => device)).toEqual(["cpu", "wasm", "webgpu", "cuda"]);
  for (const device of devices) expect(device.ok || (device.reason ?? "") !== "").toBe(true);
});

test.skipIf(!hasShared)("verify passes on a golden file and fails on one that was changed", async () => {
  const golden = sharedPath("goldens/vit-class-token.safetensors");
  const good = await vitrine(["verify", golden, "--json"]);
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, files: [{ ok: true }] });
  const bytes = readFileSync(golden);
  // The last tensor's last number.
  bytes.writeFloatLE(bytes.readFloatLE(bytes.length - 4) + 1, bytes.length - 4);
  const changed = join(folder, "changed.safetensors");
  writeFileSync(changed, bytes);
  const bad = await vitrine(["verify", golden, changed]);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toContain("FAIL");
  expect(bad.stdout).toContain("1 of 2 files within tolerance");
});

test.skipIf(!hasShared)("classify survives every odd and hostile image", async () => {
  const odd = sharedPath("data/odd-images");
  const files = readdirSync(odd, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.[a-z]+$/i.test(name) && !/\.(csv|md|txt)$/.test(name),
  );
  expect(files.length).toBeGreaterThan(100);
  const paths = files.map((name) => join(odd, name));
  const { code, stdout, stderr } = await vitrine(["classify", ...paths, "--model", "model", "--json"], { cwd: folder });
  expect(code).toBe(1);
  const answers = JSON.parse(stdout) as { predictions: Prediction[]; error?: unknown }[];
  expect(answers).toHaveLength(files.length);
  for (const { predictions, error } of answers) expect(predictions.length > 0).toBe(error === undefined);
  const failed = answers.filter(({ error }) => error !== undefined).length;
  expect(failed).toBeGreaterThan(0);
  expect(stderr.trimEnd().split("\n")).toHaveLength(failed);
});

test("a model's folder may be copied by its three files alone", async () => {
  const copy = temporaryFolder();
  for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"])
    copyFileSync(join(folder, "model", name), join(copy, name));
  expect((await vitrine(["classify", image, "--model", copy], { cwd: folder })).code).toBe(0);
});
