/** `vitrine train` with texts, as a person types it. */

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, vitrine } from "./process.ts";

const folder = temporaryFolder();
writeFileSync(
  join(folder, "rhyme.txt"),
  "round and round the garden, like a teddy bear. one step, two steps. ".repeat(20),
);

test("settings of --config count, those that are typed before them, and a stopped run goes on with both", async () => {
  const config = join(folder, "small.json");
  const model = { width: 16, depth: 1, heads: 2, mlpWidth: 32 };
  writeFileSync(config, JSON.stringify({ epochs: 3, window: 16, batchSize: 8, optimizer: "adamw", model }));
  const out = join(folder, "run");
  const args = ["train", "rhyme.txt", "--config", config, "--epochs", "2", "--accumulate", "2", "--out", out];
  const { code, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  const read = (): unknown => JSON.parse(readFileSync(join(out, "recipe.json"), "utf8"));
  expect(read()).toMatchObject({ epochs: 2, accumulate: 2, window: 16, batchSize: 8, optimizer: "adamw" });
  const again = await vitrine(["train", "--resume", "--out", out], { cwd: folder });
  expect(again.code, again.stderr).toBe(0);
  expect(read()).toMatchObject({ epochs: 2, accumulate: 2, window: 16, batchSize: 8, optimizer: "adamw" });
  const written = await vitrine(["generate", out, "round and", "--tokens", "5"], { cwd: folder });
  expect(written.code, written.stderr).toBe(0);
  const judged = await vitrine(["eval", out, "rhyme.txt", "--json"], { cwd: folder });
  expect(judged.code, judged.stderr).toBe(0);
  const { count, loss, perplexity } = JSON.parse(judged.stdout);
  expect(count).toBe(20 * 68 - 1);
  expect(perplexity).toBeCloseTo(Math.exp(loss), 6);
  const exported = await vitrine(["export", out, "small", "--half"], { cwd: folder });
  expect(exported.code, exported.stderr).toBe(0);
  const size = (path: string): number => statSync(join(folder, path, "model.safetensors")).size;
  expect(size("small")).toBeLessThan(0.7 * size("run"));
  const small = JSON.parse((await vitrine(["eval", "small", "rhyme.txt", "--json"], { cwd: folder })).stdout);
  expect(small.loss).toBeCloseTo(loss, 2);
  const over = await vitrine(["export", out, "small"], { cwd: folder });
  expect(over.code).toBe(1);
  expect(over.stderr).toMatch(/not replaced/);
});

test("settings of a model that cannot be are refused before anything is written", async () => {
  const config = join(folder, "wrong.json");
  for (const [settings, message] of [
    [{ window: 16, batchSize: 8, model: { activation: "foo" } }, /activation: .* received "foo"/],
    [
      { window: 16, batchSize: 8, model: { positions: 8 } },
      /as many positions as it learns from at once, got 8 for 16/,
    ],
  ] as const) {
    writeFileSync(config, JSON.stringify(settings));
    const { code, stderr } = await vitrine(["train", "rhyme.txt", "--config", config, "--out", "never"], {
      cwd: folder,
    });
    expect({ code, left: existsSync(join(folder, "never")) }, stderr).toEqual({ code: 2, left: false });
    expect(stderr).toMatch(message);
  }
});

test("a text is learned in as many pieces as --config says", async () => {
  const config = join(folder, "pieces.json");
  const model = { width: 16, depth: 1, heads: 2, mlpWidth: 32 };
  writeFileSync(config, JSON.stringify({ epochs: 1, window: 8, batchSize: 2, pieces: 270, model }));
  const args = ["train", "rhyme.txt", "--config", config, "--out", "pieced"];
  const { code, stderr } = await vitrine(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/rhyme: a text, [\d,]+ tokens to learn from[\s\S]*270 words/);
  const written = await vitrine(["generate", "pieced", "round and", "--tokens", "3"], { cwd: folder });
  expect(written.code, written.stderr).toBe(0);
});

test("documents of a folder are told apart, and texts end where a document would", async () => {
  const place = join(folder, "tales");
  mkdirSync(place);
  for (const name of ["a.txt", "b.txt"]) writeFileSync(join(place, name), "up and down.".repeat(20));
  writeFileSync(join(place, "c.jsonl"), `${JSON.stringify({ text: "in and out." })}\n`.repeat(60));
  const config = join(folder, "tales.json");
  const model = { width: 16, depth: 1, heads: 2, mlpWidth: 32 };
  writeFileSync(config, JSON.stringify({ epochs: 40, window: 16, batchSize: 4, model }));
  const { code, stderr } = await vitrine(["train", "tales", "--config", config, "--out", "teller"], { cwd: folder });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/tales: 62 documents, [\d,]+ characters to learn from[\s\S]*, 12 words/);
  const told = await vitrine(["generate", "teller", "in and", "--temperature", "0", "--tokens", "9", "--json"], {
    cwd: folder,
  });
  expect(told.code, told.stderr).toBe(0);
  expect(JSON.parse(told.stdout)[0]).toMatchObject({ text: " out.", ended: true });
  const judged = await vitrine(["eval", "teller", "tales/c.jsonl", "--json"], { cwd: folder });
  expect(JSON.parse(judged.stdout).count, judged.stderr).toBe(60 * 12 - 1);
});

test("a folder that lacks one of two languages is told which file", async () => {
  mkdirSync(join(folder, "half"));
  writeFileSync(join(folder, "half", "train.de"), "eins\nzwei\n");
  const { code, stderr } = await vitrine(["train", "half", "--languages", "de-en"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/got de-en, it has de and no train\.en in half; put .*train\.en/);
});

test("sides of different lengths are refused with both lengths, and nothing is written", async () => {
  const pairs = join(folder, "pairs");
  mkdirSync(pairs);
  writeFileSync(join(pairs, "train.de"), "eins\nzwei\ndrei\n");
  writeFileSync(join(pairs, "train.en"), "one\ntwo\n");
  const { code, stderr } = await vitrine(["train", "pairs", "--languages", "de-en", "--out", "none"], { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toMatch(/3.*2|2.*3/);
  expect(stderr).not.toMatch(/\n\s+at /);
});
