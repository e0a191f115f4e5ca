import { expect, test } from "vitest";
import { stream } from "../../src/graph/random.ts";
import type { LabelledFeatures } from "../../src/inspect/discriminant.ts";
import { confidenceThresholds, judgeLabels, labelSuspects } from "../../src/inspect/label-errors.ts";
import golden from "./golden/confident-learning.json" with { type: "json" };

test.each(golden)("thresholds and suspects are those of the paper's equations, $classes classes", (example) => {
  const judged = { ...example, probabilities: Float64Array.from(example.probabilities) };
  const thresholds = confidenceThresholds(judged);
  for (const [j, t] of example.thresholds.entries()) expect(thresholds[j]).toBeCloseTo(t, 12);
  expect(labelSuspects(judged).map(({ index, suggested }) => [index, suggested])).toEqual(example.suspects);
});

/** Three normal clouds, four standard deviations apart, with some labels exchanged. */
function planted(seed: number, share: number): { features: LabelledFeatures; swapped: ReadonlySet<number> } {
  const [n, d, k] = [300, 16, 3];
  const random = stream(seed, "planted");
  const truth = Array.from({ length: n }, (_, i) => i % k);
  const values = Float32Array.from(
    { length: n * d },
    (_, i) => random.normal() + (i % d === truth[Math.floor(i / d)] ? 4 : 0),
  );
  const swapped = new Set<number>();
  while (swapped.size < Math.round(share * n)) swapped.add(random.integer(n));
  const labels = truth.map((label, i) => (swapped.has(i) ? (label + 1 + random.integer(k - 1)) % k : label));
  return { features: { values, width: d, labels, classes: k }, swapped };
}

test("planted label errors are found, and little else", () => {
  let [planted_, found, hits] = [0, 0, 0];
  for (let seed = 0; seed < 5; seed++) {
    const { features, swapped } = planted(seed, 0.1);
    const { suspects } = judgeLabels(features, { seed });
    planted_ += swapped.size;
    found += suspects.length;
    hits += suspects.filter(({ index }) => swapped.has(index)).length;
  }
  expect(hits / planted_, "recall").toBeGreaterThan(0.7);
  expect(hits / found, "precision").toBeGreaterThan(0.95);
});

test("clean labels raise next to no suspicion", () => {
  const { suspects } = judgeLabels(planted(1, 0).features, { seed: 0 });
  expect(suspects.length).toBeLessThan(4);
});
