/**
 * Resizing beside Pillow, whose bytes it makes: milliseconds of one thread, medians of 30.
 *
 *     PYTHON=/path/to/python node tools/run.mjs bench/resize.ts
 *
 * That Python needs Pillow and NumPy.
 */

import { execFileSync } from "node:child_process";
import { image } from "../src/data/image.ts";
import { type Filter, resize } from "../src/data/resize.ts";
import { keyOf, stream } from "../src/graph/random.ts";
import { median } from "./contestant.ts";

type Case = readonly [width: number, height: number, toWidth: number, toHeight: number, filter: Filter];
const cases: readonly Case[] = [
  [500, 375, 256, 256, "bilinear"],
  [500, 375, 256, 256, "bicubic"],
  [4032, 3024, 224, 224, "bilinear"],
  [4032, 3024, 224, 224, "bicubic"],
];

const python = process.env.PYTHON ?? "python3";
const theirs = JSON.parse(
  execFileSync(python, ["tools/pillow-peer.py", JSON.stringify(cases)]).toString(),
) as readonly number[];
console.log("| from | to | filter | vitrine ms | Pillow ms | times as fast |\n|---|---|---|---|---|---|");
const random = stream(keyOf(0));
for (const [i, [width, height, toWidth, toHeight, filter]] of cases.entries()) {
  const source = image(
    width,
    height,
    3,
    Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)),
  );
  const times: number[] = [];
  for (let repetition = 0; repetition < 30; repetition++) {
    const start = performance.now();
    resize(source, { width: toWidth, height: toHeight, filter });
    times.push(performance.now() - start);
  }
  const [ours, pillow] = [median(times), theirs[i]!];
  const cells = [
    ...[`${width} × ${height}`, `${toWidth} × ${toHeight}`, filter],
    ...[ours.toFixed(2), pillow.toFixed(2), (pillow / ours).toFixed(2)],
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
