/**
 * Dropout's masks in WebAssembly beside the same in JavaScript, in turns: nanoseconds a number, of one thread.
 *
 *     node tools/run.mjs bench/masks.ts
 */

import { fillKeep, keepPlain } from "../src/graph/keep.ts";
import { median } from "./contestant.ts";

console.log(
  "| numbers | keep | WebAssembly ns, least and median | JavaScript ns, least and median | times as fast |\n|---|---|---|---|---|",
);
for (const [length, arrays, runs] of [
  [2 ** 20, 1, 100],
  [200_000, 40, 20],
] as const)
  for (const keep of [0.9, 0.5]) {
    const data = Array.from({ length: arrays }, () => new Float32Array(length));
    const times = [fillKeep, keepPlain].map((fill) => ({ fill, each: [] as number[] }));
    for (let run = 0; run < runs; run++)
      for (const { fill, each } of times) {
        const start = process.hrtime.bigint();
        for (const [i, array] of data.entries()) fill([run, i], array, keep);
        each.push(Number(process.hrtime.bigint() - start) / (arrays * length));
      }
    const [ours, plain] = times.map(({ each }) => [Math.min(...each), median(each)] as const) as [
      readonly [number, number],
      readonly [number, number],
    ];
    const two = (numbers: readonly number[]): string => numbers.map((number) => number.toFixed(2)).join(", ");
    console.log(
      `| ${arrays} × ${length} | ${keep} | ${two(ours)} | ${two(plain)} | ${(plain[1] / ours[1]).toFixed(1)} |`,
    );
  }
