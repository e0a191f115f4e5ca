/**
 * Trains `models/router`, which says which of the package's image models knows a picture, and measures it.
 *
 *     node tools/run.mjs tools/train-router.ts [--data ../shared/data] [--epochs 4] [--images 15000] [--out FOLDER]
 *     node tools/run.mjs tools/train-router.ts --measure [--whole]
 *
 * It learns from what the models learned from, and for `neither` from CIFAR-10 and rendered shapes; it is measured on the test images of all of them, and on
 * photographs that nothing here has seen.
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cifar10Folder } from "../bench/cifar-folder.ts";
import { neither, openRouter } from "../src/cli/router.ts";
import { invert } from "../src/data/augment/byte-tables.ts";
import type { Dataset } from "../src/data/datasets/dataset.ts";
import { openFolder } from "../src/data/datasets/folder-node.ts";
import { memoryDataset, sharedBytes } from "../src/data/datasets/memory.ts";
import { shapesDataset } from "../src/data/datasets/shapes.ts";
import { sampled } from "../src/data/datasets/subset.ts";
import { lightFigure, onDarkGround } from "../src/data/ground.ts";
import { crop, type Image } from "../src/data/image.ts";
import { openDataset } from "../src/data/open-node.ts";
import { fitImage } from "../src/data/preprocess.ts";
import { resize } from "../src/data/resize.ts";
import { stream } from "../src/graph/random.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import { packagedModels, packagedRouter } from "../src/pretrained/packaged-node.ts";
import { savePretrained } from "../src/pretrained/save-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { classifier } from "../src/tasks/classify.ts";
import { presets } from "../src/train/presets.ts";
import { recipeFrom } from "../src/train/recipe.ts";
import { trainInFolder } from "../src/train/run-node.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    epochs: { type: "string", default: "4" },
    images: { type: "string", default: "15000" },
    out: { type: "string" },
    measure: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
  },
});
const data = resolve(values.data);
const count = Number(values.images);
const scratch = mkdtempSync(join(tmpdir(), "vitrine-router-"));
const runtime = await nodeRuntime();
const names = [...packagedModels().keys()];
const { preprocessing, recipe: base } = presets.mnist!;
const open = (name: string) => openDataset(name, { dataDir: join(data, name), seed: 0 });
const [digits, garments, cifar] = [
  await open("mnist"),
  await open("fashion-mnist"),
  await cifar10Folder(data, scratch),
];

/** A digit as a pen of one thickness draws it on a canvas of 280 pixels: without the soft edges of scanned ink. */
function drawn(digit: Image): Image {
  const large = resize(digit, { width: 280, height: 280, filter: "bicubic" });
  return { ...large, data: large.data.map((byte) => (byte > 110 ? 235 : 10)) };
}

/** Digits 60 to 120 pixels high, dark and anywhere on a light canvas of 280. */
function onCanvas(digits: Dataset): Dataset {
  const get = async (index: number) => {
    const sample = await digits.get(index);
    const random = stream(9, "canvas", index);
    // The ink of a digit is 20 of its 28 pixels high.
    const side = Math.round((28 / 20) * (60 + random.integer(61)));
    const large = resize(sample.image, { width: side, height: side, filter: "bicubic" });
    const place = { left: -random.integer(281 - side), top: -random.integer(281 - side), width: 280, height: 280 };
    return { ...sample, image: invert(crop(large, place)) };
  };
  return { ...digits, get };
}

/** As the models are shown pictures when nobody names one; `--whole` does not look for figures. */
async function shown(dataset: Dataset, index: number): Promise<Image> {
  const { image } = await dataset.get(index);
  return values.whole ? onDarkGround(image) : lightFigure(image);
}

