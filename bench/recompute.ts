/**
 * Training steps that keep all activations beside steps that make the cheap ones again: the two take turns, repetition by repetition, and medians
 * are compared.
 *
 * `node tools/run.mjs bench/recompute.ts [REPETITIONS] [CASE]`, CASE a part of a case's name; with `CLOCK=processor`, time of the processor.
 */

import { availableCores } from "../src/runtime/threads-node.ts";
import { Contestant, median } from "./contestant.ts";
import { mb } from "./race.ts";

const repetitions = Number(process.argv[2] ?? 5);
const only = process.argv[3] ?? "";
const threads = String(availableCores());

/** Names, and what the subjects are told. */
const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ["ViT-S/16, 32 images in 8 parts", "speed", ["vit_small_patch16_224", "train", "32", threads, "224"]],
  ["ViT-S/16, one image of 512 pixels a side", "speed", ["vit_small_patch16_224", "train", "1", threads, "512"]],
  ["Transformer of 6 + 6 layers, width 512, 4 pairs of 256 words", "words", ["train", "512", "6", "4", "256", threads]],
  ["ResNet-50, 8 images", "speed", ["resnet50", "train", "8", threads, "224"]],
];

process.stdout.write(
  `threads ${threads}, ${repetitions} alternating repetitions, medians\n| step | s, kept | s, made again | time | MB, kept | MB, made again | memory |\n|---|---|---|---|---|---|---|\n`,
);
for (const [name, subject, args] of cases.filter(([name]) => name.includes(only))) {
  const open = async (...last: readonly string[]): Promise<Contestant> => {
    const contestant = new Contestant(process.execPath, [
      "tools/run.mjs",
      `bench/${subject}-subject.ts`,
      ...args,
      ...last,
    ]);
    await contestant.read();
    return contestant;
  };
  const contestants = [await open(), await open("recompute")] as const;
  const times = [[], []] as readonly [number[], number[]];
  for (let i = 0; i < repetitions; i++)
    for (const [side, contestant] of contestants.entries()) times[side]!.push(await contestant.repeat());
  const [kept, again] = times.map(median) as [number, number];
  const [keptMemory, againMemory] = [await contestants[0].end(), await contestants[1].end()];
  const cells = [
    ...[name, kept.toFixed(3), again.toFixed(3), (again / kept).toFixed(2)],
    ...[mb(keptMemory), mb(againMemory), (againMemory / keptMemory).toFixed(2)],
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
