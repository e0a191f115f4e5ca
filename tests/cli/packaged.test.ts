/** What the package can do by itself: `classify` and `explain` without `--model`, `translate` and `generate` without MODEL. */

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openRouter } from "../../src/cli/router.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import { lightFigure } from "../../src/data/ground.ts";
import { type Image, image } from "../../src/data/image.ts";
import { openDataset } from "../../src/data/open-node.ts";
import { packagedModels } from "../../src/pretrained/packaged-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { temporaryFolder, vitrine } from "./process.ts";

const folder = temporaryFolder();

interface Answer {
  readonly file: string;
  readonly model: string;
  readonly known: boolean;
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
}

/** A dark drawing on a light canvas of 280 pixels, in which `isInk` says where the pen was. */
async function draw(name: string, isInk: (x: number, y: number) => boolean): Promise<void> {
  const pixels = Uint8Array.from({ length: 280 * 280 }, (_, i) => (isInk(i % 280, Math.floor(i / 280)) ? 20 : 245));
  writeFileSync(join(folder, name), await encodePng(image(280, 280, 1, pixels)));
}

beforeAll(async () => {
  await draw("zero.png", (x, y) => Math.abs(Math.hypot((x - 150) / 0.7, y - 135) - 80) < 12);
  await draw("one.png", (x, y) => Math.abs(x - 130 + (y - 140) * 0.1) < 11 && y > 60 && y < 220);
  await draw("seven.png", (x, y) => {
    const across = Math.abs(y - 70) < 11 && x > 80 && x < 200;
    const down = Math.abs(x - 200 + (y - 70) * 0.5) < 12 && y >= 60 && y < 230;
    return across || down;
  });
});

test("digits drawn dark on a light canvas are read by the package's own model, which is named", async () => {
  const { code, stdout, stderr } = await vitrine(["classify", "zero.png", "one.png", "seven.png", "--json"], {
    cwd: folder,
  });
  expect(code).toBe(0);
  const answers = JSON.parse(stdout) as readonly Answer[];
  expect(answers.map(({ predictions }) => predictions[0]!.label)).toEqual(["0", "1", "7"]);
  expect(answers.map(({ model }) => model)).toEqual(["vit-digits", "vit-digits", "vit-digits"]);
  expect(answers.map(({ known }) => known)).toEqual([true, true, true]);
  expect(stderr).toContain("They can recognise");
  expect(stderr).toMatch(/Ankle boot \(vit-fashion\)/);
});

test("small digits are read wherever they stand on a canvas", async () => {
  const names = ["small-seven.png", "small-zero.png"];
  await draw(names[0]!, (x, y) => {
    const across = Math.abs(y - 170) < 3 && x > 20 && x < 60;
    return across || (Math.abs(x - 60 + (y - 170) * 0.5) < 4 && y >= 168 && y < 230);
  });
  await draw(names[1]!, (x, y) => Math.abs(Math.hypot((x - 220) / 0.7, y - 50) - 28) < 4);
  const { stdout } = await vitrine(["classify", ...names, "--json"], { cwd: folder });
  const answers = JSON.parse(stdout) as readonly Answer[];
  expect(answers.map(({ model, predictions }) => [model, predictions[0]!.label])).toEqual([
    ["vit-digits", "7"],
    ["vit-digits", "0"],
  ]);
});

test("explain draws what the one that knows the picture saw", async () => {
  const { code, stdout } = await vitrine(["explain", "one.png", "--out", "why.png", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ file: "one.png", out: "why.png" });
});

