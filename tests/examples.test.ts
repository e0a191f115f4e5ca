import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));

afterEach(() => vi.restoreAllMocks());

/** What a script prints. */
async function printed(path: string): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...parts: unknown[]) => void lines.push(parts.map(String).join(" ")));
  await import(path);
  return lines.join("\n");
}

/** What each example must print somewhere. */
const expected: Readonly<Record<string, readonly string[]>> = {
  "alignment.ts": ["turned around: 7 6 5 4 3", "looks most at place 4 3 2 1 0"],
  "attention-in-three-stages.ts": [
    "nobody looks at padding true",
    "f(P x) = P f(x) true",
    "causal 1.00 0.00 0.00 0.00 |",
  ],
  "encoder-with-masks.ts": ["changes a word by nothing", "0.00 0.00"],
  "generate-with-a-cache.ts": ["each time: 250 words", "with a cache: 22 words", "same text: true", "company: true"],
  "gradient.ts": ["each token looks at", "∂/∂v", "MatMul"],
  "look-inside.ts": ["parameters", "logits 2,10 attention 2,3,17,17"],
  "two-mistakes-in-attention.ts": [
    "right: √k: scores spread 1.0",
    "notes: √(heads · k): scores spread 0.3",
    "right: one d × d matrix: heads that notice yes yes yes yes",
    "notes: one k × k matrix for all: heads that notice yes no no no",
    "equal parts, equal heads: true",
  ],
  "preference.ts": ["after imitation: ", "after preferences: "],
  "train-your-own.ts": ["step 300  loss 0.0"],
};

test("every example is executed here", () => {
  expect(files.sort()).toEqual(Object.keys(expected).sort());
});

test.each(files)("examples/%s runs and prints what it promises", async (file) => {
  const text = await printed(join(root, "examples", file));
  for (const part of expected[file]!) expect(text).toContain(part);
});

test("the README's code runs", async () => {
  const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) => code!,
  );
  expect(blocks.length).toBeGreaterThan(0);
  const folder = join(root, "node_modules/.cache/vitrine/readme");
  mkdirSync(folder, { recursive: true });
  for (const [i, code] of blocks.entries()) {
    const file = join(folder, `block-${i}.ts`);
    writeFileSync(file, code);
    expect(await printed(file)).not.toBe("");
  }
});
