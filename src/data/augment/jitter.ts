/** Colour jitter: brightness, contrast, saturation and hue by random amounts in random order (torchvision's `ColorJitter`). */

import type { RandomStream } from "../../graph/random.ts";
import type { Change } from "./change.ts";

/** Strengths of brightness, contrast and saturation, each a largest distance of the factor from 1; and of hue, the largest turn, at most 0.5. */
export type JitterRules = readonly [brightness: number, contrast: number, saturation: number, hue?: number | undefined];

/**
 * The changes of one image: factors uniform in max(0, 1 − strength) … 1 + strength, the turn of hue in ± its strength. Strengths of 0 change nothing.
 * @param rules - one number counts for brightness, contrast and saturation, without hue, as in timm.
 */
export function drawJitter(rules: number | JitterRules, random: RandomStream): readonly Change[] {
  const [brightness, contrast, saturation, hue = 0] = typeof rules === "number" ? [rules, rules, rules] : rules;
  const order = [0, 1, 2, 3];
  for (let i = 3; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const factor = (kind: "brightness" | "contrast" | "colour", strength: number): Change | undefined => {
    if (strength === 0) return undefined;
    const low = Math.max(0, 1 - strength);
    return { kind, factor: low + (1 + strength - low) * random.uniform() };
  };
  const changes = [
    factor("brightness", brightness),
    factor("contrast", contrast),
    factor("colour", saturation),
    hue === 0 ? undefined : ({ kind: "hue", turn: -hue + 2 * hue * random.uniform() } as const),
  ];
  return order.flatMap((i) => changes[i] ?? []);
}