test("digits are not judged as figures of other names", async () => {
  const { code, stderr } = await vitrine(["eval", "vit-digits", "shapes", "--limit", "20"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toMatch(/it has 10 labels, it does not have circle, .* in shapes/);
});

test.each(["vit-digits", "vit-fashion"])(
  "%s as an .onnx file is a model by itself, with the same answers",
  async (name) => {
    const exported = await vitrine(["export", name, `${name}.onnx`], { cwd: folder });
    // Another model's: of other means, and of images of another size.
    writeFileSync(join(folder, "preprocessor_config.json"), '{"size": {"height": 32, "width": 32}, "resample": 2}');
    expect(exported.code, exported.stderr).toBe(0);
    const answer = async (model: string): Promise<Answer> => {
      const { code, stdout, stderr } = await vitrine(["classify", "seven.png", "--model", model, "--json"], {
        cwd: folder,
      });
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as readonly Answer[])[0]!;
    };
    const [graph, packaged] = [await answer(`${name}.onnx`), await answer(name)];
    expect(graph.predictions.map(({ label }) => label)).toEqual(packaged.predictions.map(({ label }) => label));
    for (const [i, { score }] of graph.predictions.entries())
      expect(score).toBeCloseTo(packaged.predictions[i]!.score, 5);
  },
);

test("each packaged model is small, says how it was made, and is a folder that can be named", async () => {
  expect([...packagedModels().keys()]).toEqual(["vit-digits", "vit-fashion"]);
  for (const name of packagedModels().keys()) {
    const { code, stdout } = await vitrine(["classify", "one.png", "--model", name, "--json"], { cwd: folder });
    expect(code).toBe(0);
    expect(Object.keys((JSON.parse(stdout) as readonly Answer[])[0]!)).toEqual(["file", "predictions"]);
  }
});

test.skipIf(!hasShared)("a garment is told from digits", async () => {
  const { test: garments } = await openDataset("fashion-mnist", { dataDir: sharedPath("data", "fashion-mnist") });
  const { image: boot } = await garments!.get(0);
  // As the data set has it, light on black, and as a shop would show it.
  const light = { ...boot, data: boot.data.map((byte) => 255 - byte) };
  writeFileSync(join(folder, "boot.png"), await encodePng(boot));
  writeFileSync(join(folder, "light.png"), await encodePng(light));
  const { stdout } = await vitrine(["classify", "boot.png", "light.png", "--json"], { cwd: folder });
  const answers = JSON.parse(stdout) as readonly Answer[];
  for (const { model, predictions } of answers)
    expect([model, predictions[0]!.label]).toEqual(["vit-fashion", "Ankle boot"]);
  expect(answers[0]!.predictions).toEqual(answers[1]!.predictions);
});

test("of what no model learned from it is said that the answer is a guess", async () => {
  const { image: shape } = await shapesDataset({ length: 1, size: 96, seed: 11 }).get(0);
  writeFileSync(join(folder, "shape.png"), await encodePng(shape));
  const { code, stdout, stderr } = await vitrine(["classify", "one.png", "shape.png", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as readonly Answer[]).map(({ known }) => known)).toEqual([true, false]);
  expect(stderr).toContain("shape.png is like nothing that the package's models learned from");
  expect(stderr).not.toContain("one.png is like");
  const explained = await vitrine(["explain", "shape.png", "--out", "guess.png"], { cwd: folder });
  expect(explained.stderr).toContain("shape.png is like nothing");
});

test.skipIf(!hasShared)("digits, garments and photographs go to those who know them", async () => {
  const names = [...packagedModels().keys()];
  const { route } = await openRouter(
    names.map((name) => ({ name })),
    await nodeRuntime(),
  );
  const shown = async (dataset: Dataset): Promise<Image[]> =>
    Promise.all(
      Array.from({ length: 300 }, async (_, i) => lightFigure((await dataset.get(i % dataset.length)).image)),
    );
  const test = async (name: string): Promise<Dataset> =>
    (await openDataset(name, { dataDir: sharedPath("data", name) })).test!;
  for (const [name, model] of [
    ["mnist", "vit-digits"],
    ["fashion-mnist", "vit-fashion"],
  ] as const) {
    const routes = await route(await shown(await test(name)));
    const right = routes.filter((one) => one.known && names[one.model] === model);
    expect(right.length, name).toBeGreaterThanOrEqual(294);
  }
  const photographs = await openDataset(sharedPath("data", "hymenoptera"));
  const routes = await route(await shown(photographs.train));
  expect(routes.filter(({ known }) => known).length).toBeLessThanOrEqual(30);
});

test("German captions are translated by the package's own model, words in line with words", async () => {
  const { code, stdout, stderr } = await vitrine(["translate", "Ein Hund läuft über eine Wiese.", "--beams", "4"]);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("translate-de-en");
  expect(stdout).toMatch(/^A dog (?:runs|is running|running) /);
  const args = ["explain", "Ein Hund läuft.", "--model", "translate-de-en", "--method", "alignment", "--json"];
  const { stdout: explained } = await vitrine([...args, "--out", "alignment.png"], { cwd: folder });
  const [{ columns, maps }] = JSON.parse(explained).groups;
  const tokens = columns.labels as readonly string[];
  const dog = tokens.findIndex((one) => one.includes("Hund"));
  expect(dog).toBeGreaterThan(0);
  // "A dog …": the second token of the translation is the animal.
  const row: number[] = maps[0].values.slice(tokens.length, 2 * tokens.length);
  expect(row.indexOf(Math.max(...row))).toBe(dog);
});

test("a play goes on by the package's own model, the same again for the same seed", async () => {
  const args = ["generate", "ROMEO:\n", "--tokens", "60", "--temperature", "0.7", "--seed", "5"];
  const [first, again] = [await vitrine(args), await vitrine(args)];
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain("char-gpt");
  expect(first.stdout.length).toBeGreaterThan(60);
  expect(first.stdout).toMatch(/ the | you | and | to | of | my /);
  expect(again.stdout).toBe(first.stdout);
});

test("packaged models of words have a card and at most 8 MB", () => {
  const words = packagedModels(undefined, "words");
  expect([...words.keys()]).toEqual(["char-gpt", "translate-de-en"]);
  for (const place of words.values()) {
    const bytes = readdirSync(place).reduce((total, file) => total + statSync(join(place, file)).size, 0);
    expect(bytes).toBeLessThan(8e6);
    expect(readFileSync(join(place, "README.md"), "utf8")).toMatch(/## Limits/);
  }
});
