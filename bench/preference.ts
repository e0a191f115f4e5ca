/**
 * The three steps that led to ChatGPT, on the built-in instructions: imitation, a reward model from comparisons, and optimisation of preferences, directly (DPO) and by
 * proximal policy optimisation (PPO), with the penalty for leaving the imitator and without it:
 *
 *     node tools/run.mjs bench/preference.ts [--seeds 1,2,3] [--threads 1] [--keep FILE] [--figure docs/figures/preference]
 *
 * Exit code 1 unless DPO and guarded PPO answer more instructions rightly than imitation on every seed.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { encodePng } from "../src/data/decode-node.ts";
import { rasterize } from "../src/explain/picture.ts";
import { toSvg } from "../src/explain/svg.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { preferenceFigure } from "./preference-figure.ts";
import { type Measured, percent, ppo, runSeed, type SeedResult } from "./preference-subject.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1,2,3" },
    threads: { type: "string", default: "1" },
    /** Path of the figure without its ending. */
    figure: { type: "string" },
    /** A file of seeds that have been run, so that a run that was stopped goes on. */
    keep: { type: "string" },
  },
});

const runtime = await nodeRuntime({ threads: Number(values.threads) });
const kept: Record<string, SeedResult> =
  values.keep && existsSync(values.keep) ? JSON.parse(readFileSync(values.keep, "utf8")) : {};
const results: SeedResult[] = [];
for (const seed of values.seeds.split(",").map(Number)) {
  const begun = performance.now();
  const clock = (): string => `${((performance.now() - begun) / 1000).toFixed(0)} s`.padStart(6);
  kept[seed] ??= await runSeed(seed, runtime, (line) => console.log(`seed ${seed} ${clock()}  ${line}`));
  results.push(kept[seed]);
  if (values.keep) writeFileSync(values.keep, JSON.stringify(kept));
}

const columns = ["seed", "model", "right, drawn", "right, likeliest", "reward", "KL", "words"];
console.log(`\n| ${columns.join(" | ")} |\n|${columns.map(() => "---|").join("")}`);
for (const { seed, measured } of results) for (const one of measured) console.log(rowOf(seed, one));
for (const { seed, rewardAgreement, measured } of results) {
  console.log(
    `\nseed ${seed}: of two answers of which one is right, the reward model prefers that one in ${percent(rewardAgreement)}`,
  );
  for (const { name, examples } of measured) console.log(`  ${name.padEnd(12)} ${examples.join("   ")}`);
}

if (values.figure) {
  const picture = preferenceFigure(results, ppo.beta);
  writeFileSync(`${values.figure}.svg`, await toSvg(picture, encodePng));
  writeFileSync(`${values.figure}.png`, await encodePng(rasterize(picture)));
}

const raised = results.every(({ measured: [imitation, direct, guarded] }) =>
  [direct!, guarded!].every(({ sampled }) => sampled > imitation!.sampled),
);
console.log(
  raised ? "\npreferences raised success on every seed" : "\npreferences did NOT raise success on every seed",
);
process.exitCode = raised ? 0 : 1;

function rowOf(seed: number, { name, sampled, likeliest, reward, divergence, words }: Measured): string {
  const numbers = [percent(sampled), percent(likeliest), reward.toFixed(2), divergence.toFixed(2), words.toFixed(2)];
  return `| ${[seed, name, ...numbers].join(" | ")} |`;
}
