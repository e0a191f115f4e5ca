/** Somebody else's `.onnx` classifier through all verbs: trained on, judged, asked, and written again. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { encodePng } from "../../src/data/decode-node.ts";
import { stream } from "../../src/graph/random.ts";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";
import { writeImages } from "./tiny.ts";

/** What torch's exporter wrote of networks with drawn weights and six classes: tools/onnx-classifiers.py. */
const models = fileURLToPath(new URL("../pretrained/onnx-models", import.meta.url));
const theirs = (name: string): string => join(models, name, "model.onnx");
const folder = temporaryFolder();

/** Pictures of noise, 32 × 32, dark or light: a class each. */
async function writePictures(): Promise<void> {
  for (const [name, darkest] of [
    ["dusk", 40],
    ["noon", 130],
  ] as const) {
    mkdirSync(join(folder, "pictures", name), { recursive: true });
    for (let i = 0; i < 16; i++) {
      const random = stream(i, "noise", name);
      const data = Uint8Array.from({ length: 32 * 32 * 3 }, () => darkest + random.integer(86));
      const png = await encodePng({ width: 32, height: 32, channels: 3, data });
      writeFileSync(join(folder, "pictures", name, `${i}.png`), png);
    }
  }
}

/** The document that a verb prints. */
async function told<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await vitrine([...args, "--json", "--quiet"], { cwd: folder });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

interface Answer {
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
}

beforeAll(async () => {
  await writePictures();
  const whole = ["--tune", "full", "--epochs", "3", "--batch", "8", "--lr", "0.002", "--no-report"];
  await told("train", "pictures", "--from", theirs("cnn"), "--out", "run", ...whole);
});

test("as it came it answers with its own classes", async () => {
  for (const name of ["cnn", "cnn-folded", "vit"]) {
    const [{ predictions }] = await told<[Answer]>("classify", "pictures/dusk/0.png", "--model", theirs(name));
    expect(predictions.map(({ label }) => label).every((label) => /^[0-5]$/.test(label))).toBe(true);
  }
});

test("it is not judged by classes that it does not have", async () => {
  const { code, stderr } = await vitrine(["eval", theirs("cnn"), "pictures"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toMatch(/it does not have dusk, noon.*fine-tune the model/);
});

test("trained on a folder it is a folder of the same graph with other numbers, which eval and classify take", async () => {
  const files = filesBelow(join(folder, "run"));
  for (const file of ["config.json", "preprocessor_config.json", "model.onnx", "recipe.json", "log.jsonl"])
    expect(files).toContain(file);
  const { accuracy, count } = await told<{ accuracy: number; count: number }>("eval", "run", "pictures");
  expect([count, accuracy]).toEqual([4, 1]);
  const images = ["pictures/dusk/3.png", "pictures/noon/3.png"];
  const answers = await told<readonly Answer[]>("classify", ...images, "--model", "run");
  expect(answers.map(({ predictions }) => predictions[0]!.label)).toEqual(["dusk", "noon"]);
});

test("--resume goes on where a run from a graph was stopped", async () => {
  const more = ["--tune", "full", "--batch", "8", "--lr", "0.002", "--no-report"];
  const run = ["train", "pictures", "--from", theirs("cnn"), "--out", "stopped", "--epochs", "12", ...more];
  const { code } = await vitrine(run, {
    cwd: folder,
    onStderr: (text, kill) => {
      if (/epoch 1\/12/.test(text)) kill("SIGINT");
    },
  });
  expect(code).not.toBe(0);
  const { resumedAt, epochs } = await told<{ resumedAt: number; epochs: number }>(
    "train",
    "--resume",
    "--out",
    "stopped",
  );
  expect(resumedAt).toBeGreaterThan(0);
  expect(epochs).toBe(12);
});

test("with few pictures and poor features all of a graph without linear maps learns: it takes no adapters", async () => {
  await writeImages(join(folder, "noise"), { cats: 8, dogs: 8 });
  const args = ["train", "noise", "--from", theirs("cnn"), "--epochs", "1", "--no-report", "--out", "noisy"];
  const { choices } = await told<{ choices: { what: string; value: string }[] }>(...args);
  expect(choices).toContainEqual(expect.objectContaining({ what: "method", value: "full" }));
});

test("exported it gives any ONNX engine the scores that it has here", async () => {
  mkdirSync(join(folder, "exported"));
  await told("export", "run", "exported/model.onnx");
  const session = await InferenceSession.create(join(folder, "exported/model.onnx"));
  const pixels = new Tensor(
    "float32",
    Float32Array.from({ length: 2 * 3072 }, (_, i) => Math.sin(i)),
    [2, 3, 32, 32],
  );
  const { logits } = await session.run({ images: pixels });
  expect(logits!.dims).toEqual([2, 2]);
  await session.release();
  // How images are prepared is in the file.
  const answer = (model: string): Promise<readonly Answer[]> =>
    told("classify", "pictures/dusk/5.png", "--model", model);
  const [[again], [before]] = [await answer("exported/model.onnx"), await answer("run")];
  expect(again!.predictions.map(({ label }) => label)).toEqual(["dusk", "noon"]);
  for (const [i, { score }] of again!.predictions.entries())
    expect(score).toBeCloseTo(before!.predictions[i]!.score, 5);
});

test("an exported graph whose classes are the data's goes on with the head that it has", async () => {
  const args = ["train", "pictures", "--from", "exported/model.onnx", "--epochs", "1", "--no-report", "--out", "again"];
  const { choices } = await told<{ choices: { what: string; value: string }[] }>(...args);
  expect(choices.filter(({ what }) => what === "head")).toEqual([expect.objectContaining({ value: "kept" })]);
  const { accuracy } = await told<{ accuracy: number }>("eval", "again", "pictures");
  expect(accuracy).toBe(1);
});

test("exported into a folder it is that graph again; timm's layout and half of the bits are refused", async () => {
  await told("export", "run", "copy");
  expect(filesBelow(join(folder, "copy"))).toEqual(["config.json", "model.onnx", "preprocessor_config.json"]);
  expect(readFileSync(join(folder, "copy/config.json"), "utf8")).toContain("dusk");
  for (const [option, message] of [
    [["--layout", "timm"], /no layout of timm or transformers, got timm/],
    [["--half"], /keeps its 32 bits/],
  ] as const) {
    const { code, stderr } = await vitrine(["export", "run", "other", ...option], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  }
  expect(filesBelow(folder)).not.toContain("other");
});
