/**
 * Images/s of each augmentation at 224 × 224 RGB on one thread, beside timm and torchvision on Pillow. Counted in processor time, which other load on the machine
 * disturbs less than the clock; the best of three parts.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/augment.ts [SECONDS]`; that Python needs timm and torchvision; without it only our side is measured. SECONDS is the
 * time for each augmentation.
 */

import { execFileSync } from "node:child_process";
import { applyDrawing, drawAutoAugment } from "../src/data/augment/auto-augment.ts";
import { gaussianBlur } from "../src/data/augment/blur.ts";
import { applyChange, applyChanges, type Change } from "../src/data/augment/change.ts";
import { drawErasing, eraseRegion } from "../src/data/augment/erase.ts";
import { drawJitter } from "../src/data/augment/jitter.ts";
import { parseAutoAugment } from "../src/data/augment/parse-policy.ts";
import { augment, photoAugmentation } from "../src/data/augment.ts";
import { type Image, image } from "../src/data/image.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";
import { resize } from "../src/data/resize.ts";
import { stream } from "../src/graph/random.ts";

const [seconds = "1"] = process.argv.slice(2);
const python = process.env.PYTHON;
const side = 224;
const fill = [124, 116, 104];
const picture = image(
  side,
  side,
  3,
  Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
    return Math.floor((x * (2 + c) + y * 3) / 4) + ((x * 7919 + y * 104729 + c * 31) % 23);
  }),
);
const large: Image = resize(picture, { width: 500, height: 375, filter: "bilinear" });
const config = preprocessingFromTimm({ input_size: [3, side, side], crop_pct: 0.9 }, "bench");
const filter = "bicubic";
const changes: readonly Change[] = [
  { kind: "auto-contrast" },
  { kind: "equalize" },
  { kind: "invert" },
  { kind: "posterize", bits: 4 },
  { kind: "solarize", threshold: 100 },
  { kind: "solarize-add", add: 60 },
  { kind: "colour", factor: 1.4 },
  { kind: "contrast", factor: 1.4 },
  { kind: "brightness", factor: 1.4 },
  { kind: "sharpness", factor: 1.4 },
  { kind: "hue", turn: 0.1 },
  { kind: "blur", radius: 1.3 },
  { kind: "shear-x", factor: 0.2, filter },
  { kind: "shear-y", factor: 0.2, filter },
  { kind: "translate-x", pixels: 20.5, filter },
  { kind: "translate-y", pixels: 20.5, filter },
];

const random = stream(0, "bench");
const input = new Float32Array(3 * side * side);
const runs = new Map<string, () => unknown>(
  changes.map((change) => [change.kind, () => applyChange(picture, change, fill)]),
);
for (const kind of ["bicubic", "bilinear", "nearest"] as const)
  runs.set(`rotate, ${kind}`, () => applyChange(picture, { kind: "rotate", degrees: 20, filter: kind }, fill));
runs.set("gaussian blur (torchvision)", () => gaussianBlur(picture, 23, 1.05));
for (const text of ["rand-m9-mstd0.5-inc1", "v0", "original", "3a", "augmix-m3-w3", "ta_wide"]) {
  const policy = parseAutoAugment(text);
  const around = { width: side, height: side, filters: ["bilinear", "bicubic"] as const, translate: 0.45 };
  runs.set(text, () => applyDrawing(picture, drawAutoAugment(policy, random, around), fill));
}
runs.set("jitter 0.4", () => applyChanges(picture, drawJitter(0.4, random), fill));
runs.set("jitter 0.4, hue 0.1", () => applyChanges(picture, drawJitter([0.4, 0.4, 0.4, 0.1], random), fill));
runs.set("erase, pixel", () => {
  for (const region of drawErasing(side, side, { probability: 1 }, random))
    eraseRegion(input, config.inputSize, region, "pixel", random);
});
runs.set("crop, flip, normalise", () => augment(large, config, photoAugmentation, random, input));
const strong = { ...photoAugmentation, auto: "rand-m9-mstd0.5-inc1", erase: 0.25 };
runs.set("crop, flip, rand-m9-mstd0.5-inc1, normalise, erase 0.25", () =>
  augment(large, config, strong, random, input),
);

const theirs: Record<string, number> = python
  ? JSON.parse(execFileSync(python, ["tools/augment-peer.py", seconds], { encoding: "utf8" }))
  : {};
console.log("| operation | images/s | timm, torchvision | times |\n|---|--:|--:|--:|");
for (const [name, run] of runs) {
  for (let i = 0; i < 30; i++) run();
  let best = 0;
  for (let part = 0; part < 3; part++) {
    const start = process.cpuUsage().user;
    let count = 0;
    let spent = 0;
    for (; spent < (Number(seconds) / 3) * 1e6; count++) {
      run();
      spent = process.cpuUsage().user - start;
    }
    best = Math.max(best, (count / spent) * 1e6);
  }
  const peer = theirs[name];
  console.log(
    `| ${name} | ${best.toFixed(0)} | ${peer?.toFixed(0) ?? "–"} | ${peer === undefined ? "–" : (best / peer).toFixed(2)} |`,
  );
}
