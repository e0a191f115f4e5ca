import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Bleu, bleu, bleuTokens } from "../../src/tasks/bleu.ts";

interface Case extends Bleu {
  readonly translations: readonly string[];
  readonly references: readonly string[];
}

const cases = JSON.parse(readFileSync(new URL("golden/bleu.json", import.meta.url), "utf8")) as readonly Case[];

test("BLEU is sacrebleu's", () => {
  for (const { translations, references, ...expected } of cases) {
    const got = bleu(translations, references);
    for (const name of ["score", "brevity", "length", "referenceLength"] as const)
      expect(got[name], `${name} of ${translations[0]}`).toBeCloseTo(expected[name], 9);
    for (const [i, precision] of got.precisions.entries()) expect(precision).toBeCloseTo(expected.precisions[i]!, 9);
  }
});

test("numbers keep their points, words do not", () => {
  expect(bleuTokens("It costs 1,000.5, no?")).toEqual(["It", "costs", "1,000.5", ",", "no", "?"]);
});

test("each translation needs a reference", () => {
  expect(() => bleu(["a"], [])).toThrow("got 1 and 0");
});