async function learn(): Promise<void> {
  const [, height, width] = preprocessing.inputSize;
  const photographs = await openFolder(join(cifar, "train"));
  const parts = [
    [names.indexOf("vit-digits"), sampled(digits.train, count, 1)],
    [names.indexOf("vit-fashion"), sampled(garments.train, count, 1)],
    [names.length, sampled(photographs, Math.round((2 * count) / 3), 1)],
    [names.length, shapesDataset({ length: Math.round(count / 6), size: 32, seed: 5 })],
  ] as const;
  const labels = Uint16Array.from(parts.flatMap(([label, part]) => Array.from({ length: part.length }, () => label)));
  const pixels = sharedBytes(labels.length * height * width);
  let at = 0;
  for (const [label, part] of parts)
    for (let i = 0; i < part.length; i++, at += height * width) {
      const image = await shown(part, i);
      const isDrawn = names[label] === "vit-digits" && i % 2 === 1;
      pixels.set(fitImage(isDrawn ? drawn(image) : image, preprocessing).data, at);
    }
  const classes = [...names, neither];
  const sizes = Uint16Array.of(height, width);
  const all = memoryDataset({ kind: "memory", name: "pictures", classes, labels, channels: 1, sizes, pixels });
  const options = { imageSize: width, patchSize: 4, channels: 1, width: 48, depth: 3, heads: 3, mlpWidth: 96 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: classes, options, preprocessing });
  pretrained.model.initialize(1);
  const recipe = recipeFrom(
    base,
    { epochs: Number(values.epochs), crop: "padded", pad: 3, flip: 0.5, handwriting: 0.5, labelSmoothing: 0.05 },
    "the router",
  );
  for await (const event of trainInFolder({
    pretrained,
    train: all,
    recipe,
    seed: 1,
    folder: join(scratch, "run"),
    runtime,
  }))
    if (event.type === "epoch.end") console.log(`epoch ${event.epoch + 1}: ${JSON.stringify(event.train)}`);
  if (values.out) await savePretrained(resolve(values.out), pretrained, { half: true, replace: true });
}

async function measure(): Promise<void> {
  const router = await openRouter(
    names.map((name) => ({ name })),
    runtime,
  );
  const experts = await Promise.all(names.map(async (name) => classifier(await loadPretrained(name), runtime)));
  const tests: readonly (readonly [string, Dataset, number])[] = [
    ["MNIST, test images", digits.test!, names.indexOf("vit-digits")],
    ["Fashion-MNIST, test images", garments.test!, names.indexOf("vit-fashion")],
    [
      "MNIST, 60 to 120 pixels high, anywhere on a canvas of 280",
      onCanvas(sampled(digits.test!, 2000, 1)),
      names.indexOf("vit-digits"),
    ],
    ["CIFAR-10, test images", sampled(await openFolder(join(cifar, "test")), 2000, 1), -1],
    ["hymenoptera, photographs", await openFolder(join(data, "hymenoptera/train")), -1],
  ];
  console.log(
    "| pictures | n | the right model, or neither | the right label | by the surest model alone |\n|---|---|---|---|---|",
  );
  for (const [about, test, wanted] of tests) {
    let [routed, right, surest] = [0, 0, 0];
    for (let from = 0; from < test.length; from += 64) {
      const many = Array.from({ length: Math.min(64, test.length - from) }, (_, i) => from + i);
      const images = await Promise.all(many.map((i) => shown(test, i)));
      const routes = await router.route(images);
      const said = await Promise.all(experts.map((one) => one.classify(images, { top: 1 })));
      for (const [j, i] of many.entries()) {
        const { model, known } = routes[j]!;
        const isRight = (m: number): boolean => m === wanted && said[m]![j]![0]!.index === test.labelOf(i);
        if (wanted < 0 ? !known : known && model === wanted) routed++;
        if (isRight(model)) right++;
        const scores = said.map((answers) => answers[j]![0]!.score);
        if (isRight(scores.indexOf(Math.max(...scores)))) surest++;
      }
    }
    const share = (n: number): string => `${((100 * n) / test.length).toFixed(2)} %`;
    const labels = wanted < 0 ? ["", ""] : [share(right), share(surest)];
    console.log(`| ${[about, test.length, share(routed), ...labels].join(" | ")} |`);
  }
}

try {
  if (!values.measure) await learn();
  if (existsSync(packagedRouter())) await measure();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit();
