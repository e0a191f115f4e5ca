/**
 * How well planted faults are found in a folder of photographs: copies that were changed in the ways in which copies come about, and labels that were exchanged.
 *
 *     node tools/run.mjs bench/inspect.ts DATA WEIGHTS ARCHITECTURE
 *
 * DATA has `train/` with class folders and is itself taken to be without faults.
 */

import sharp, { type Sharp } from "sharp";
import { openFolder, splitFolders } from "../src/data/datasets/folder-node.ts";
import { decodeImage } from "../src/data/decode-node.ts";
import { openLoader } from "../src/data/loader-node.ts";
import { stream } from "../src/graph/random.ts";
import { featuresOf, findDuplicates, fingerprint, judgeLabels } from "../src/inspect/index.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

const [data = "", weights = "", arch = ""] = process.argv.slice(2);
const train = await openFolder((await splitFolders(data)).train);

type Change = (picture: Sharp, width: number, height: number) => Sharp;
const inner =
  (share: number): Change =>
  (picture, width, height) =>
    picture.extract({
      left: Math.round((width * (1 - share)) / 2),
      top: Math.round((height * (1 - share)) / 2),
      width: Math.round(width * share),
      height: Math.round(height * share),
    });
const changes: Readonly<Record<string, Change>> = {
  "JPEG of quality 50": (picture) => picture.jpeg({ quality: 50 }),
  "JPEG of quality 20": (picture) => picture.jpeg({ quality: 20 }),
  "WebP of quality 60": (picture) => picture.webp({ quality: 60 }),
  "half the size": (picture, width) => picture.resize(Math.round(width / 2)),
  "a third of the size": (picture, width) => picture.resize(Math.round(width / 3)),
  "10 % brighter": (picture) => picture.linear(1.1, 0),
  "edges cut by 1 %": inner(0.98),
  "edges cut by 2.5 %": inner(0.95),
  grey: (picture) => picture.greyscale(),
};

const prints = await Promise.all(train.source.files.map(async (file) => fingerprint(await decodeImage(file))));
console.log(`${prints.length} photographs, ${findDuplicates(prints).length} groups of copies before any was planted\n`);
console.log("| copies | found |\n|---|---|");
const some = train.source.files.slice(0, 60);
for (const [name, change] of Object.entries(changes)) {
  let found = 0;
  for (const [i, file] of some.entries()) {
    const { width, height } = await sharp(file).metadata();
    const copy = fingerprint(await decodeImage(await change(sharp(file), width!, height!).png().toBuffer()));
    if (findDuplicates([prints[i], copy]).length > 0) found++;
  }
  console.log(`| ${name} | ${found} of ${some.length} |`);
}

const pretrained = await loadPretrained(weights, { arch, newHead: { labels: train.classes, seed: 0 } });
const plan = { preprocessing: pretrained.preprocessing, batchSize: 8, shuffle: false, dropLast: false, seed: 0 };
const loader = openLoader(train, plan);
const runtime = await nodeRuntime();
const features = await featuresOf(pretrained, loader.epoch(0), train.classes.length, { runtime });
await loader.close();
console.log("\n| labels exchanged | recall | precision | suspects |\n|---|---|---|---|");
const seeds = 10;
for (const share of [0, 0.05, 0.1, 0.2]) {
  let [planted, suspected, hits] = [0, 0, 0];
  for (let seed = 0; seed < seeds; seed++) {
    const random = stream(seed, "exchanged");
    const labels = Array.from(features.labels);
    const exchanged = new Set<number>();
    while (exchanged.size < Math.round(share * labels.length)) exchanged.add(random.integer(labels.length));
    for (const i of exchanged)
      labels[i] = (labels[i]! + 1 + random.integer(train.classes.length - 1)) % train.classes.length;
    const { suspects } = judgeLabels({ ...features, labels }, { seed });
    planted += exchanged.size;
    suspected += suspects.length;
    hits += suspects.filter(({ index }) => exchanged.has(index)).length;
  }
  const percent = (part: number, whole: number): string =>
    whole === 0 ? "-" : `${((100 * part) / whole).toFixed(0)} %`;
  console.log(
    `| ${(100 * share).toFixed(0)} % | ${percent(hits, planted)} | ${percent(hits, suspected)} | ${(suspected / seeds).toFixed(1)} |`,
  );
}
process.exit(0);
