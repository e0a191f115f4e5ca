/** What the stages of a model make of an image: maps of features, from many places to few and from few channels to many. */

import type { NdArray } from "../graph/dtype.ts";
import type { ExplanationMap, ImageExplanation } from "./explanation.ts";
import type { Question, Seen } from "./look.ts";
import type { Subject } from "./subject.ts";

/** Channels of each stage that are shown, besides the mean of all. */
const shown = 3;

/** Asks for the maps of all stages, [b, h, w, d] each. */
export function stagesQuestion({ stages }: Pick<Subject, "stages">): Question {
  return ({ tap }) =>
    Object.fromEntries(
      stages.map(({ tap: name, order }, i) => [
        answerName(i),
        order === "channels first" ? tap(name).transpose([0, 2, 3, 1]) : tap(name),
      ]),
    );
}

const answerName = (stage: number): string => `stage ${stage}`;

/**
 * Stages across; down, the mean of a stage's channels and the channels whose values vary most over the image, most first.
 * @returns facts too: each stage's size, `h × w × d`
 */
export function stageMaps(
  { answers }: Pick<Seen, "answers">,
  { stages }: Pick<Subject, "stages">,
): Pick<ImageExplanation, "maps" | "table" | "facts" | "grid"> {
  const columns = stages.map(({ tap }, i) => mapsOf(tap, answers[answerName(i)]!));
  const count = Math.min(...columns.map(({ length }) => length));
  const sizes = stages.map((_, i) => answers[answerName(i)]!.shape.slice(1).join(" × "));
  const { rows, cols } = columns.at(-1)![0]!;
  return {
    maps: Array.from({ length: count }, (_, row) => columns.map((column) => column[row]!)).flat(),
    table: {
      rowTitles: ["mean of channels", ...ranks].slice(0, count),
      colTitles: stages.map(({ tap }, i) => `${tap}, ${sizes[i]}`),
    },
    facts: Object.fromEntries(stages.map(({ tap }, i) => [tap, sizes[i]!])),
    grid: { rows, cols },
  };
}

const ranks: readonly string[] = Array.from({ length: shown }, (_, i) => `channel that varies most, ${i + 1}`);

/** The mean of the channels of a map [1, h, w, d], and its channels of the largest variance over the places. */
function mapsOf(stage: string, { shape, data }: NdArray): readonly ExplanationMap[] {
  const [, rows, cols, width] = shape as readonly [number, number, number, number];
  const [places, features] = [rows * cols, data as Float32Array];
  const channel = (k: number): Float32Array =>
    Float32Array.from({ length: places }, (_, place) => features[place * width + k]!);
  const means = Float32Array.from({ length: places }, (_, place) =>
    mean(features.subarray(place * width, (place + 1) * width)),
  );
  const most = Array.from({ length: width }, (_, k) => ({ k, variance: varianceOf(channel(k)) }))
    .sort((a, b) => b.variance - a.variance)
    .slice(0, shown);
  const own = { rows, cols, outside: 0 };
  return [
    { name: `${stage}, mean of ${width} channels`, values: means, ...own },
    ...most.map(({ k }) => ({ name: `${stage}, channel ${k}`, values: channel(k), ...own })),
  ];
}

function mean(values: Float32Array): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function varianceOf(values: Float32Array): number {
  const centre = mean(values);
  return values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / values.length;
}
