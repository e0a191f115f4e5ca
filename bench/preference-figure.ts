/** How far a policy has gone from where it began, and what that brought: by the reward model, and in truth. */

import { numberText, ticksOf } from "../src/explain/colour-bar.ts";
import type { Rgb } from "../src/explain/colours.ts";
import { inkColour, type Picture, type PictureElement, quietColour } from "../src/explain/picture.ts";
import type { Iteration, SeedResult } from "./preference-subject.ts";

const guardedColour: Rgb = [30, 92, 168];
const unguardedColour: Rgb = [200, 64, 40];
const gridColour: Rgb = [226, 228, 232];

const [panelWidth, panelHeight] = [330, 230];
const top = 86;

interface Panel {
  readonly left: number;
  readonly title: string;
  readonly of: (iteration: Iteration) => number;
  readonly text: (value: number) => string;
}

/** Two panels over the same axis, a dot for each iteration of PPO. */
export function preferenceFigure(seeds: readonly SeedResult[], beta: number): Picture {
  const all = seeds.flatMap(({ guarded, unguarded }) => [...guarded, ...unguarded]);
  // Equal steps of the axis are equal steps of √KL, as in Gao et al., arXiv:2210.10760.
  const furthest = Math.max(...all.map(({ divergence }) => divergence));
  const across = (divergence: number): number => Math.sqrt(Math.max(0, divergence) / furthest) * (panelWidth - 12) + 6;
  const panels: readonly Panel[] = [
    { left: 60, title: "what the reward model says", of: ({ reward }) => reward, text: numberText },
    {
      left: 60 + panelWidth + 80,
      title: "what is true: right answers",
      of: ({ success }) => success,
      text: (value) => `${numberText(100 * value)} %`,
    },
  ];
  const elements = panels.flatMap((panel) => drawPanel(panel, seeds, { all, across, furthest }));
  const width = 60 + 2 * panelWidth + 80 + 20;
  const legend = (x: number, colour: Rgb, text: string): readonly PictureElement[] => [
    { kind: "dot", x, y: 43, radius: 4, colour },
    { kind: "text", x: x + 10, y: 48, text, style: "body", colour: inkColour },
  ];
  return {
    width,
    height: top + panelHeight + 56,
    title: "Proximal policy optimisation with and without the penalty for leaving the reference",
    elements: [
      { kind: "text", x: 60, y: 24, text: "PPO on the instructions: each dot is one iteration", style: "title" },
      ...legend(64, guardedColour, `with the penalty (${beta} a nat)`),
      ...legend(300, unguardedColour, "without it"),
      ...elements,
    ],
  };
}

function drawPanel(
  { left, title, of, text }: Panel,
  seeds: readonly SeedResult[],
  {
    all,
    across,
    furthest,
  }: { readonly all: readonly Iteration[]; readonly across: (x: number) => number; readonly furthest: number },
): readonly PictureElement[] {
  const values = all.map(of);
  const low = Math.min(0, ...values);
  const high = Math.max(...values) * 1.04;
  const up = (value: number): number => top + panelHeight * (1 - (value - low) / (high - low));
  const bottom = top + panelHeight;
  const label = (x: number, y: number, words: string, anchor: "start" | "middle" | "end"): PictureElement => ({
    kind: "text",
    ...{ x, y, text: words, style: "small", anchor, colour: quietColour },
  });
  const dots = (iterations: readonly Iteration[], colour: Rgb): readonly PictureElement[] =>
    iterations.map((one) => ({ kind: "dot", x: left + across(one.divergence), y: up(of(one)), radius: 2.5, colour }));
  return [
    { kind: "text", x: left, y: top - 14, text: title, style: "body", colour: inkColour },
    ...ticksOf({ low, high }, 5).flatMap((tick): readonly PictureElement[] => [
      { kind: "box", x: left, y: Math.round(up(tick)), width: panelWidth, height: 1, colour: gridColour },
      label(left - 6, up(tick) + 4, text(Number(tick.toPrecision(10))), "end"),
    ]),
    { kind: "box", x: left, y: bottom, width: panelWidth, height: 1, colour: quietColour },
    ...[0, 0.5, 2, 5, 10, 20, 40]
      .filter((tick) => tick <= furthest)
      .map((tick) => label(left + across(tick), bottom + 18, numberText(tick), "middle")),
    label(left + panelWidth / 2, bottom + 40, "KL from the imitator, nats an answer", "middle"),
    ...seeds.flatMap(({ guarded, unguarded }) => [
      ...dots(unguarded, unguardedColour),
      ...dots(guarded, guardedColour),
    ]),
  ];
}
