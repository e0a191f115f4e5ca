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

/** Milliseconds of each case. */
function measure(): readonly number[] {
  const random = stream(keyOf(0));
  return cases.map(([width, height, toWidth, toHeight, filter]) => {
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
    return median(times);
  });
}

if (process.argv[2] === "measure") console.log(JSON.stringify(measure()));
else {
  const told = (command: string, args: readonly string[]): readonly number[] =>
    JSON.parse(execFileSync(command, args).toString()) as readonly number[];
  const [file] = process.argv.slice(1) as [string];
  const ours = told(process.execPath, [file, "measure"]);
  const alone = told(process.execPath, ["--no-expose-wasm", file, "measure"]);
  const theirs = told(process.env.PYTHON ?? "python3", ["tools/pillow-peer.py", JSON.stringify(cases)]);
  console.log(
    "| from | to | filter | vitrine ms | without WebAssembly ms | Pillow ms | times as fast |\n|---|---|---|---|---|---|---|",
  );
  for (const [i, [width, height, toWidth, toHeight, filter]] of cases.entries()) {
    const cells = [
      ...[`${width} × ${height}`, `${toWidth} × ${toHeight}`, filter],
      ...[ours[i]!, alone[i]!, theirs[i]!, theirs[i]! / ours[i]!].map((number) => number.toFixed(2)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
