/**
 * Kills trainings at random moments and goes on with them: the final weights must be those of a training that nothing disturbed.
 *
 *     npm run build && node tools/run.mjs bench/kill.ts [KILLS] [--everything] [--main FILE] [--keep DIR [--minutes N]]
 *
 * With `--everything` the recipe accumulates gradients, averages weights, mixes and repeats images, balances classes and follows a plateau.
 * `--main` names the built command line, `dist/cli/main.js` without it. With `--keep` the count goes on from what DIR holds, and stops after `--minutes`, so that it can be
 * done in portions.
 * Prints how many kills of how many left a run that came to the same bits, and where they struck; exit code 1 if one did not.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    everything: { type: "boolean", default: false },
    main: { type: "string", default: "dist/cli/main.js" },
    keep: { type: "string" },
    minutes: { type: "string", default: "Infinity" },
  },
});
const kills = Number(positionals[0] ?? 50);
const main = resolve(values.main);
const place = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), "vitrine-kill-"));
mkdirSync(place, { recursive: true });
const config = join(place, "config.json");
const model = { width: 32, depth: 2, heads: 2, mlpWidth: 64, dropout: 0.1 };
const everything = {
  accumulate: 2,
  ema: 0.9,
  emaWarmup: true,
  mixup: 0.2,
  cutmix: 1,
  balance: true,
  repeats: 2,
  autoAugment: "rand-m9-mstd0.5-inc1",
  schedule: "plateau",
  decayEpochs: 1,
};
const recipe = values.everything ? { epochs: 4, batchSize: 8, ...everything } : { epochs: 4, batchSize: 16 };
writeFileSync(config, JSON.stringify({ ...recipe, model }));

function start(out: string): ChildProcess {
  const begin = [
    "shapes",
    "--config",
    config,
    "--limit",
    "160",
    "--checkpoint-every",
    "3",
    "--workers",
    "2",
    "--no-inspect",
    "--no-report",
  ];
  const args = existsSync(join(out, "recipe.json")) ? ["--resume"] : begin;
  return spawn(process.execPath, [main, "train", ...args, "--out", out, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Waits for the end. @returns whether the process ended by itself; a failure of its own ends the program */
function ended(child: ChildProcess): Promise<boolean> {
  return new Promise((fulfil, reject) => {
    child.on("close", (code, signal) => {
      if (signal === null && code !== 0) reject(new Error(`the training failed with code ${code}`));
      else fulfil(signal === null);
    });
  });
}

function weightsOf(out: string): string {
  const last = readdirSync(join(out, "checkpoints")).sort().at(-1)!;
  const hash = createHash("sha256");
  for (const file of [
    "model.safetensors",
    `checkpoints/${last}/model.safetensors`,
    `checkpoints/${last}/optimizer.safetensors`,
  ])
    hash.update(readFileSync(join(out, file)));
  return hash.digest("hex");
}

/** What is left of interrupted writing. */
function remains(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.tmp$|\.writing-/.test(name));
}

/** What came of all kills so far. */
interface Count {
  readonly killed: number;
  readonly runs: number;
  readonly same: number;
  /** SHA-256 of what every run must come to. */
  readonly expected: string;
}

const counted = join(place, values.everything ? "everything.json" : "plain.json");

try {
  rmSync(join(place, "whole"), { recursive: true, force: true });
  const began = performance.now();
  await ended(start(join(place, "whole")));
  const whole = performance.now() - began;
  const expected = weightsOf(join(place, "whole"));
  const before = existsSync(counted) ? (JSON.parse(readFileSync(counted, "utf8")) as Count) : undefined;
  if (before && before.expected !== expected)
    throw new Error(`${counted} counts kills of another build, or one run differed: remove it to begin anew`);
  let { killed, runs, same } = before ?? { killed: 0, runs: 0, same: 0 };
  while (killed < kills && performance.now() - began < 60_000 * Number(values.minutes)) {
    const out = join(place, `run-${runs++}`);
    rmSync(out, { recursive: true, force: true });
    let strikes = 0;
    for (let done = false; !done; ) {
      const child = start(out);
      const end = ended(child);
      const moment = setTimeout(() => child.kill("SIGKILL"), Math.random() * whole);
      // The last run of all must come to its end.
      if (killed + strikes >= kills) clearTimeout(moment);
      done = await end;
      clearTimeout(moment);
      if (!done) strikes++;
    }
    killed += strikes;
    const equal = weightsOf(out) === expected && remains(out).length === 0;
    if (equal) same++;
    console.log(`run ${runs}: ${strikes} kills, ${equal ? "same bits" : "DIFFERENT"} (${killed} of ${kills})`);
    rmSync(out, { recursive: true });
    const count: Count = { killed, runs, same, expected };
    writeFileSync(counted, JSON.stringify(count));
  }
  const left = remains(place);
  console.log(
    `${killed} kills in ${runs} runs: ${same} of ${runs} came to the same bits; left behind: ${left.join(", ") || "nothing"}; one undisturbed run took ${(whole / 1000).toFixed(1)} s`,
  );
  if (same !== runs) process.exitCode = 1;
} finally {
  if (!values.keep) rmSync(place, { recursive: true, force: true });
}
